//! The event stream (server-sent events).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream;
use tokio::sync::broadcast::error::RecvError;

use crate::auth::policy::verdict;
use crate::auth::{Access, Principal, Verdict};
use crate::facts::Role;
use crate::live::{Audience, LiveEvent};
use crate::state::WebState;

const HEARTBEAT: Duration = Duration::from_secs(15);

/// Who may see which events.
fn may_see(principal: &Principal, event: &LiveEvent) -> bool {
    match event.audience {
        Audience::Public => true,
        Audience::Home(home) => {
            verdict(principal, Access::StreetInFull) == Verdict::Yes
                || principal.role() == Some(Role::Household(home))
        }
    }
}

/// Named events `tick`, `interval`, `batch`, `reading`; `Last-Event-ID` replays up to 1000.
#[utoipa::path(
    get, path = "/api/v1/stream", tag = "zone",
    params(("Last-Event-ID" = Option<u64>, Header, description = "The last event that was seen")),
    responses((status = 200, description = "Events", body = String, content_type = "text/event-stream"))
)]
pub(crate) async fn stream(
    request: HttpRequest,
    state: web::Data<WebState>,
    principal: Principal,
) -> HttpResponse {
    let last_id = request
        .headers()
        .get("last-event-id")
        .and_then(|v| v.to_str().ok()?.parse().ok());
    let (missed, receiver) = state.live.subscribe(last_id);
    let mut first = VecDeque::from([web::Bytes::from_static(b"retry: 2000\n\n")]);
    let wire = |event: &Arc<LiveEvent>| web::Bytes::from(event.to_wire());
    first.extend(missed.iter().filter(|e| may_see(&principal, e)).map(wire));
    let events = stream::unfold(
        (first, receiver, principal),
        |(mut first, mut receiver, principal)| async move {
            if let Some(bytes) = first.pop_front() {
                return Some((
                    Ok::<_, actix_web::Error>(bytes),
                    (first, receiver, principal),
                ));
            }
            loop {
                let bytes = match tokio::time::timeout(HEARTBEAT, receiver.recv()).await {
                    Err(_) => web::Bytes::from_static(b": still here\n\n"),
                    Ok(Ok(event)) if may_see(&principal, &event) => {
                        web::Bytes::from(event.to_wire())
                    }
                    Ok(Ok(_)) => continue,
                    // Too slow, or the node is stopping: the client comes back with its last id.
                    Ok(Err(RecvError::Lagged(_) | RecvError::Closed)) => return None,
                };
                return Some((Ok(bytes), (first, receiver, principal)));
            }
        },
    );
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((CACHE_CONTROL, "no-store"))
        // Compression would hold events back.
        .insert_header((CONTENT_ENCODING, "identity"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(events)
}
