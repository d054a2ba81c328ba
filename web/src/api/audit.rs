//! Meters, ledger and chain, interval by interval.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::SpanQuery;
use crate::auth::policy::require;
use crate::auth::{Access, Principal};
use crate::facts::IntervalState;
use crate::format::start;
use crate::pages::ask;
use crate::problem::Problem;
use crate::state::WebState;

/// One interval.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditInterval {
    /// The zone.
    #[schema(example = "elm-street")]
    zone: String,
    /// The interval's start.
    #[schema(example = "2026-06-15T09:00:00Z")]
    start: String,
    /// How far it has come.
    state: IntervalState,
    /// Lifetime verified energy up to the interval's end, recomputed from the stored signed readings.
    metered_wh: i64,
    /// Minted less carry in the journal.
    ledger_wh: i64,
    /// Minted less carry of the final batch that ends there, null where none does.
    chain_wh: Option<i64>,
    /// The largest difference between any two of the three.
    energy_difference_wh: i64,
    /// Journal cash less chain cash.
    cash_difference_nano: i64,
}

/// The audit of a span.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Audit {
    /// Every cleared interval of the span.
    intervals: Vec<AuditInterval>,
    /// The sum of the absolute differences.
    #[schema(example = 0)]
    energy_difference_wh: i64,
    /// The sum of the absolute differences.
    #[schema(example = 0)]
    cash_difference_nano: i64,
}

/// Whether meters, ledger and chain agree.
#[utoipa::path(
    get, path = "/api/v1/audit", tag = "zone", params(SpanQuery),
    responses(
        (status = 200, body = Audit),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn audit(
    state: web::Data<WebState>,
    principal: Principal,
    query: web::Query<SpanQuery>,
) -> Result<HttpResponse, Problem> {
    require(&principal, Access::Audit)?;
    let (from, to) = query.seconds()?;
    let facts = ask(&state, move |source| source.audit(from, to)).await?;
    let sum = |values: &mut dyn Iterator<Item = i64>| {
        values
            .map(i64::saturating_abs)
            .fold(0_i64, i64::saturating_add)
    };
    let energy_difference_wh = sum(&mut facts.iter().map(|f| f.energy_difference_wh));
    let cash_difference_nano = sum(&mut facts.iter().map(|f| f.cash_difference_nano));
    let intervals = facts.into_iter().map(|f| AuditInterval {
        zone: f.zone.to_string(),
        start: start(f.start),
        state: f.state,
        metered_wh: f.metered_wh,
        ledger_wh: f.ledger_wh,
        chain_wh: f.chain_wh,
        energy_difference_wh: f.energy_difference_wh,
        cash_difference_nano: f.cash_difference_nano,
    });
    Ok(HttpResponse::Ok().json(Audit {
        intervals: intervals.collect(),
        energy_difference_wh,
        cash_difference_nano,
    }))
}
