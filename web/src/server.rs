//! The web server.

use std::future::Future;
use std::net::TcpListener;
use std::time::Duration;

use actix_web::{App, HttpServer, web};

use crate::routes::configure;
use crate::state::WebState;

/// The pages need no more than this; the rest of the machine is for meters and markets.
const WORKERS: usize = 2;
/// How often a moving clock is told to open pages, at most.
const TICK: Duration = Duration::from_millis(500);

/// Serves pages and API on a bound listener until `shutdown` is done. Open event streams are then
/// closed.
///
/// # Errors
/// When the listener cannot be used.
pub async fn serve(
    state: WebState,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send,
) -> std::io::Result<()> {
    let ticks = tokio::spawn(tell_time(state.clone()));
    let server = HttpServer::new(move || {
        let state = state.clone();
        App::new().configure(|cfg: &mut web::ServiceConfig| configure(cfg, state))
    })
    .workers(WORKERS)
    .disable_signals()
    .shutdown_timeout(1)
    .listen(listener)?
    .run();
    let handle = server.handle();
    let mut server = std::pin::pin!(server);
    let result = tokio::select! {
        result = &mut server => result,
        () = shutdown => {
            tokio::join!(handle.stop(true), server).1
        }
    };
    ticks.abort();
    result
}

/// Publishes a tick when the clock or the readiness changes.
async fn tell_time(state: WebState) {
    let mut status = state.status.clone();
    loop {
        let (grid_ms, ready) = {
            let now = status.borrow_and_update();
            (now.grid_ms, now.ready)
        };
        state.live.tick(grid_ms, ready);
        tokio::time::sleep(TICK).await;
        if status.changed().await.is_err() {
            return;
        }
    }
}

/// What to tell somebody whose port could not be bound.
#[must_use]
pub fn listen_error(port: u16, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!(
                "expected port {port} to be free, but another program uses it; stop that program or choose another port with --port"
            )
        }
        std::io::ErrorKind::PermissionDenied => {
            format!("expected to be allowed to use port {port}; choose one above 1023 with --port")
        }
        _ => format!("port {port} cannot be used: {error}"),
    }
}
