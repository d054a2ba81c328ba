//! The demo's end of the chain: which one it is, the contracts on it, and what the homes pay in.

use std::path::Path;

use anyhow::Context as _;
use energy_core::{IntervalStart, ZoneDocument};
use settlement::chain::{
    Chain, Contracts, DeploySettings, EmbeddedChain, EmbeddedSettings, HttpRpc, HttpSettings, Rpc,
    SenderSettings,
};
use simulations::homes::Street as Homes;
use store::{ContractRecord, Store};
use web::ChainStatus;

use super::arguments::DemoArguments;
use super::enrolment::{self, Names};
use crate::node::tx_journal::StoredJournal;

/// The challenge window in chain seconds: a minute.
pub(super) const WINDOW_S: u64 = 60;
/// Without a batch for a week everybody can leave.
const ESCAPE_AFTER_S: u64 = 7 * 86_400;
/// The proposer's bond: one coin of the chain.
const BOND_WEI: u128 = 1_000_000_000_000_000_000;
/// Gas money of an account that sends.
pub(super) const GAS_WEI: u128 = 100 * BOND_WEI;
/// How far a chain may be ahead of the street: its window still passes within an interval.
const CHAIN_LEAD_S_MAX: i64 = 600;

pub(super) async fn connect_chain(
    arguments: &DemoArguments,
    names: &Names,
    data_dir: &Path,
    first: IntervalStart,
) -> anyhow::Result<(Chain, Option<EmbeddedChain>)> {
    let (rpc, embedded) = match &arguments.chain {
        Some(url) => (Rpc::Http(HttpRpc::new(url, HttpSettings::default())?), None),
        None => {
            let chain = EmbeddedChain::open(&EmbeddedSettings {
                path: Some(data_dir.join("chain.log")),
                genesis_time: u64::try_from(first.seconds())? - 3_600,
                ..EmbeddedSettings::default()
            })?;
            (Rpc::Embedded(chain.clone()), Some(chain))
        }
    };
    let chain = Chain::connect(rpc, names.chain_key("operator"), SenderSettings::default())
        .await
        .with_context(|| match &arguments.chain {
            Some(url) => format!("expected a chain that answers at {url}"),
            None => "opening the embedded chain".to_owned(),
        })?;
    Ok((chain, embedded))
}

/// Contracts, once; and the zone document that names them.
pub(super) async fn set_up_chain(
    chain: &Chain,
    names: &Names,
    store: &Store,
    first: IntervalStart,
) -> anyhow::Result<(Contracts, ZoneDocument)> {
    let journal = StoredJournal(store.clone());
    let grid_s = store
        .grid_boundary_ms()?
        .map_or(first.seconds(), |ms| ms / 1_000);
    let chain_s = chain.set_time(u64::try_from(grid_s)?).await?;
    anyhow::ensure!(
        chain_s <= u64::try_from(grid_s + CHAIN_LEAD_S_MAX)?,
        "expected a chain whose time can follow the street's ({grid_s} s), got one that is at {chain_s} s already; start anvil with --timestamp {}",
        grid_s - CHAIN_LEAD_S_MAX
    );
    let operator = chain.operator().address();
    chain.give_gas(&[operator], GAS_WEI).await?;
    let settings = DeploySettings {
        window_s: WINDOW_S,
        escape_after_s: ESCAPE_AFTER_S,
        bond_wei: BOND_WEI,
    };
    let addresses = chain
        .deploy(&settings, &journal)
        .await
        .context("deploying the contracts")?;
    for (nonce, (name, address)) in [
        ("TestStablecoin", addresses.stablecoin),
        ("MeterRegistry", addresses.registry),
        ("Settlement", addresses.settlement),
        ("EnergyToken", addresses.energy_token),
    ]
    .into_iter()
    .enumerate()
    {
        store.put_contract(&ContractRecord {
            name: name.to_owned(),
            chain_id: chain.chain_id(),
            address,
            deployer: operator,
            deploy_nonce: nonce as u64,
            block: 0,
        })?;
    }
    let document = ZoneDocument {
        zone: names.zone.clone(),
        chain_id: chain.chain_id(),
        settlement: addresses.settlement,
        valid_from: first,
        interval: names.length,
    };
    Ok((chain.contracts(addresses), document))
}

/// Registers the meters and pays in for the homes, once.
pub(super) async fn fund(
    contracts: &Contracts,
    names: &Names,
    homes: &Homes,
    store: &Store,
    first: IntervalStart,
) -> anyhow::Result<()> {
    let journal = StoredJournal(store.clone());
    let registrations = enrolment::registrations(store, names, homes, first)?;
    contracts
        .register_meters("register", &registrations, &journal)
        .await
        .context("registering the meters")?;
    let total: u64 = homes.homes().iter().map(|home| home.deposit_units).sum();
    let operator = contracts.chain().operator().address();
    contracts
        .mint_test_coins("mint", &[operator], total, &journal)
        .await
        .context("minting test coins")?;
    for home in homes.homes() {
        let purpose = format!("deposit/home-{}", home.id);
        let address = names.home_key(home).address();
        contracts
            .deposit_for(&purpose, address, home.deposit_units, &journal)
            .await
            .context(purpose)?;
    }
    Ok(())
}

pub(super) fn chain_status(contracts: &Contracts, rpc_url: &str, is_embedded: bool) -> ChainStatus {
    let addresses = contracts.addresses();
    let text = |address: energy_core::Address| format!("0x{address}");
    ChainStatus {
        chain_id: contracts.chain().chain_id(),
        rpc_url: Some(rpc_url.to_owned()),
        kind: if is_embedded { "embedded" } else { "external" }.to_owned(),
        settlement: text(addresses.settlement),
        energy_token: text(addresses.energy_token),
        stablecoin: text(addresses.stablecoin),
        meter_registry: text(addresses.registry),
        ..ChainStatus::default()
    }
}
