//! Serves the embedded chain as JSON-RPC over HTTP on the loopback address, so that a wallet, cast
//! or web3.py can look at it.

use std::net::TcpListener;

use actix_web::http::header;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use settlement::chain::EmbeddedChain;

/// The largest request: a deployment's bytecode fits many times.
const REQUEST_BYTES_MAX: usize = 4 << 20;

/// Serves until the returned future is dropped or its handle stopped.
///
/// # Errors
/// If the listener cannot be served.
pub(super) fn serve(
    chain: EmbeddedChain,
    listener: TcpListener,
) -> std::io::Result<actix_web::dev::Server> {
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(chain.clone()))
            .app_data(web::PayloadConfig::new(REQUEST_BYTES_MAX))
            .route("/", web::post().to(answer))
            .route(
                "/",
                web::method(actix_web::http::Method::OPTIONS).to(preflight),
            )
    })
    .workers(1)
    .disable_signals()
    .listen(listener)?;
    Ok(server.run())
}

async fn answer(
    chain: web::Data<EmbeddedChain>,
    request: HttpRequest,
    body: web::Bytes,
) -> HttpResponse {
    // A page of another origin must not be able to read a household's chain through its browser.
    if let Some(origin) = request.headers().get(header::ORIGIN)
        && !is_loopback_origin(origin)
    {
        return HttpResponse::Forbidden().finish();
    }
    let chain = chain.get_ref().clone();
    match web::block(move || chain.json_rpc(&body)).await {
        Ok(reply) => HttpResponse::Ok()
            .content_type("application/json")
            .body(reply),
        Err(_) => HttpResponse::ServiceUnavailable().finish(),
    }
}

async fn preflight() -> HttpResponse {
    HttpResponse::NoContent().finish()
}

fn is_loopback_origin(origin: &header::HeaderValue) -> bool {
    origin.to_str().is_ok_and(|o| {
        let host = o
            .trim_start_matches("http://")
            .trim_start_matches("https://");
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
        matches!(host, "127.0.0.1" | "localhost" | "[::1]")
    })
}
