//! Gateways are enrolled: the operator hands out a one-time token, the gateway redeems it.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::policy::require;
use crate::auth::{Access, Principal, same_origin};
use crate::pages::{ask, find_home};
use crate::problem::Problem;
use crate::state::WebState;

/// What the meter of an invitation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MeterUse {
    /// Between home and grid: the one that settles.
    ConnectionPoint,
    /// Counts what the roof generates.
    Generation,
    /// Counts what goes into and out of a battery. Informs only.
    Storage,
}

/// For whom an invitation is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationRequest {
    /// Which home.
    #[schema(example = 7)]
    pub home: u32,
    /// What its meter is for. A home that has such a meter already gets a new gateway for it.
    pub role: MeterUse,
}

/// A one-time invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InvitationToken {
    /// To be typed or scanned at the gateway. It is not kept here.
    #[schema(example = "k7qm-2xwd-9f4c-p3nv-8hrt")]
    pub token: String,
    /// Until when it can be used, RFC 3339.
    #[schema(example = "2026-06-15T09:00:00Z")]
    pub expires: String,
}

/// A gateway that redeems an invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrolmentRequest {
    /// The token.
    pub token: String,
    /// The gateway's ed25519 public key, 64 hexadecimal digits.
    pub gateway_key: String,
    /// A COSE_Sign1 by that key over keccak256(token) ‖ key with the external data
    /// `commonwatt/enrolment/1`, in hexadecimal digits.
    pub proof: String,
}

/// A zone document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ZoneDocumentBody {
    /// The zone.
    pub name: String,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The settlement contract, 40 hexadecimal digits.
    pub settlement: String,
    /// The first interval it is valid for, Unix seconds.
    pub valid_from: i64,
    /// Interval length in s.
    pub interval_s: u32,
}

/// A meter that the gateway may sign for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntrustedMeter {
    /// Its id, 32 hexadecimal digits.
    pub meter: String,
    /// What it is for.
    pub role: MeterUse,
}

/// An MQTT broker for batches and receipts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BrokerBody {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// What a gateway has to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Enrolled {
    /// Its id, 32 hexadecimal digits.
    pub gateway: String,
    /// What its signatures are bound to.
    pub zone_document: ZoneDocumentBody,
    /// The node's public key, 64 hexadecimal digits: whose receipts count.
    pub node_key: String,
    /// What it may sign for.
    pub meters: Vec<EntrustedMeter>,
    /// Where batches go, besides `POST /api/v1/batches` here.
    pub broker: BrokerBody,
}

/// Makes a one-time invitation for a gateway. For the grid operator.
#[utoipa::path(
    post, path = "/api/v1/invitations", tag = "gateways", request_body = InvitationRequest,
    responses(
        (status = 201, body = InvitationToken),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such home", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn invite(
    request: HttpRequest,
    state: web::Data<WebState>,
    principal: Principal,
    body: web::Json<InvitationRequest>,
) -> Result<HttpResponse, Problem> {
    same_origin(&request)?;
    require(&principal, Access::Invite)?;
    let wanted = body.into_inner();
    let homes = ask(&state, |source| source.homes()).await?;
    find_home(homes, energy_core::HomeId::new(wanted.home))?;
    let door = state.door.clone();
    let token = web::block(move || door.invite(&wanted)).await??;
    Ok(HttpResponse::Created()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(token))
}

/// Redeems an invitation. The same key may ask again with the same token.
#[utoipa::path(
    post, path = "/api/v1/enrolments", tag = "gateways", request_body = EnrolmentRequest,
    responses(
        (status = 200, body = Enrolled),
        (status = 422, description = "Not a valid token, key or proof", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn enrol(
    state: web::Data<WebState>,
    body: web::Json<EnrolmentRequest>,
) -> Result<HttpResponse, Problem> {
    let door = state.door.clone();
    let request = body.into_inner();
    let enrolled = web::block(move || door.enrol(&request)).await??;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(enrolled))
}
