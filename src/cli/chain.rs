//! `commonwatt chain`: a look at the settlement contract from outside.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Context as _;
use energy_core::{Address, Hash};
use settlement::chain::{HttpRpc, HttpSettings, Rpc, lookup};

use crate::verify::Trust;

/// Where a contract is looked at.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ContractArguments {
    /// The chain's JSON-RPC.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8545")]
    rpc: String,
    /// The settlement contract; by default that of a new demo with the default seed.
    #[arg(long, value_name = "ADDRESS")]
    contract: Option<Address>,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum ChainCommand {
    /// Print the contracts' addresses, the newest final batch, and with --json their ABI.
    Status {
        #[command(flatten)]
        contract: ContractArguments,
        /// Print one JSON object, with the ABI of every contract.
        #[arg(long)]
        json: bool,
    },
    /// List the roots that the contract accepted, and add them to a trust file.
    Roots {
        #[command(flatten)]
        contract: ContractArguments,
        /// The trust file to add them to, if it trusts this contract.
        #[arg(long, value_name = "FILE")]
        trust: Option<PathBuf>,
    },
}

pub(super) fn run(command: ChainCommand) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match command {
            ChainCommand::Status { contract, json } => status(&contract, json).await,
            ChainCommand::Roots { contract, trust } => roots(&contract, trust).await,
        }
    })
}

/// The roots that a contract accepted, for `commonwatt verify --rpc`.
pub(super) fn accepted_roots(rpc: &str, contract: Address) -> anyhow::Result<BTreeSet<Hash>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let accepted = lookup::accepted_roots(&client(rpc)?, contract).await;
        let accepted = accepted.with_context(|| format!("asking {rpc} for the accepted roots"))?;
        Ok(accepted.into_iter().map(|accepted| accepted.root).collect())
    })
}

async fn status(arguments: &ContractArguments, as_json: bool) -> anyhow::Result<()> {
    let rpc = client(&arguments.rpc)?;
    let settlement = address(arguments)?;
    let (chain_id, contracts) = lookup::contracts_of(&rpc, settlement)
        .await
        .with_context(|| format!("looking at 0x{settlement} on {}", arguments.rpc))?;
    let newest = lookup::accepted_roots(&rpc, settlement).await?.pop();
    let named = [
        ("Settlement", contracts.settlement),
        ("MeterRegistry", contracts.registry),
        ("EnergyToken", contracts.energy_token),
        ("TestStablecoin", contracts.stablecoin),
    ];
    if as_json {
        let mut described = serde_json::Map::new();
        for (name, address) in named {
            let artifact: serde_json::Value =
                serde_json::from_str(lookup::artifact(name).unwrap_or("{}"))?;
            let entry =
                serde_json::json!({ "address": format!("0x{address}"), "abi": artifact["abi"] });
            described.insert(name.to_owned(), entry);
        }
        let status = serde_json::json!({
            "chain_id": chain_id,
            "rpc": arguments.rpc,
            "contracts": described,
            "final_batch": newest.map(|n| n.number),
            "final_root": newest.map(|n| n.root),
        });
        super::say(&serde_json::to_string_pretty(&status)?);
        return Ok(());
    }
    println!("chain {chain_id} at {}", arguments.rpc);
    for (name, address) in named {
        println!("  {name:<15} 0x{address}");
    }
    match newest {
        Some(newest) => println!("  newest final batch {}: {}", newest.number, newest.root),
        None => println!("  no batch is final yet"),
    }
    Ok(())
}

async fn roots(arguments: &ContractArguments, trust_file: Option<PathBuf>) -> anyhow::Result<()> {
    let rpc = client(&arguments.rpc)?;
    let settlement = address(arguments)?;
    let accepted = lookup::accepted_roots(&rpc, settlement).await?;
    let Some(path) = trust_file else {
        for root in &accepted {
            super::say(&format!("{:>6}  {}", root.number, root.root));
        }
        return Ok(());
    };
    let mut trust = Trust::load(&path)?;
    let (chain_id, _) = lookup::contracts_of(&rpc, settlement).await?;
    anyhow::ensure!(
        (trust.chain_id, trust.contract) == (chain_id, settlement),
        "{} trusts contract 0x{} on chain {}, got 0x{settlement} on chain {chain_id}",
        path.display(),
        trust.contract,
        trust.chain_id
    );
    let before = trust.roots.len();
    trust
        .roots
        .extend(accepted.iter().map(|accepted| accepted.root));
    trust.save(&path)?;
    println!(
        "{}: {} roots, {} of them new",
        path.display(),
        trust.roots.len(),
        trust.roots.len() - before
    );
    Ok(())
}

fn client(url: &str) -> anyhow::Result<Rpc> {
    Ok(Rpc::Http(HttpRpc::new(url, HttpSettings::default())?))
}

#[cfg(feature = "demo")]
fn address(arguments: &ContractArguments) -> anyhow::Result<Address> {
    Ok(arguments
        .contract
        .unwrap_or_else(crate::demo::default_settlement))
}

#[cfg(not(feature = "demo"))]
fn address(arguments: &ContractArguments) -> anyhow::Result<Address> {
    arguments
        .contract
        .context("name the settlement contract with --contract")
}
