//! Every address, and the headers that every answer carries.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::{Compress, Next, from_fn};
use actix_web::{Error, HttpRequest, HttpResponse, ResponseError, web};
use utoipa_swagger_ui::SwaggerUi;

use crate::problem::{PageProblem, Problem, from_extractor};
use crate::state::WebState;
use crate::{api, assets, pages};

/// No form and no JSON body of ours is larger.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// Adds every address to an application.
pub fn configure(cfg: &mut web::ServiceConfig, state: WebState) {
    cfg.app_data(web::Data::new(state))
        .app_data(web::PathConfig::default().error_handler(from_extractor))
        .app_data(web::QueryConfig::default().error_handler(from_extractor))
        .app_data(
            web::FormConfig::default()
                .limit(BODY_BYTES_MAX)
                .error_handler(from_extractor),
        )
        .app_data(
            web::JsonConfig::default()
                .limit(BODY_BYTES_MAX)
                .error_handler(from_extractor),
        )
        .service(
            web::scope("")
                .wrap(Compress::default())
                .wrap(from_fn(with_headers))
                .configure(service_routes)
                .configure(api_routes)
                .configure(page_routes)
                .default_service(web::to(nowhere)),
        );
}

fn service_routes(cfg: &mut web::ServiceConfig) {
    cfg.route("/livez", web::get().to(api::health::livez))
        .route("/readyz", web::get().to(api::health::readyz))
        .route("/version", web::get().to(api::health::version))
        .route("/assets/{name}", web::get().to(assets::serve))
        .service(web::redirect("/api/docs", "/api/docs/"))
        .service(SwaggerUi::new("/api/docs/{_:.*}").url("/api/v1/openapi.json", api::document()));
}

fn api_routes(cfg: &mut web::ServiceConfig) {
    cfg.route("/api/v1/clock", web::get().to(api::clock::clock))
        .route("/api/v1/audit", web::get().to(api::audit::audit))
        .route("/api/v1/intervals", web::get().to(api::intervals::list))
        .route(
            "/api/v1/intervals/{start}",
            web::get().to(api::intervals::one),
        )
        .route("/api/v1/homes", web::get().to(api::homes::list))
        .route(
            "/api/v1/homes/{home}/statement",
            web::get().to(api::homes::statement),
        )
        .route(
            "/api/v1/homes/{home}/balance",
            web::get().to(api::homes::balance),
        )
        .route(
            "/api/v1/homes/{home}/preference",
            web::get().to(api::preference::show),
        )
        .route(
            "/api/v1/homes/{home}/preference",
            web::put().to(api::preference::change),
        )
        .route(
            "/api/v1/homes/{home}/bundles/{interval}",
            web::get().to(api::bundles::download),
        )
        .route("/api/v1/chain", web::get().to(api::chain::chain))
        .route("/api/v1/stream", web::get().to(api::stream::stream))
        .route(
            "/api/v1/invitations",
            web::post().to(api::enrolments::invite),
        )
        .route("/api/v1/enrolments", web::post().to(api::enrolments::enrol))
        .service(
            web::resource("/api/v1/batches")
                .app_data(web::PayloadConfig::new(api::batches::BATCH_BYTES_MAX))
                .route(web::post().to(api::batches::take)),
        );
}

fn page_routes(cfg: &mut web::ServiceConfig) {
    cfg.route("/", web::get().to(pages::street::show))
        .route("/homes/{home}", web::get().to(pages::home::show))
        .route(
            "/homes/{home}/preference",
            web::post().to(pages::home::change),
        )
        .route(
            "/homes/{home}/intervals/{start}",
            web::get().to(pages::home::show_interval),
        )
        .route("/operator", web::get().to(pages::operator::show))
        .route("/research", web::get().to(pages::research::show))
        .route(
            "/research/intervals.csv",
            web::get().to(pages::research::export),
        )
        .route("/login", web::get().to(pages::login::show))
        .route("/login", web::post().to(pages::login::log_in))
        .route("/logout", web::post().to(pages::login::log_out));
}

async fn nowhere(request: HttpRequest) -> HttpResponse {
    let problem = Problem::not_found(format!("there is nothing at {}", request.path()));
    if request.path().starts_with("/api/") {
        problem.error_response()
    } else {
        PageProblem(problem).error_response()
    }
}

const HEADERS: [(&str, &str); 5] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];
const POLICY: &str = "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'";
/// The API's description brings its own page with inline styles and pictures; still nothing from elsewhere.
const POLICY_OF_DOCS: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                              base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'";

async fn with_headers(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let policy = if request.path().starts_with("/api/docs/") {
        POLICY_OF_DOCS
    } else {
        POLICY
    };
    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    for (name, value) in HEADERS
        .into_iter()
        .chain([("content-security-policy", policy)])
    {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    Ok(response)
}
