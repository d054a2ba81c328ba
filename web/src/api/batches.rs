//! Reading batches over HTTP: the same bytes that go over MQTT, and the same receipt.

use actix_web::{HttpResponse, web};

use crate::problem::Problem;
use crate::state::{DoorError, WebState};

/// The largest batch, as on the broker.
pub(crate) const BATCH_BYTES_MAX: usize = 1 << 20;

/// Takes in a reading batch and answers with the node's receipt.
///
/// The body is the signed batch, byte for byte. The receipt names the readings that were refused; only
/// bytes that are not authentic get none.
#[utoipa::path(
    post, path = "/api/v1/batches", tag = "gateways",
    request_body(content = Vec<u8>, content_type = "application/cbor", description = "The batch, at most 1 MiB"),
    responses(
        (status = 200, description = "The receipt, a COSE_Sign1", body = Vec<u8>, content_type = "application/cose"),
        (status = 422, description = "Not authentic", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Nothing was kept; send it again", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn take(
    state: web::Data<WebState>,
    body: web::Bytes,
) -> Result<HttpResponse, Problem> {
    let door = state.door.clone();
    let receipt = web::block(move || door.take_batch(body.to_vec())).await??;
    Ok(HttpResponse::Ok()
        .content_type("application/cose")
        .body(receipt))
}

impl From<DoorError> for Problem {
    fn from(error: DoorError) -> Self {
        match error {
            DoorError::Refused(reason) => Self::refused(reason),
            DoorError::Unavailable(reason) => {
                tracing::error!(error = reason, "gateways are turned away");
                Self::unavailable("nothing was kept; send it again in a moment")
            }
        }
    }
}
