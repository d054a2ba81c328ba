//! `GET /operator`: the grid operator's page.

use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, web};
use energy_core::IntervalStart;

use super::{PageQuery, ask, html, interval_start};
use crate::auth::policy::require;
use crate::auth::{Access, Principal};
use crate::problem::PageProblem;
use crate::source::{Source, SourceError};
use crate::state::WebState;
use crate::views::operator::{OperatorFacts, OperatorPage, now};
use crate::views::{Chrome, Tab};

pub(crate) async fn show(
    state: web::Data<WebState>,
    principal: Principal,
    query: web::Query<PageQuery>,
) -> Result<HttpResponse, PageProblem> {
    match require(&principal, Access::Operator) {
        Err(problem) if problem.status == 401 => {
            return Ok(HttpResponse::SeeOther()
                .insert_header((LOCATION, "/login?next=/operator"))
                .finish());
        }
        other => other?,
    }
    let zone = ask(&state, |source| source.zone()).await?;
    let chosen = query
        .interval
        .as_deref()
        .map(|text| interval_start(&zone, text))
        .transpose()?;
    let facts = ask(&state, move |source| gather(source, chosen)).await?;
    let facts = OperatorFacts {
        meters: state.with_device_errors(facts.meters),
        batches: state.with_batch_gas(facts.batches),
        ..facts
    };
    let part = now(
        &facts,
        &state.now(),
        &state.chain.borrow(),
        query.interval.as_deref(),
    );
    if query.wants_part() {
        return html(&part);
    }
    let street = crate::views::zone_title(&facts.zone);
    html(&OperatorPage {
        chrome: Chrome::new("Operator", Tab::Operator, &state, &principal),
        street,
        now: part,
    })
}

fn gather(
    source: &dyn Source,
    chosen: Option<IntervalStart>,
) -> Result<OperatorFacts, SourceError> {
    let newest = source.newest_interval()?.map(|i| i.start);
    let to = newest.map_or(0, |start| start.seconds() + 1);
    let (at_final, newest_audit) = source.audit_ends()?;
    Ok(OperatorFacts {
        zone: source.zone()?,
        homes: source.homes()?,
        meters: source.meters()?,
        intervals: source.intervals(to - 86_400, to)?,
        book: chosen
            .or(newest)
            .map_or(Ok(None), |start| source.book(start))?,
        batches: source.batches(20)?,
        at_final,
        newest: newest_audit,
        store: source.store_facts()?,
    })
}
