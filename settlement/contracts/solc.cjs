#!/usr/bin/env node
// Lets forge use the npm package `solc`, the pinned compiler, without downloading a native one.
// forge asks for the version first, then sends standard JSON on stdin.
const solc = require('solc');

if (process.argv.includes('--version')) {
  console.log('solc, the solidity compiler commandline interface\nVersion: ' + solc.version().replace('.clang', ''));
} else {
  let input = '';
  process.stdin.on('data', (chunk) => (input += chunk)).on('end', () => process.stdout.write(solc.compile(input)));
}
