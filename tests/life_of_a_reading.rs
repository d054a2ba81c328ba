//! The life of a reading, from the meter's register to the balance on the chain: the steps of
//! ARCHITECTURE.md on the real parts, in one short run of the program.
#![cfg(feature = "demo")]

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use commonwatt::node::bundles::StoredBundles;
use commonwatt::node::market::TradingHome;
use commonwatt::verify::{Bundle, Outcome, Trust, verify};
use energy_core::{HomeId, NanoAmount, ZoneId};
use settlement::chain::{
    Chain, ChainKey, ContractAddresses, EmbeddedChain, EmbeddedSettings, Rpc, SenderSettings,
};
use store::Store;
use web::BundleSource as _;

const HOMES: u32 = 2;
/// From ten homes on a bundle shows the whole book.
const MANY: u32 = 12;
/// Four intervals from the demo's first boundary on.
const STOP_AT: &str = "2026-06-15T10:00:00Z";

#[test]
fn from_the_register_to_the_balance() {
    let folder = tempfile::tempdir().expect("a folder");
    run_street(folder.path(), HOMES, "k-double-auction");

    let store = Store::open(&folder.path().join("commonwatt.db")).expect("the street's database");
    let zone = ZoneId::new("elm-street").expect("a name");
    let intervals = store.newest_intervals(&zone, 10).expect("asked");
    assert_eq!(intervals.len(), 4, "every interval is cleared");
    let traded: u64 = intervals
        .iter()
        .map(|interval| interval.quantity.get())
        .sum();
    assert!(traded > 0, "neighbours traded");
    assert!(store.ingest_counts().expect("asked").refused == 0);

    every_bundle_verifies(&store, &zone, folder.path(), HOMES);
    the_chain_holds_what_the_ledger_says(&store, &zone, folder.path());
}

/// A street of another mechanism, with enough homes for whole books in the bundles. This one leaves
/// money over, which is the zone's.
#[test]
fn the_same_under_another_mechanism() {
    let folder = tempfile::tempdir().expect("a folder");
    run_street(folder.path(), MANY, "mcafee");

    let store = Store::open(&folder.path().join("commonwatt.db")).expect("the street's database");
    let zone = ZoneId::new("elm-street").expect("a name");
    let ledger = store.ledger(&zone).expect("asked");
    assert!(ledger.zone_cash > NanoAmount::ZERO, "money is left over");
    assert_eq!(ledger.cash(), Ok(NanoAmount::ZERO));
    every_bundle_verifies(&store, &zone, folder.path(), MANY);
    the_chain_holds_what_the_ledger_says(&store, &zone, folder.path());
}

/// Runs a street at high speed until the stop, on the embedded parts.
fn run_street(folder: &Path, homes: u32, mechanism: &str) {
    let status = Command::new(env!("CARGO_BIN_EXE_commonwatt"))
        .args([
            "demo",
            "--history-days",
            "0",
            "--speed",
            "1800",
            "--stop-at",
            STOP_AT,
        ])
        .args([
            "--homes",
            &homes.to_string(),
            "--mechanism",
            mechanism,
            "--port",
            &free_port(),
            "--rpc-port",
            &free_port(),
        ])
        .arg("--data-dir")
        .arg(folder)
        .status()
        .expect("the program starts");
    assert!(status.success(), "the street ended with {status}");
}

fn free_port() -> String {
    let probe = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    probe.local_addr().expect("bound").port().to_string()
}

/// Register, reading, batch, clearing, statement, leaf and root hold together for every home and
/// interval, and no changed byte passes.
fn every_bundle_verifies(store: &Store, zone: &ZoneId, folder: &Path, homes: u32) {
    let document = store
        .zone_documents(zone)
        .expect("asked")
        .pop()
        .expect("one document");
    let roots: BTreeSet<_> = store
        .final_roots()
        .expect("asked")
        .iter()
        .map(|root| root.root)
        .collect();
    let bundles = StoredBundles::new(store.clone(), document, trading_homes(store, zone));
    for home in 1..=homes {
        let trust =
            Trust::load(&folder.join(format!("trust/home-{home}.json"))).expect("a trust file");
        for interval in store.newest_intervals(zone, 10).expect("asked") {
            let bytes = bundles
                .bundle(HomeId::new(home), interval.start)
                .expect("a final interval");
            let bundle = Bundle::from_bytes(&bytes).expect("its own bytes");
            let report = verify(&bundle, Some(&trust), &roots);
            assert_eq!(report.outcome, Outcome::Verified, "{:#?}", report.steps);
            let unknown = verify(&bundle, Some(&trust), &BTreeSet::new());
            assert_eq!(unknown.outcome, Outcome::UntrustedRoot);
        }
        let bytes = bundles
            .bundle(
                HomeId::new(home),
                store
                    .newest_interval(zone)
                    .expect("asked")
                    .expect("one")
                    .start,
            )
            .expect("a final interval");
        for (at, bit) in (0..bytes.len()).zip((0..8).cycle()) {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            if let Ok(bundle) = Bundle::from_bytes(&changed) {
                let report = verify(&bundle, None, &roots);
                assert!(
                    matches!(report.outcome, Outcome::Wrong(_)),
                    "byte {at}, bit {bit}"
                );
            }
        }
    }
}

fn trading_homes(store: &Store, zone: &ZoneId) -> Vec<TradingHome> {
    let of = |home: &store::HomeRecord| {
        let meters = store.meters_of_home(home.home).expect("asked");
        let of_role = |role| {
            meters
                .iter()
                .find(|meter| meter.role == role)
                .map(|meter| meter.meter)
        };
        TradingHome {
            home: home.home,
            address: home.address,
            meter: of_role(clearing_house::accept::MeterRole::ConnectionPoint)
                .expect("every home has one"),
            generation: of_role(clearing_house::accept::MeterRole::Generation),
            has_battery: home.has_battery,
        }
    };
    store.homes(zone).expect("asked").iter().map(of).collect()
}

/// The accounts of the contract, read from the chain that the street left behind.
fn the_chain_holds_what_the_ledger_says(store: &Store, zone: &ZoneId, folder: &Path) {
    let ledger = store.ledger(zone).expect("asked");
    let address = |name: &str| {
        store
            .contract(name)
            .expect("asked")
            .expect("deployed")
            .address
    };
    let addresses = ContractAddresses {
        settlement: address("Settlement"),
        registry: address("MeterRegistry"),
        energy_token: address("EnergyToken"),
        stablecoin: address("TestStablecoin"),
    };
    let settings = EmbeddedSettings {
        path: Some(folder.join("chain.log")),
        ..EmbeddedSettings::default()
    };
    let embedded = EmbeddedChain::open(&settings).expect("the street's chain");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let anybody = ChainKey::derived(b"test", "anybody");
        let chain = Chain::connect(Rpc::Embedded(embedded), anybody, SenderSettings::default());
        let contracts = chain.await.expect("it answers").contracts(addresses);
        for home in store.homes(zone).expect("asked") {
            let account = contracts.account(home.address).await.expect("it answers");
            let expected = ledger.home(home.home);
            assert_eq!(
                account.energy, expected.credited,
                "tokens of home {}",
                home.home
            );
            assert_eq!(account.cash, expected.cash, "money of home {}", home.home);
        }
    });
}
