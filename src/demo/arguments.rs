//! The demo's arguments.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use market_engine::mechanism::Mechanism;

use crate::node::address::BrokerAddress;

/// Start a street of homes that trade and settle, and watch it in a browser.
#[derive(Debug, Clone, clap::Args)]
pub struct DemoArguments {
    /// How many homes the street has.
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub homes: u32,
    /// Grid seconds per second of yours, once the history is made.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub speed: u32,
    /// The port of the pages and the API on 127.0.0.1.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// The port of the embedded chain's JSON-RPC on 127.0.0.1.
    #[arg(long, default_value_t = 8545)]
    pub rpc_port: u16,
    /// Where everything is kept; a temporary folder by default.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Days of history to make at full speed before the street is live.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=365))]
    pub history_days: u32,
    /// The seed of the homes: the same seed gives the same street.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How the street makes its trades: k-double-auction, pay-as-bid, continuous, mcafee, sbba, muda,
    /// mid-market-rate, bill-sharing or supply-demand-ratio.
    #[arg(long, value_name = "MECHANISM", default_value_t)]
    pub mechanism: Mechanism,
    /// Use this MQTT broker instead of the embedded one.
    #[arg(long, value_name = "mqtt://HOST:PORT")]
    pub broker: Option<BrokerAddress>,
    /// Settle on this chain (JSON-RPC) instead of the embedded one. Its time must be movable, as
    /// anvil's is.
    #[arg(long, value_name = "http://HOST:PORT")]
    pub chain: Option<String>,
    /// Let a meter answer with an exception for a while, to see what happens:
    /// `elm-street-5-grid=2026-06-15T12:00:00Z/2026-06-15T13:00:00Z`.
    #[arg(long, value_name = "METER=FROM/TO")]
    pub fault: Vec<MeterFault>,
    /// Stop when everything up to this interval boundary is final (RFC 3339), for repeatable runs.
    #[arg(long, value_name = "TIME")]
    pub stop_at: Option<DateTime<Utc>>,
}

/// A meter that fails from one grid time to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterFault {
    /// Its name on the street.
    pub meter: String,
    /// The first second of grid time at which it fails.
    pub from_s: i64,
    /// The first at which it works again.
    pub to_s: i64,
}

impl std::str::FromStr for MeterFault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected METER=FROM/TO with RFC 3339 times, got `{text}`");
        let (meter, span) = text.split_once('=').ok_or_else(wrong)?;
        let (from, to) = span.split_once('/').ok_or_else(wrong)?;
        let second = |time: &str| {
            DateTime::parse_from_rfc3339(time)
                .map(|t| t.timestamp())
                .map_err(|_| wrong())
        };
        Ok(Self {
            meter: meter.to_owned(),
            from_s: second(from)?,
            to_s: second(to)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_a_meter_and_a_span() {
        let fault: MeterFault = "m=2026-06-15T12:00:00Z/2026-06-15T13:00:00Z"
            .parse()
            .expect("well formed");
        assert_eq!(fault.to_s - fault.from_s, 3_600);
        for wrong in ["m", "m=2026-06-15T12:00:00Z", "m=noon/one"] {
            assert!(
                wrong
                    .parse::<MeterFault>()
                    .expect_err(wrong)
                    .contains("expected METER=FROM/TO")
            );
        }
    }
}
