//! Where gateways come in: invitations, enrolment, and batches over HTTP.
//!
//! A token is 100 random bits in five groups that can be read out on the telephone; only its hash is
//! kept, it is good for a week and for one key.

use energy_core::{VerifyingKey, ZoneDocument, check_enrolment, gateway_of_key, keccak};
use store::{Invitation, Redeemed, Redeemer, Store};
use tokio::sync::watch;
use web::api::enrolments::{
    BrokerBody, Enrolled, EnrolmentRequest, EntrustedMeter, InvitationRequest, InvitationToken,
    MeterUse, ZoneDocumentBody,
};
use web::{DoorError, GatewayDoor};

use super::address::BrokerAddress;
use super::ingest::{Ingest, Seen};
use clearing_house::accept::MeterRole;

/// How long an invitation is good for.
const GOOD_FOR_S: i64 = 7 * 86_400;
/// The most power of a house connection (63 A, three phases), in W, until the operator says otherwise.
const CONNECTION_W_MAX: u32 = 43_000;
/// Letters and digits that are not taken for one another (no 0, 1, i, l, o, u).
const ALPHABET: &[u8; 30] = b"23456789abcdefghjkmnpqrstvwxyz";
/// Letters in a token: 20 × log2(30) > 98 bits.
const TOKEN_LETTERS: usize = 20;

/// The door of one zone.
pub struct ZoneDoor {
    /// What is kept.
    pub store: Store,
    /// Who takes in batches.
    pub ingest: Ingest,
    /// What signatures are bound to.
    pub document: ZoneDocument,
    /// Whose receipts count.
    pub node_key: VerifyingKey,
    /// Where batches can go besides.
    pub broker: BrokerAddress,
    /// Grid time in ms UTC.
    pub millis: watch::Receiver<i64>,
    /// Told of every accepted reading.
    pub seen: Box<dyn Fn(Seen) + Send + Sync>,
}

impl GatewayDoor for ZoneDoor {
    fn take_batch(&self, bytes: Vec<u8>) -> Result<Vec<u8>, DoorError> {
        let now_ms = *self.millis.borrow();
        let kept = self
            .ingest
            .take_one(bytes, now_ms)
            .map_err(unavailable)?
            .map_err(DoorError::Refused)?;
        kept.seen.into_iter().for_each(&self.seen);
        Ok(kept.receipt)
    }

    fn invite(&self, wanted: &InvitationRequest) -> Result<InvitationToken, DoorError> {
        let token = new_token().map_err(unavailable)?;
        let now = chrono::Utc::now();
        let expires = now + chrono::TimeDelta::seconds(GOOD_FOR_S);
        let invitation = Invitation {
            token_hash: keccak(&[token.as_bytes()]),
            home: energy_core::HomeId::new(wanted.home),
            role: role_of(wanted.role),
            profile: String::new(),
            expires_s: expires.timestamp(),
        };
        self.store
            .invite(&invitation, now.timestamp())
            .map_err(|e| unavailable(e.into()))?;
        Ok(InvitationToken {
            token,
            expires: expires.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        })
    }

    fn enrol(&self, request: &EnrolmentRequest) -> Result<Enrolled, DoorError> {
        let key = proven_key(request).map_err(DoorError::Refused)?;
        let who = Redeemer {
            gateway: gateway_of_key(&key),
            public_key: key.to_bytes(),
        };
        let token_hash = keccak(&[normal(&request.token).as_bytes()]);
        let now_s = chrono::Utc::now().timestamp();
        let refused = |reason: &str| Err(DoorError::Refused(reason.to_owned()));
        match self
            .store
            .redeem(&token_hash, &who, now_s, CONNECTION_W_MAX)
            .map_err(|e| unavailable(e.into()))?
        {
            Redeemed::Unknown => refused(
                "expected a token that was handed out and is still good, got another; ask the operator for a new one",
            ),
            Redeemed::Used => refused(
                "this token was used by another gateway; if that was not you, tell the operator",
            ),
            Redeemed::Enrolled(meter) => {
                self.ingest.look_up_registry().map_err(unavailable)?;
                Ok(Enrolled {
                    gateway: who.gateway.to_string(),
                    zone_document: body_of(&self.document),
                    node_key: hex::encode(self.node_key.to_bytes()),
                    meters: vec![EntrustedMeter {
                        meter: meter.meter.to_string(),
                        role: use_of(meter.role),
                    }],
                    broker: BrokerBody {
                        host: self.broker.host.clone(),
                        port: self.broker.port,
                    },
                })
            }
        }
    }
}

/// The key of a request whose proof holds.
fn proven_key(request: &EnrolmentRequest) -> Result<VerifyingKey, String> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(&request.gateway_key, &mut bytes).map_err(|_| {
        format!(
            "expected a gateway key of 64 hexadecimal digits, got {} characters",
            request.gateway_key.chars().count()
        )
    })?;
    let key = VerifyingKey::from_bytes(&bytes).map_err(|e| format!("gateway key: {e}"))?;
    let proof = hex::decode(&request.proof)
        .map_err(|_| "expected the proof in hexadecimal digits".to_owned())?;
    check_enrolment(&key, &normal(&request.token), &proof).map_err(|e| format!("proof: {e}"))?;
    Ok(key)
}

/// A token as it was made, however it was typed.
fn normal(token: &str) -> String {
    token.trim().to_ascii_lowercase()
}

fn new_token() -> anyhow::Result<String> {
    let mut token = String::new();
    while token.len() < TOKEN_LETTERS + TOKEN_LETTERS / 4 - 1 {
        let mut random = [0; 64];
        meter_gateway::keys::random(&mut random)?;
        // 240 is a multiple of 30, so that no letter comes more often than another.
        for byte in random.into_iter().filter(|byte| *byte < 240) {
            if token.len() == TOKEN_LETTERS + TOKEN_LETTERS / 4 - 1 {
                break;
            }
            if token.len() % 5 == 4 {
                token.push('-');
            }
            token.push(char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]));
        }
    }
    Ok(token)
}

fn body_of(document: &ZoneDocument) -> ZoneDocumentBody {
    ZoneDocumentBody {
        name: document.zone.to_string(),
        chain_id: document.chain_id,
        settlement: document.settlement.to_string(),
        valid_from: document.valid_from.seconds(),
        interval_s: document.interval.seconds(),
    }
}

fn role_of(role: MeterUse) -> MeterRole {
    match role {
        MeterUse::ConnectionPoint => MeterRole::ConnectionPoint,
        MeterUse::Generation => MeterRole::Generation,
        MeterUse::Storage => MeterRole::Storage,
    }
}

fn use_of(role: MeterRole) -> MeterUse {
    match role {
        MeterRole::ConnectionPoint => MeterUse::ConnectionPoint,
        MeterRole::Generation => MeterUse::Generation,
        MeterRole::Storage => MeterUse::Storage,
    }
}

fn unavailable(error: anyhow::Error) -> DoorError {
    DoorError::Unavailable(format!("{error:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_can_be_read_out_and_differ() {
        let (a, b) = (new_token().expect("made"), new_token().expect("made"));
        assert_eq!(a.len(), 24);
        assert_ne!(a, b);
        assert_eq!(a.split('-').map(str::len).collect::<Vec<_>>(), [4; 5]);
        assert_eq!(normal(&format!(" {}\n", a.to_uppercase())), a);
    }
}
