//! The chain the node settles on: public facts.

use actix_web::{HttpResponse, web};

use crate::state::{ChainStatus, WebState};

/// Addresses, newest block, pending and final settlement batch.
#[utoipa::path(get, path = "/api/v1/chain", tag = "zone", responses((status = 200, body = ChainStatus)))]
pub(crate) async fn chain(state: web::Data<WebState>) -> HttpResponse {
    let status = state.chain.borrow().clone();
    HttpResponse::Ok().json(status)
}
