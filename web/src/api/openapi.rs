//! The description of the API.

use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Commonwatt",
        description = "Peer-to-peer energy trading on one street. Energy in Wh, prices in 10⁻⁶ and money in 10⁻⁹ of the currency, all as integers; times RFC 3339 in UTC, spans half-open. Errors are `application/problem+json`.",
        license(name = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "zone", description = "Prices, totals, clock, audit, chain, events"),
        (name = "homes", description = "One home: statement, balance, preference, proof bundles"),
        (name = "gateways", description = "Enrolment, and reading batches over HTTP"),
        (name = "health", description = "Whether the service is there and ready"),
    ),
    paths(
        super::health::livez,
        super::health::readyz,
        super::health::version,
        super::clock::clock,
        super::audit::audit,
        super::intervals::list,
        super::intervals::one,
        super::homes::list,
        super::homes::statement,
        super::homes::balance,
        super::preference::show,
        super::preference::change,
        super::bundles::download,
        super::chain::chain,
        super::stream::stream,
        super::batches::take,
        super::enrolments::invite,
        super::enrolments::enrol,
    )
)]
struct Description;

/// The OpenAPI document.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    Description::openapi()
}
