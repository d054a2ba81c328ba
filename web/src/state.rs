//! What the node gives to the pages and the API.

use std::collections::BTreeMap;
use std::sync::Arc;

use energy_core::{HomeId, IntervalStart, MeterId};
use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;

use crate::api::enrolments::{Enrolled, EnrolmentRequest, InvitationRequest, InvitationToken};
use crate::auth::Doorman;
use crate::facts::{BatchFacts, MeterFacts, Role};
use crate::live::LiveHub;
use crate::source::Source;

/// How the node is doing. Pushed by the node through a watch channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeStatus {
    /// Grid time, milliseconds UTC.
    pub grid_ms: i64,
    /// Grid seconds per wall second that the clock aims at.
    pub speed: u32,
    /// Whether the pages answer and the history is complete.
    pub ready: bool,
    /// What is missing, when it is not.
    pub reason: Option<String>,
    /// Intervals of history made so far.
    pub history_done: u64,
    /// Intervals of history to make.
    pub history_total: u64,
    /// What the operator should know now, such as a device that holds up the clock.
    pub notices: Vec<String>,
    /// Meters whose newest poll failed, with what the device said.
    pub device_errors: BTreeMap<MeterId, String>,
}

/// The chain the node settles on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChainStatus {
    /// EIP-155 chain id.
    #[schema(example = 31_337)]
    pub chain_id: u64,
    /// Where a wallet can reach it.
    pub rpc_url: Option<String>,
    /// `embedded` or `external`.
    pub kind: String,
    /// The settlement contract.
    pub settlement: String,
    /// The energy token.
    pub energy_token: String,
    /// The stablecoin in escrow.
    pub stablecoin: String,
    /// The meter registry.
    pub meter_registry: String,
    /// The newest block.
    pub block: u64,
    /// The newest final settlement batch.
    pub final_batch: Option<u64>,
    /// The pending settlement batch.
    pub pending_batch: Option<u64>,
    /// The newest settlement batch that the homes' accounts were synced to.
    pub synced_batch: Option<u64>,
    /// Stablecoin units (6 decimals) in escrow.
    pub escrow_units: u64,
    /// What is wrong with the connection, if anything.
    pub error: Option<String>,
    /// Gas of the newest proposals, by batch.
    #[serde(skip)]
    #[schema(ignore)]
    pub batch_gas: BTreeMap<u64, u64>,
}

/// A log-in that the demo offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoLogin {
    /// The log-in name.
    pub login: String,
    /// The password, shown on the page.
    pub password: String,
    /// What it may do.
    pub role: Role,
}

/// What is different in a demo.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DemoInfo {
    /// The log-ins to list.
    pub logins: Vec<DemoLogin>,
}

/// Why there is no proof bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The interval is not in a final batch yet, or the home was not in it.
    #[error("{0}")]
    NotYet(String),
    /// It could not be put together.
    #[error("the bundle could not be put together: {0}")]
    Failed(String),
}

/// Puts proof bundles together.
pub trait BundleSource: Send + Sync {
    /// The bytes of a home's bundle for one interval. May block.
    ///
    /// # Errors
    /// [`BundleError`].
    fn bundle(&self, home: HomeId, interval: IntervalStart) -> Result<Vec<u8>, BundleError>;
}

/// Why a gateway is turned away.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// What it brought is not valid; sending it again does not help.
    #[error("{0}")]
    Refused(String),
    /// Nothing was kept; it should come again.
    #[error("{0}")]
    Unavailable(String),
}

/// Where gateways come in: enrolment, and batches over HTTP. Every call may block.
pub trait GatewayDoor: Send + Sync {
    /// Keeps a reading batch and gives the signed receipt for it.
    ///
    /// # Errors
    /// [`DoorError::Refused`] for bytes that are not authentic, and for nothing else.
    fn take_batch(&self, bytes: Vec<u8>) -> Result<Vec<u8>, DoorError>;

    /// Makes a one-time token for a home that exists.
    ///
    /// # Errors
    /// [`DoorError::Unavailable`].
    fn invite(&self, wanted: &InvitationRequest) -> Result<InvitationToken, DoorError>;

    /// Redeems a token.
    ///
    /// # Errors
    /// [`DoorError`].
    fn enrol(&self, request: &EnrolmentRequest) -> Result<Enrolled, DoorError>;
}

/// Everything the handlers need. Clones share it.
#[derive(Clone)]
pub struct WebState {
    /// Answers from the store.
    pub store: Arc<dyn Source>,
    /// The event stream.
    pub live: LiveHub,
    /// How the node is doing.
    pub status: watch::Receiver<NodeStatus>,
    /// The chain.
    pub chain: watch::Receiver<ChainStatus>,
    /// Proof bundles.
    pub bundles: Arc<dyn BundleSource>,
    /// Where gateways come in.
    pub door: Arc<dyn GatewayDoor>,
    /// Set in a demo.
    pub demo: Option<DemoInfo>,
    /// Whether requests from this machine see the street in full without a log-in. Only for a demo.
    pub loopback_open: bool,
    /// The version shown at `/version`.
    pub version: &'static str,
    /// Checks passwords, a few at a time.
    pub doorman: Doorman,
}

impl WebState {
    /// Settlement batches with the gas of their proposals, where it is known.
    pub(crate) fn with_batch_gas(&self, batches: Vec<BatchFacts>) -> Vec<BatchFacts> {
        let chain = self.chain.borrow();
        let with = |batch: BatchFacts| BatchFacts {
            gas: batch
                .gas
                .or_else(|| chain.batch_gas.get(&batch.number).copied()),
            ..batch
        };
        batches.into_iter().map(with).collect()
    }

    /// Meters with what their devices last said, if their newest poll failed.
    pub(crate) fn with_device_errors(&self, meters: Vec<MeterFacts>) -> Vec<MeterFacts> {
        let status = self.status.borrow();
        let with = |meter: MeterFacts| MeterFacts {
            error: status
                .device_errors
                .get(&meter.meter)
                .cloned()
                .or(meter.error),
            ..meter
        };
        meters.into_iter().map(with).collect()
    }

    /// How the node is doing now.
    #[must_use]
    pub fn now(&self) -> NodeStatus {
        self.status.borrow().clone()
    }
}
