#!/usr/bin/env node
// Writes abi/*.json ({abi, bytecode}) from forge's out/ folder: `npm run build && node export.cjs`.
// `node export.cjs --check` writes nothing and exits 1 when what is committed is not what was compiled.
const fs = require('fs');
const path = require('path');

const CONTRACTS = ['EnergyToken', 'MeterRegistry', 'Settlement', 'TestStablecoin'];
const check = process.argv.includes('--check');
let differences = 0;

for (const name of CONTRACTS) {
  const compiled = path.join(__dirname, 'out', `${name}.sol`, `${name}.json`);
  if (!fs.existsSync(compiled)) {
    console.error(`${compiled} is missing: run \`npm run build\` first`);
    process.exit(2);
  }
  const { abi, bytecode } = JSON.parse(fs.readFileSync(compiled, 'utf8'));
  const text = JSON.stringify({ abi, bytecode: bytecode.object }, null, 1) + '\n';
  const file = path.join(__dirname, 'abi', `${name}.json`);
  const committed = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  if (committed === text) continue;
  if (check) {
    console.error(`abi/${name}.json is not what src/ compiles to: run \`npm run build && node export.cjs\` and commit it`);
    differences += 1;
  } else {
    fs.writeFileSync(file, text);
    console.log(`wrote abi/${name}.json`);
  }
}
process.exit(differences ? 1 : 0);
