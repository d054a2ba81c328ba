//! The pages: fetch facts on a blocking thread, make a view, render it.

pub(crate) mod home;
pub(crate) mod login;
pub(crate) mod operator;
pub(crate) mod research;
pub(crate) mod street;

use actix_web::http::header::{CACHE_CONTROL, ContentType};
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::facts::{HomeFacts, ZoneFacts};
use crate::problem::{PageProblem, Problem};
use crate::source::{Source, SourceError};
use crate::state::WebState;

/// Which part of a page is wanted, and of when.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct PageQuery {
    /// `now`: the part that is renewed, without its surroundings.
    pub(crate) part: Option<String>,
    /// `2026-06-15`
    pub(crate) day: Option<String>,
    /// The start of an interval, RFC 3339.
    pub(crate) interval: Option<String>,
}

impl PageQuery {
    fn wants_part(&self) -> bool {
        self.part.as_deref() == Some("now")
    }
}

fn html(template: &impl Template) -> Result<HttpResponse, PageProblem> {
    let body = template.render().map_err(|e| Problem::internal(&e))?;
    Ok(HttpResponse::Ok()
        .content_type(ContentType::html())
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(body))
}

/// Asks the source on a blocking thread.
pub(crate) async fn ask<T, F>(state: &WebState, question: F) -> Result<T, Problem>
where
    T: Send + 'static,
    F: FnOnce(&dyn Source) -> Result<T, SourceError> + Send + 'static,
{
    let store = state.store.clone();
    Ok(web::block(move || question(store.as_ref())).await??)
}

/// A home of a list.
pub(crate) fn find_home(
    homes: Vec<HomeFacts>,
    id: energy_core::HomeId,
) -> Result<HomeFacts, Problem> {
    let unknown = || Problem::not_found(format!("there is no home {id}"));
    homes.into_iter().find(|h| h.home == id).ok_or_else(unknown)
}

/// The start of an interval in an address.
pub(crate) fn interval_start(
    zone: &ZoneFacts,
    text: &str,
) -> Result<energy_core::IntervalStart, Problem> {
    let second = chrono::DateTime::parse_from_rfc3339(text).map_err(|_| {
        Problem::bad_request(format!(
            "expected the start of an interval such as 2026-06-15T09:00:00Z, got `{text}`"
        ))
    })?;
    zone.interval
        .start_at(second.timestamp())
        .map_err(|e| Problem::bad_request(e.to_string()))
}
