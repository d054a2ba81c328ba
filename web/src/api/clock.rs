//! Grid time, which other processes of the zone follow.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::format::rfc3339;
use crate::problem::Problem;
use crate::state::WebState;

/// How long a poll is held: shorter than the patience of any proxy.
const HOLD: Duration = Duration::from_secs(25);

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ClockQuery {
    /// Answer only when grid time is past this (milliseconds UTC), or after 25 s.
    #[param(example = 1_781_514_000_000_i64)]
    after: Option<i64>,
}

/// Grid time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Clock {
    /// Milliseconds UTC.
    #[schema(example = 1_781_514_000_000_i64)]
    grid_ms: i64,
    /// The same as RFC 3339.
    #[schema(example = "2026-06-15T09:00:00Z")]
    grid_time: String,
    /// Grid seconds per wall second that the clock aims at.
    #[schema(example = 60)]
    speed: u32,
}

/// Grid time, by long poll.
#[utoipa::path(
    get, path = "/api/v1/clock", tag = "zone", params(ClockQuery),
    responses((status = 200, body = Clock))
)]
pub(crate) async fn clock(
    state: web::Data<WebState>,
    query: web::Query<ClockQuery>,
) -> Result<HttpResponse, Problem> {
    if let Some(after) = query.after {
        let mut status = state.status.clone();
        // At the end of the hold the same time is answered again, and so when the node is stopping.
        let _ = tokio::time::timeout(HOLD, status.wait_for(|s| s.grid_ms > after)).await;
    }
    let now = state.now();
    let grid_time = rfc3339(now.grid_ms);
    Ok(HttpResponse::Ok().json(Clock {
        grid_ms: now.grid_ms,
        grid_time,
        speed: now.speed,
    }))
}
