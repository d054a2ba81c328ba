//! Whether the service is there, ready, and which one it is.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::state::WebState;

/// What is running.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Version {
    /// The product.
    #[schema(example = "commonwatt")]
    name: &'static str,
    /// Its version.
    #[schema(example = "0.1.0")]
    version: &'static str,
}

/// How far the node is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// Whether the history is complete.
    ready: bool,
    /// Intervals of history made.
    history_done: u64,
    /// Intervals of history to make.
    history_total: u64,
}

/// The process answers.
#[utoipa::path(get, path = "/livez", tag = "health", responses((status = 200, description = "It answers")))]
pub(crate) async fn livez() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("ok\n")
}

/// The pages answer and the history is complete.
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses(
        (status = 200, body = Readiness),
        (status = 503, description = "Not yet, with the reason", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn readyz(state: web::Data<WebState>) -> Result<HttpResponse, Problem> {
    // A question that the store answers from one small table shows that pages can be answered.
    crate::pages::ask(&state, |source| source.zone())
        .await
        .map_err(|p| Problem::unavailable(p.detail))?;
    let now = state.now();
    if !now.ready {
        let reason = now
            .reason
            .unwrap_or_else(|| "the history is being made".to_owned());
        let detail = format!(
            "{reason} ({} of {} intervals)",
            now.history_done, now.history_total
        );
        return Err(Problem::unavailable(detail));
    }
    let (history_done, history_total) = (now.history_done, now.history_total);
    Ok(HttpResponse::Ok().json(Readiness {
        ready: true,
        history_done,
        history_total,
    }))
}

/// Which version runs.
#[utoipa::path(get, path = "/version", tag = "health", responses((status = 200, body = Version)))]
pub(crate) async fn version(state: web::Data<WebState>) -> HttpResponse {
    HttpResponse::Ok().json(Version {
        name: "commonwatt",
        version: state.version,
    })
}
