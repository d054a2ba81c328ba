//! The zone's intervals: prices and totals.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::SpanQuery;
use crate::auth::policy::{HOMES_MIN_FOR_TOTALS, require, verdict};
use crate::auth::{Access, Principal, Verdict};
use crate::facts::{IntervalFacts, IntervalState};
use crate::format::start;
use crate::pages::{ask, interval_start};
use crate::problem::Problem;
use crate::state::WebState;

/// One interval of the zone.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Interval {
    /// Its start.
    #[schema(example = "2026-06-15T09:00:00Z")]
    start: String,
    /// How far it has come.
    state: IntervalState,
    /// The clearing price in 10⁻⁶ currency per kWh, null without trade or where not everybody traded at one
    /// price.
    #[schema(example = 191_500)]
    price_micro_per_kwh: Option<i64>,
    /// The lowest valid price.
    price_lo_micro_per_kwh: Option<i64>,
    /// The highest valid price.
    price_hi_micro_per_kwh: Option<i64>,
    /// Energy traded between homes.
    #[schema(example = 4_321)]
    traded_wh: u64,
    /// Energy the homes had from the utility.
    from_utility_wh: u64,
    /// Energy the utility took.
    to_utility_wh: u64,
    /// What all homes together saved, in 10⁻⁹ currency.
    saved_nano: i64,
    /// Homes that took part.
    homes: u32,
    /// The settlement batch that holds it.
    batch: Option<u64>,
}

impl From<IntervalFacts> for Interval {
    fn from(i: IntervalFacts) -> Self {
        Self {
            start: start(i.start),
            state: i.state,
            price_micro_per_kwh: i.price.map(|p| p.get()),
            price_lo_micro_per_kwh: i.price_lo.map(|p| p.get()),
            price_hi_micro_per_kwh: i.price_hi.map(|p| p.get()),
            traded_wh: i.traded.get(),
            from_utility_wh: i.from_utility.get(),
            to_utility_wh: i.to_utility.get(),
            saved_nano: i.saved.get(),
            homes: i.homes,
            batch: i.batch,
        }
    }
}

/// The intervals of a span.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Intervals {
    /// Oldest first.
    intervals: Vec<Interval>,
}

/// Totals are public in zones with enough homes, and shown to the operator in all.
async fn check(state: &WebState, principal: &Principal) -> Result<(), Problem> {
    require(principal, Access::Totals)?;
    let in_full = verdict(principal, Access::StreetInFull) == Verdict::Yes;
    if in_full || ask(state, |source| source.homes()).await?.len() >= HOMES_MIN_FOR_TOTALS {
        return Ok(());
    }
    Err(Problem::forbidden(format!(
        "totals of a zone with fewer than {HOMES_MIN_FOR_TOTALS} homes are not public"
    )))
}

/// The cleared intervals of a span, oldest first.
#[utoipa::path(
    get, path = "/api/v1/intervals", tag = "zone", params(SpanQuery),
    responses(
        (status = 200, body = Intervals),
        (status = 400, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    state: web::Data<WebState>,
    principal: Principal,
    query: web::Query<SpanQuery>,
) -> Result<HttpResponse, Problem> {
    check(&state, &principal).await?;
    let (from, to) = query.seconds()?;
    let intervals = ask(&state, move |source| source.intervals(from, to)).await?;
    Ok(HttpResponse::Ok().json(Intervals {
        intervals: intervals.into_iter().map(Interval::from).collect(),
    }))
}

/// One cleared interval.
#[utoipa::path(
    get, path = "/api/v1/intervals/{start}", tag = "zone",
    params(("start" = String, Path, description = "The interval's start, RFC 3339 UTC", example = "2026-06-15T09:00:00Z")),
    responses(
        (status = 200, body = Interval),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn one(
    state: web::Data<WebState>,
    principal: Principal,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    check(&state, &principal).await?;
    let zone = ask(&state, |source| source.zone()).await?;
    let at = interval_start(&zone, &path)?;
    let found = ask(&state, move |source| {
        source.intervals(at.seconds(), at.seconds() + 1)
    })
    .await?;
    let unknown = || Problem::not_found(format!("the interval {path} has not been cleared"));
    let interval = found.into_iter().next().ok_or_else(unknown)?;
    // A final interval never changes.
    let cache = if interval.state == IntervalState::Final {
        "public, max-age=31536000, immutable"
    } else {
        "no-store"
    };
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, cache))
        .json(Interval::from(interval)))
}
