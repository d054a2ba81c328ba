//! `commonwatt gateway`: a household's gateway alone, on real time.

use std::path::PathBuf;

use anyhow::Context as _;
use meter_gateway::{GatewayConfig, clock::system_clock};
use tokio::sync::watch;

#[derive(Debug, clap::Subcommand)]
pub(super) enum GatewayCommand {
    /// Read the meters of a configuration, sign what they say and send it, until stopped.
    Run {
        /// The configuration, as explained in meter-gateway/gateway.example.toml.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

pub(super) fn run(command: GatewayCommand) -> anyhow::Result<()> {
    let GatewayCommand::Run { config } = command;
    super::log_to_stderr();
    let name = config.display().to_string();
    let text = std::fs::read_to_string(&config).with_context(|| format!("reading {name}"))?;
    let config = GatewayConfig::from_toml(&name, &text)?;
    let interval = config.zone.document()?.interval;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let (stop, shutdown) = watch::channel(false);
        tokio::select! {
            ended = meter_gateway::run(config, system_clock(interval), shutdown) => ended?,
            asked = tokio::signal::ctrl_c() => asked?,
        }
        stop.send_replace(true);
        Ok(())
    })
}
