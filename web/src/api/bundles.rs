//! Proof bundles: everything that `commonwatt verify` needs for one home and one interval.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use actix_web::{HttpResponse, web};
use energy_core::HomeId;

use crate::auth::policy::require;
use crate::auth::{Access, Principal};
use crate::pages::{ask, interval_start};
use crate::problem::Problem;
use crate::state::{BundleError, WebState};
use crate::views::interval::bundle_file;

/// A home's proof bundle for one interval: one canonical CBOR file.
#[utoipa::path(
    get, path = "/api/v1/homes/{home}/bundles/{interval}", tag = "homes",
    params(
        ("home" = u32, Path),
        ("interval" = String, Path, description = "The interval's start, RFC 3339 UTC", example = "2026-06-15T09:00:00Z"),
    ),
    responses(
        (status = 200, description = "The bundle", body = Vec<u8>, content_type = "application/cbor"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Its settlement batch is not there yet", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn download(
    state: web::Data<WebState>,
    principal: Principal,
    path: web::Path<(u32, String)>,
) -> Result<HttpResponse, Problem> {
    let (home, text) = path.into_inner();
    let home = HomeId::new(home);
    require(&principal, Access::HomeData(home))?;
    let zone = ask(&state, |source| source.zone()).await?;
    let interval = interval_start(&zone, &text)?;
    let bundles = state.bundles.clone();
    let bytes = web::block(move || bundles.bundle(home, interval))
        .await?
        .map_err(|error| match error {
            BundleError::NotYet(reason) => Problem::not_yet(reason),
            BundleError::Failed(_) => Problem::internal(&error),
        })?;
    let file = format!("attachment; filename=\"{}\"", bundle_file(home, interval));
    Ok(HttpResponse::Ok()
        .content_type("application/cbor")
        .insert_header((CONTENT_DISPOSITION, file))
        .insert_header((CACHE_CONTROL, "private, no-store"))
        .body(bytes))
}
