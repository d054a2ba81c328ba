//! The hash layouts, pinned. The files in `tests/golden` are read here and by the contracts' tests
//! (`contracts/test/Golden.t.sol`), so both sides agree on every byte.
//!
//! `UPDATE_GOLDEN=1 cargo test -p settlement --test golden` writes them anew; review the difference.

use std::path::PathBuf;

use energy_core::{Address, Hash, IntervalLength, MeterId, NanoAmount, WattHours, ZoneId, keccak};
use serde_json::{Value, json};
use settlement::{
    BatchHeader, EvidenceLeaf, HomeLeaf, MarketLeaf, SecondSum, SettlementBatch, SumProof,
};

const CHAIN_ID: u64 = 31_337;
const SETTLED_TO: u64 = 1_781_514_900;

fn contract() -> Address {
    Address::new([0xc0; 20])
}

fn bytes<const N: usize>(what: &str, n: u64) -> [u8; N] {
    let hash = keccak(&[what.as_bytes(), &n.to_be_bytes()]);
    let mut bytes = [0; N];
    bytes.copy_from_slice(&hash.as_bytes()[..N]);
    bytes
}

/// A street: operator, utility, 24 homes. Even homes buy, odd ones sell, the operator keeps the fees.
fn homes() -> Vec<HomeLeaf> {
    let home = |n: u64| {
        let trades = n >= 2;
        let sells = n % 2 == 1;
        let (credited, retired, cash) = match (trades, sells) {
            (false, _) => (n * 5_000, n * 5_000, 0),
            (true, true) => (0, 0, 187_654_321 + i64::try_from(n).expect("small")),
            (true, false) => (
                1_000 + n * 13,
                n * 7,
                -190_000_000 - i64::try_from(n * n).expect("small"),
            ),
        };
        HomeLeaf {
            account: Address::new(bytes("account", n)),
            credited: WattHours::new(credited),
            retired: WattHours::new(retired),
            cash: NanoAmount::new(cash),
        }
    };
    let mut homes: Vec<HomeLeaf> = (0..26).map(home).collect();
    let sum = NanoAmount::sum(homes.iter().map(|leaf| leaf.cash)).expect("small");
    homes[0].cash = sum.negated().expect("small");
    homes
}

/// One meter for each selling home; together they minted what the accounts were credited.
fn evidence(credited: u64) -> Vec<EvidenceLeaf> {
    let meters = 12;
    let mut leaves: Vec<EvidenceLeaf> = (0..meters)
        .map(|n| EvidenceLeaf {
            meter: MeterId::new(bytes("meter", n)),
            settled_to: SETTLED_TO - 900 * (n % 2),
            minted: WattHours::new(credited / meters + if n == 0 { credited % meters } else { 0 }),
            carry: WattHours::new(n * 3),
            sequence: 1_781_514_900_000 + n,
            reading: Hash::new(bytes("reading", n)),
        })
        .collect();
    leaves.sort_by_key(|leaf| leaf.meter);
    leaves
}

fn markets() -> Vec<MarketLeaf> {
    let quarter = IntervalLength::QUARTER_HOUR;
    ["elm-street", "oak-street"]
        .iter()
        .flat_map(|zone| {
            (0..3_u32).map(|n| MarketLeaf {
                zone: ZoneId::new(*zone).expect("a zone"),
                interval: quarter
                    .start_at(1_781_512_200 + i64::from(n) * 900)
                    .expect("aligned"),
                certificate: Hash::new(bytes(zone, u64::from(n))),
                order_rows: Hash::new(bytes("rows", u64::from(n))),
            })
        })
        .collect()
}

fn street() -> SettlementBatch {
    let homes = homes();
    let credited = homes.iter().map(|leaf| leaf.credited.get()).sum();
    let parent = Hash::new(bytes("parent", 1));
    SettlementBatch::build(2, parent, SETTLED_TO, homes, evidence(credited), markets())
        .expect("adds up")
}

fn hexadecimal(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

fn path<B: SecondSum>(proof: &SumProof<B>) -> String {
    hexadecimal(&proof.to_calldata())
}

fn home_tree(batch: &SettlementBatch) -> Value {
    let leaves: Vec<Value> = (0_u32..)
        .zip(batch.homes())
        .map(|(index, leaf)| {
            let (_, proof) = batch.home_proof(index).expect("inside");
            json!({
                "account": hexadecimal(leaf.account.as_bytes()),
                "credited_wh": leaf.credited.get().to_string(),
                "retired_wh": leaf.retired.get().to_string(),
                "cash_nano": leaf.cash.get().to_string(),
                "hash": leaf.node(index).hash,
                "path": path(&proof),
            })
        })
        .collect();
    let (_, range) = batch.home_range(8, 3).expect("aligned");
    json!({
        "leaves": leaves,
        "root": batch.header().home_root,
        "credited_wh": batch.header().credited.get().to_string(),
        "cash_nano": "0",
        "path_above_leaves_8_to_15": path(&range),
    })
}

fn evidence_tree(batch: &SettlementBatch) -> Value {
    let leaves: Vec<Value> = batch
        .evidence()
        .iter()
        .map(|leaf| {
            let (_, proof) = batch.evidence_proof(leaf.meter).expect("inside");
            json!({
                "meter": hexadecimal(leaf.meter.as_bytes()),
                "settled_to": leaf.settled_to.to_string(),
                "minted_wh": leaf.minted.get().to_string(),
                "carry_wh": leaf.carry.get().to_string(),
                "sequence": leaf.sequence.to_string(),
                "reading_hash": leaf.reading,
                "hash": leaf.node().hash,
                "path": path(&proof),
            })
        })
        .collect();
    json!({
        "leaves": leaves,
        "root": batch.header().evidence_root,
        "minted_wh": batch.header().minted.get().to_string(),
        "carry_wh": batch.header().carry.get().to_string(),
    })
}

fn header(header: &BatchHeader) -> Value {
    json!({
        "chain_id": CHAIN_ID.to_string(),
        "contract": hexadecimal(contract().as_bytes()),
        "number": header.number.to_string(),
        "parent_root": header.parent_root,
        "settled_to": header.settled_to.to_string(),
        "home_root": header.home_root,
        "credited_wh": header.credited.get().to_string(),
        "evidence_root": header.evidence_root,
        "minted_wh": header.minted.get().to_string(),
        "carry_wh": header.carry.get().to_string(),
        "market_root": header.market_root,
        "encoded": hexadecimal(&header.abi_encoded(CHAIN_ID, &contract())),
        "root": header.root(CHAIN_ID, &contract()),
    })
}

fn compare(name: &str, value: &Value) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    let text = serde_json::to_string_pretty(value).expect("JSON") + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &text).expect("the golden folder is writable");
    }
    let golden = std::fs::read_to_string(&file).expect("a golden file; UPDATE_GOLDEN=1 writes it");
    let golden: Value = serde_json::from_str(&golden).expect("JSON");
    assert_eq!(&golden, value, "{name} has changed");
}

#[test]
fn the_home_tree_is_the_golden_one() {
    compare("home_tree.json", &home_tree(&street()));
}

#[test]
fn the_evidence_tree_is_the_golden_one() {
    compare("evidence_tree.json", &evidence_tree(&street()));
}

#[test]
fn the_header_is_the_golden_one() {
    compare("header.json", &header(street().header()));
}
