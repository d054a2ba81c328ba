//! The JSON API, version 1. Described by `/api/v1/openapi.json`, to be read at `/api/docs/`.
//!
//! Energy is in Wh, prices in 10⁻⁶ and money in 10⁻⁹ of the currency, all as integers; times are
//! RFC 3339 in UTC. Errors have one shape, `application/problem+json`.

pub(crate) mod audit;
pub(crate) mod batches;
pub(crate) mod bundles;
pub(crate) mod chain;
pub(crate) mod clock;
pub mod enrolments;
pub(crate) mod health;
pub(crate) mod homes;
pub(crate) mod intervals;
mod openapi;
pub(crate) mod preference;
pub(crate) mod stream;

pub use openapi::document;

use serde::Deserialize;
use utoipa::IntoParams;

use crate::problem::Problem;

/// A span of time, half-open.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SpanQuery {
    /// The beginning, inclusive, RFC 3339 UTC.
    #[param(example = "2026-06-15T00:00:00Z")]
    from: String,
    /// The end, exclusive, RFC 3339 UTC.
    #[param(example = "2026-06-16T00:00:00Z")]
    to: String,
}

/// A year and a day: more is not answered at once.
const SPAN_MAX_S: i64 = 367 * 86_400;

impl SpanQuery {
    /// Seconds UTC.
    fn seconds(&self) -> Result<(i64, i64), Problem> {
        let (from, to) = (instant("from", &self.from)?, instant("to", &self.to)?);
        if from > to {
            return Err(Problem::bad_request(format!(
                "expected `from` before `to`, got {} and {}",
                self.from, self.to
            )));
        }
        if to - from > SPAN_MAX_S {
            return Err(Problem::bad_request(format!(
                "expected at most a year, got {} days",
                (to - from) / 86_400
            )));
        }
        Ok((from, to))
    }
}

/// An RFC 3339 instant, rounded up to whole seconds so that half-open spans stay half-open.
fn instant(name: &str, text: &str) -> Result<i64, Problem> {
    // A `+` of an offset arrives as a blank when it was not escaped.
    let time = chrono::DateTime::parse_from_rfc3339(&text.replace(' ', "+")).map_err(|_| {
        Problem::bad_request(format!(
            "expected `{name}` as RFC 3339 such as 2026-06-15T00:00:00Z, got `{text}`"
        ))
    })?;
    Ok(time.timestamp() + i64::from(time.timestamp_subsec_nanos() > 0))
}
