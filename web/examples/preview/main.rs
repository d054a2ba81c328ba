//! The pages with a made-up street, for looking at them: `cargo run -p web --example preview [PORT]`.
//!
//! The clock moves, so that live updates can be seen; nothing is traded.

mod sample;

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use energy_core::{HomeId, IntervalStart};
use sample::{NOW_MS, Sample};
use tokio::sync::watch;
use web::api::enrolments::{Enrolled, EnrolmentRequest, InvitationRequest, InvitationToken};
use web::facts::Role;
use web::{
    BundleError, BundleSource, ChainStatus, DemoInfo, DemoLogin, DoorError, Doorman, GatewayDoor,
    LiveHub, NodeStatus, WebState, hash_password,
};

struct NoBundles;

impl BundleSource for NoBundles {
    fn bundle(&self, _: HomeId, _: IntervalStart) -> Result<Vec<u8>, BundleError> {
        Err(BundleError::NotYet(
            "a made-up street has no proofs".to_owned(),
        ))
    }
}

struct NoDoor;

impl NoDoor {
    fn shut<T>() -> Result<T, DoorError> {
        Err(DoorError::Refused(
            "a made-up street takes in nobody".to_owned(),
        ))
    }
}

impl GatewayDoor for NoDoor {
    fn take_batch(&self, _: Vec<u8>) -> Result<Vec<u8>, DoorError> {
        Self::shut()
    }

    fn invite(&self, _: &InvitationRequest) -> Result<InvitationToken, DoorError> {
        Self::shut()
    }

    fn enrol(&self, _: &EnrolmentRequest) -> Result<Enrolled, DoorError> {
        Self::shut()
    }
}

fn chain() -> ChainStatus {
    ChainStatus {
        chain_id: 31_337,
        rpc_url: Some("http://127.0.0.1:8545".to_owned()),
        kind: "embedded".to_owned(),
        settlement: "0x5fbdb2315678afecb367f032d93f642f64180aa3".to_owned(),
        energy_token: "0xe7f1725e7734ce288f8367e1bb143e90bb3f0512".to_owned(),
        stablecoin: "0x9fe46736679d2d9a65f0992f2272de9f3c7fa6e0".to_owned(),
        meter_registry: "0xcf7ed3acca5a467e9e704c703e8d87f634fb0fc9".to_owned(),
        block: 412,
        final_batch: Some(76),
        pending_batch: Some(77),
        synced_batch: Some(72),
        escrow_units: 615_000_000,
        error: None,
        batch_gas: std::collections::BTreeMap::new(),
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let port = std::env::args()
        .nth(1)
        .and_then(|p| p.parse().ok())
        .unwrap_or(8_080);
    let login = |login: &str, role| DemoLogin {
        login: login.to_owned(),
        password: "solar-street-7".to_owned(),
        role,
    };
    let demo = DemoInfo {
        logins: vec![
            login("home-7", Role::Household(HomeId::new(7))),
            login("operator", Role::Operator),
            login("researcher", Role::Researcher),
            login("home-8", Role::Household(HomeId::new(8))),
        ],
    };
    let making = std::env::args().any(|a| a == "--history");
    let status = NodeStatus {
        grid_ms: NOW_MS,
        speed: 60,
        ready: !making,
        reason: making.then(|| {
            "three days of history are being made by the same code at full speed".to_owned()
        }),
        history_done: if making { 176 } else { 288 },
        history_total: 288,
        notices: Vec::new(),
        device_errors: BTreeMap::new(),
    };
    let (status_in, status) = watch::channel(status);
    let (_chain_in, chain) = watch::channel(chain());
    let hash = |password: &str| hash_password(password).expect("hashed");
    let state = WebState {
        store: Arc::new(Sample::new(24, hash)),
        live: LiveHub::new(),
        status,
        chain,
        bundles: Arc::new(NoBundles),
        door: Arc::new(NoDoor),
        demo: Some(demo),
        loopback_open: true,
        version: env!("CARGO_PKG_VERSION"),
        doorman: Doorman::new(),
    };
    let live = state.live.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            live.interval(NOW_MS / 1_000 - NOW_MS / 1_000 % 900, "open");
            live.reading(HomeId::new(1), Some(-1_234), None);
            // The minutes run round within one interval, since the sample has no next one.
            status_in.send_modify(|s| {
                s.grid_ms = if s.grid_ms >= NOW_MS + 400_000 {
                    NOW_MS
                } else {
                    s.grid_ms + 1_000
                }
            });
        }
    });
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    println!("http://{}", listener.local_addr()?);
    web::serve(state, listener, std::future::pending()).await
}
