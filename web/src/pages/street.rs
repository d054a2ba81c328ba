//! `GET /`: the street now.

use actix_web::{HttpResponse, web};

use super::{PageQuery, ask, html};
use crate::auth::policy::{HOMES_MIN_FOR_TOTALS, verdict};
use crate::auth::{Access, Principal, Verdict};
use crate::format::midnight;
use crate::problem::PageProblem;
use crate::source::{Source, SourceError};
use crate::state::WebState;
use crate::views::street::{StreetFacts, StreetPage, now, title};
use crate::views::{Chrome, Tab};

pub(crate) async fn show(
    state: web::Data<WebState>,
    principal: Principal,
    query: web::Query<PageQuery>,
) -> Result<HttpResponse, PageProblem> {
    let status = state.now();
    let in_full = verdict(&principal, Access::StreetInFull) == Verdict::Yes;
    let grid_ms = status.grid_ms;
    let facts = ask(&state, move |source| gather(source, grid_ms, in_full)).await?;
    let part = now(&facts, &status);
    if query.wants_part() {
        return html(&part);
    }
    let street = title(&facts);
    html(&StreetPage {
        chrome: Chrome::new(&street, Tab::Street, &state, &principal),
        street,
        shown_in_full_for_demo: in_full && principal.role().is_none(),
        in_full,
        now: part,
    })
}

fn gather(source: &dyn Source, grid_ms: i64, in_full: bool) -> Result<StreetFacts, SourceError> {
    let today = midnight(grid_ms) / 1_000;
    let homes = source.homes()?;
    let newest = source.newest_interval()?;
    let newest_homes = match newest {
        Some(interval) => source.interval_homes(interval.start)?,
        None => Vec::new(),
    };
    let facts = StreetFacts {
        zone: source.zone()?,
        live: source.live()?,
        newest,
        newest_homes,
        today: source.intervals(today, today + 86_400)?,
        in_full,
        homes,
    };
    // Totals of a few homes say too much about each of them.
    if in_full || facts.homes.len() >= HOMES_MIN_FOR_TOTALS {
        return Ok(facts);
    }
    Ok(StreetFacts {
        live: Vec::new(),
        newest: None,
        newest_homes: Vec::new(),
        today: Vec::new(),
        ..facts
    })
}
