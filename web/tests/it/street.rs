//! A made-up street behind a test application.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use actix_http::Request;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, Error};
use energy_core::{HomeId, IntervalStart};
use tokio::sync::watch;
use web::api::enrolments::{
    BrokerBody, Enrolled, EnrolmentRequest, InvitationRequest, InvitationToken, ZoneDocumentBody,
};
use web::{
    BundleError, BundleSource, ChainStatus, DemoInfo, DoorError, Doorman, GatewayDoor, LiveHub,
    NodeStatus, WebState, hash_password,
};

use crate::sample::{NOW_MS, Sample};

static HASH: LazyLock<String> = LazyLock::new(|| hash_password("solar-street-7").expect("hashed"));

struct OneBundle;

impl BundleSource for OneBundle {
    fn bundle(&self, home: HomeId, _: IntervalStart) -> Result<Vec<u8>, BundleError> {
        if home.get() == 7 {
            Ok(vec![0x80])
        } else {
            Err(BundleError::NotYet("not final yet".to_owned()))
        }
    }
}

/// Takes in the batch `authentic`, and the token `good`.
struct SmallDoor;

impl GatewayDoor for SmallDoor {
    fn take_batch(&self, bytes: Vec<u8>) -> Result<Vec<u8>, DoorError> {
        match bytes.as_slice() {
            b"authentic" => Ok(b"receipt".to_vec()),
            b"full disk" => Err(DoorError::Unavailable("no space".to_owned())),
            _ => Err(DoorError::Refused("batch: not CBOR".to_owned())),
        }
    }

    fn invite(&self, _: &InvitationRequest) -> Result<InvitationToken, DoorError> {
        Ok(InvitationToken {
            token: "good".to_owned(),
            expires: "2026-06-22T09:00:00Z".to_owned(),
        })
    }

    fn enrol(&self, request: &EnrolmentRequest) -> Result<Enrolled, DoorError> {
        if request.token != "good" {
            return Err(DoorError::Refused("expected a token".to_owned()));
        }
        Ok(Enrolled {
            gateway: "00".repeat(16),
            zone_document: ZoneDocumentBody {
                name: "elm-street".to_owned(),
                chain_id: 31_337,
                settlement: "00".repeat(20),
                valid_from: 1_781_514_000,
                interval_s: 900,
            },
            node_key: "00".repeat(32),
            meters: Vec::new(),
            broker: BrokerBody {
                host: "127.0.0.1".to_owned(),
                port: 1_883,
            },
        })
    }
}

/// The state of a street of so many homes.
pub(crate) fn state(homes: u32, loopback_open: bool, ready: bool) -> WebState {
    let status = NodeStatus {
        grid_ms: NOW_MS,
        speed: 60,
        ready,
        reason: (!ready).then(|| "the history is being made".to_owned()),
        history_done: 3,
        history_total: 288,
        notices: Vec::new(),
        device_errors: BTreeMap::new(),
    };
    WebState {
        store: Arc::new(Sample::new(homes, |_| HASH.clone())),
        live: LiveHub::new(),
        status: watch::channel(status).1,
        chain: watch::channel(ChainStatus::default()).1,
        bundles: Arc::new(OneBundle),
        door: Arc::new(SmallDoor),
        demo: loopback_open.then(DemoInfo::default),
        loopback_open,
        version: "0.0.0-test",
        doorman: Doorman::new(),
    }
}

/// An application over a state.
pub(crate) async fn app(
    state: WebState,
) -> impl Service<Request, Response = ServiceResponse<impl actix_web::body::MessageBody>, Error = Error>
{
    init_service(App::new().configure(|cfg| web::configure(cfg, state))).await
}

/// A request from this machine to this machine.
pub(crate) fn from_here(request: TestRequest) -> TestRequest {
    request
        .peer_addr("127.0.0.1:50000".parse().expect("address"))
        .insert_header(("host", "127.0.0.1:8080"))
}

/// The session cookie of a log-in.
pub(crate) async fn log_in<B: actix_web::body::MessageBody>(
    app: &impl Service<Request, Response = ServiceResponse<B>, Error = Error>,
    login: &str,
) -> String {
    let fields = [("login", login), ("password", "solar-street-7")];
    let answer = call_service(
        app,
        TestRequest::post()
            .uri("/login")
            .set_form(fields)
            .to_request(),
    )
    .await;
    let cookie = answer
        .headers()
        .get("set-cookie")
        .expect("a session")
        .to_str()
        .expect("text");
    cookie.split(';').next().expect("name and value").to_owned()
}
