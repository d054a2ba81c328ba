//! A street at work: what is due whenever grid time stands on a boundary or passes between two.
//!
//! On a boundary, in this order: all gateways have their readings in the outbox and receipted, every
//! interval that is due is cleared, the chain has what follows. Each step may be repeated.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use clearing_house::IntervalOutcome;
use energy_core::IntervalStart;
use meter_gateway::GatewayStatus;
use store::{BatchState, Durability, Store};
use tokio::sync::watch;
use web::{ChainStatus, LiveHub, NodeStatus};

use super::chain_pump::{ChainNews, ChainPump};
use super::clock::Due;
use super::market::Market;

/// After this much wall time on one boundary the clock goes on and says who held it up.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many batches the operator sees the gas of.
const GAS_SHOWN: usize = 200;
/// An uplink that is not up after this much wall time is down: right after a start it is only not up
/// yet, and what it has to send belongs into the interval.
const UPLINK_GRACE: Duration = Duration::from_secs(5);

/// Told of every cleared interval, and whether it is history.
pub type OnInterval = Box<dyn FnMut(&IntervalOutcome, &Progress) + Send>;

/// What somebody on the street has planned for grid times to come.
#[async_trait::async_trait]
pub trait Errands: Send {
    /// Does what is planned for `boundary`. May be called again for the same one after a crash.
    ///
    /// # Errors
    /// If it cannot be done now; the street goes on.
    async fn run(&mut self, boundary: IntervalStart) -> anyhow::Result<()>;
}

/// How far the street is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Boundaries of history behind it.
    pub history_done: usize,
    /// Boundaries of history in all.
    pub history_total: usize,
    /// The newest final settlement batch.
    pub final_batch: Option<u64>,
    /// The pending one.
    pub pending_batch: Option<u64>,
}

/// A gateway of the street.
pub struct StreetGateway {
    name: String,
    status: watch::Receiver<GatewayStatus>,
    was_up: bool,
}

impl StreetGateway {
    /// The gateway that people call `name`.
    #[must_use]
    pub const fn new(name: String, status: watch::Receiver<GatewayStatus>) -> Self {
        Self {
            name,
            status,
            was_up: false,
        }
    }
}

/// Everything that grid time drives.
pub struct Street {
    store: Store,
    market: Market,
    pump: ChainPump,
    gateways: Vec<StreetGateway>,
    live: LiveHub,
    status: watch::Sender<NodeStatus>,
    chain: watch::Sender<ChainStatus>,
    on_interval: OnInterval,
    errands: Box<dyn Errands>,
    first: IntervalStart,
    live_from: IntervalStart,
    length_s: i64,
    progress: Progress,
    final_at: Option<i64>,
}

/// The parts of a [`Street`].
pub struct StreetParts {
    /// What is kept.
    pub store: Store,
    /// Its market.
    pub market: Market,
    /// Its end of the chain.
    pub pump: ChainPump,
    /// Its gateways.
    pub gateways: Vec<StreetGateway>,
    /// Where events are published.
    pub live: LiveHub,
    /// Where the node's status is shown.
    pub status: watch::Sender<NodeStatus>,
    /// Where the chain's status is shown.
    pub chain: watch::Sender<ChainStatus>,
    /// Told of every cleared interval.
    pub on_interval: OnInterval,
    /// What is planned.
    pub errands: Box<dyn Errands>,
    /// The first boundary ever.
    pub first: IntervalStart,
    /// The boundary from which the clock runs.
    pub live_from: IntervalStart,
}

impl Street {
    /// Joins the parts.
    ///
    /// # Errors
    /// If the store fails.
    pub fn new(parts: StreetParts) -> anyhow::Result<Self> {
        let StreetParts {
            store,
            market,
            pump,
            gateways,
            live,
            status,
            chain,
            on_interval,
            errands,
            first,
            live_from,
        } = parts;
        let length_s = i64::from(market.length().seconds());
        let boundaries = (live_from.seconds() - first.seconds()) / length_s;
        let progress = Progress {
            history_done: 0,
            history_total: usize::try_from(boundaries).unwrap_or(0),
            final_batch: store
                .newest_settlement_batch_in(BatchState::Final)?
                .map(|b| b.number),
            pending_batch: store
                .newest_settlement_batch_in(BatchState::Pending)?
                .map(|b| b.number),
        };
        Ok(Self {
            store,
            market,
            pump,
            gateways,
            live,
            status,
            chain,
            on_interval,
            errands,
            first,
            live_from,
            length_s,
            progress,
            final_at: None,
        })
    }

    /// Waits until every gateway's readings of the boundary are receipted, or are in its outbox while
    /// its uplink, which was up before, is down; at most [`PATIENCE`] in all. Gives a notice for each
    /// that is not receipted.
    async fn gateways_done(&mut self, boundary_ms: i64) -> Vec<String> {
        let began = Instant::now();
        let reached = |through: Option<i64>| through.is_some_and(|ms| ms >= boundary_ms);
        let mut notices = Vec::new();
        for gateway in &mut self.gateways {
            let name = &gateway.name;
            let receipted = gateway
                .status
                .wait_for(|s| reached(s.receipted_through_boundary_ms));
            let grace = UPLINK_GRACE.saturating_sub(began.elapsed());
            if matches!(tokio::time::timeout(grace, receipted).await, Ok(Ok(_))) {
                gateway.was_up = true;
                continue;
            }
            gateway.was_up |= gateway.status.borrow().uplink_up;
            let was_up = gateway.was_up;
            let done = gateway.status.wait_for(|s| {
                let lost = was_up && !s.uplink_up;
                reached(s.receipted_through_boundary_ms) || (reached(s.boundary_done_ms) && lost)
            });
            let left = PATIENCE.saturating_sub(began.elapsed());
            if !matches!(tokio::time::timeout(left, done).await, Ok(Ok(_))) {
                tracing::warn!(
                    gateway = name,
                    "the gateway held up the clock for 60 s; going on"
                );
                notices.push(format!("{name} did not deliver its readings in time"));
            } else if !reached(gateway.status.borrow().receipted_through_boundary_ms) {
                notices.push(format!(
                    "{name} has lost its uplink; its readings wait in its outbox"
                ));
            }
        }
        notices
    }

    fn clear_due(&mut self, now_s: i64) -> anyhow::Result<()> {
        let cleared = tokio::task::block_in_place(|| self.market.clear_due(now_s))?;
        for outcome in &cleared {
            self.live.interval(outcome.interval.seconds(), "cleared");
            (self.on_interval)(outcome, &self.progress);
        }
        Ok(())
    }

    async fn pump(&mut self, now_s: i64) {
        if let Some(difference) = self.market.difference() {
            self.show_chain(Some(format!("settlement is stopped: {difference}")));
            return;
        }
        match self.pump.pump(now_s).await {
            Ok(news) => {
                for news in news {
                    match news {
                        ChainNews::Pending(number, gas) => {
                            self.note_gas(number, gas);
                            self.progress.pending_batch = Some(number);
                            self.live.batch(number, "pending");
                        }
                        ChainNews::Final(number) => {
                            self.progress.final_batch = Some(number);
                            self.progress.pending_batch = None;
                            self.live.batch(number, "final");
                        }
                    }
                }
                self.show_chain(None);
            }
            // Metering and the market go on; the next boundary tries again.
            Err(error) => {
                tracing::error!(
                    error = format!("{error:#}"),
                    "the chain's part of the interval did not go through"
                );
                self.show_chain(Some(format!("{error:#}")));
            }
        }
        self.final_at = self.pump.final_at().await.ok().flatten();
        if let Ok((block, held)) = self.pump.overview().await {
            self.chain
                .send_modify(|shown| (shown.block, shown.escrow_units) = (block, held));
        }
    }

    /// Keeps the gas of the newest proposals for the operator's page.
    fn note_gas(&self, number: u64, gas: u64) {
        self.chain.send_modify(|shown| {
            shown.batch_gas.insert(number, gas);
            while shown.batch_gas.len() > GAS_SHOWN {
                shown.batch_gas.pop_first();
            }
        });
    }

    fn show_chain(&self, error: Option<String>) {
        let Progress {
            final_batch,
            pending_batch,
            ..
        } = self.progress;
        self.chain.send_modify(|shown| {
            shown.final_batch = final_batch;
            shown.pending_batch = pending_batch;
            shown.error = error;
        });
    }

    fn show(&self, now_ms: i64, notices: Option<Vec<String>>) {
        let Progress {
            history_done,
            history_total,
            ..
        } = self.progress;
        let mut errors = BTreeMap::new();
        for gateway in &self.gateways {
            for device in &gateway.status.borrow().devices {
                errors.extend(device.error.clone().map(|error| (device.meter, error)));
            }
        }
        self.status.send_modify(|status| {
            status.grid_ms = now_ms;
            status.history_done = history_done as u64;
            status.history_total = history_total as u64;
            status.ready = history_done >= history_total;
            status.reason = (!status.ready).then(|| "the history is being made".to_owned());
            if let Some(notices) = notices {
                status.notices = notices;
            }
            status.device_errors = errors;
        });
    }
}

impl Due for Street {
    async fn stand(&mut self, boundary: IntervalStart) -> anyhow::Result<()> {
        let mut notices = self.gateways_done(boundary.millis()).await;
        if let Err(error) = self.pump.read_escrow().await {
            tracing::warn!(
                error = format!("{error:#}"),
                "the escrow cannot be read; what was read before counts"
            );
        }
        self.clear_due(boundary.seconds())?;
        if let Err(error) = self.errands.run(boundary).await {
            tracing::warn!(
                error = format!("{error:#}"),
                "something that was planned did not go through"
            );
        }
        self.pump(boundary.seconds()).await;
        let behind = (boundary.seconds() - self.first.seconds()) / self.length_s;
        let behind = usize::try_from(behind).unwrap_or(0);
        self.progress.history_done = behind.min(self.progress.history_total);
        if boundary == self.live_from && !self.store.is_history_complete()? {
            // From here on nothing can be made again.
            self.store.set_durability(Durability::Fsync)?;
            self.store.set_history_complete()?;
        }
        notices.extend(
            self.market
                .difference()
                .map(|d| format!("settlement is stopped: {d}")),
        );
        self.show(boundary.millis(), Some(notices));
        Ok(())
    }

    async fn pass(&mut self, now_s: i64) -> anyhow::Result<()> {
        self.show(now_s.saturating_mul(1_000), None);
        self.clear_due(now_s)?;
        if self.final_at.is_some_and(|at| now_s >= at) {
            self.pump(now_s).await;
        }
        Ok(())
    }

    async fn commit(&mut self, boundary: IntervalStart) -> anyhow::Result<()> {
        let store = self.store.clone();
        tokio::task::spawn_blocking(move || store.commit_grid_boundary(boundary.millis()))
            .await??;
        Ok(())
    }
}
