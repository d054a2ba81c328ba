//! `GET /research` and its export: zone totals, never a home.

use actix_web::http::header::{CONTENT_DISPOSITION, LOCATION};
use actix_web::{HttpResponse, web};

use super::{ask, html};
use crate::auth::policy::{HOMES_MIN_FOR_TOTALS, require};
use crate::auth::{Access, Principal};
use crate::facts::{IntervalFacts, ZoneFacts};
use crate::problem::{PageProblem, Problem};
use crate::state::WebState;
use crate::views::research::{ResearchPage, csv, days};
use crate::views::{Chrome, Tab};

/// At most so much is shown and exported: a year of quarter hours.
const SPAN_S: i64 = 366 * 86_400;

async fn totals(state: &WebState) -> Result<(ZoneFacts, usize, Vec<IntervalFacts>), Problem> {
    let now = state.now().grid_ms / 1_000;
    ask(state, move |source| {
        Ok((
            source.zone()?,
            source.homes()?.len(),
            source.intervals(now - SPAN_S, now + 86_400)?,
        ))
    })
    .await
}

pub(crate) async fn show(
    state: web::Data<WebState>,
    principal: Principal,
) -> Result<HttpResponse, PageProblem> {
    match require(&principal, Access::Research) {
        Err(problem) if problem.status == 401 => {
            return Ok(HttpResponse::SeeOther()
                .insert_header((LOCATION, "/login?next=/research"))
                .finish());
        }
        other => other?,
    }
    let (_, homes, intervals) = totals(&state).await?;
    let too_few = homes < HOMES_MIN_FOR_TOTALS;
    let days = if too_few {
        Vec::new()
    } else {
        days(&intervals)
    };
    html(&ResearchPage {
        chrome: Chrome::new("Data", Tab::Research, &state, &principal),
        days,
        too_few,
    })
}

pub(crate) async fn export(
    state: web::Data<WebState>,
    principal: Principal,
) -> Result<HttpResponse, PageProblem> {
    require(&principal, Access::Research)?;
    let (zone, homes, intervals) = totals(&state).await?;
    if homes < HOMES_MIN_FOR_TOTALS {
        let detail = format!(
            "expected a zone of at least {HOMES_MIN_FOR_TOTALS} homes, this one has {homes}"
        );
        return Err(Problem::forbidden(detail).into());
    }
    let file = format!(
        "attachment; filename=\"commonwatt-{}-intervals.csv\"",
        zone.zone
    );
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((CONTENT_DISPOSITION, file))
        .body(csv(&zone, &intervals)))
}
