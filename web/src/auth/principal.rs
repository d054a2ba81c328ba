//! Who a request comes from.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::HOST;
use actix_web::{FromRequest, HttpRequest, web};

use super::session::{token_hash, token_of, wall_seconds};
use crate::facts::Role;
use crate::problem::Problem;
use crate::state::WebState;

/// Who is asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    session: Option<(String, Role)>,
    open_demo: bool,
}

impl Principal {
    /// Nobody in particular.
    #[must_use]
    pub fn anonymous() -> Self {
        Self {
            session: None,
            open_demo: false,
        }
    }

    /// Somebody of this role.
    #[must_use]
    pub fn of(role: Role) -> Self {
        Self {
            session: Some((String::new(), role)),
            open_demo: false,
        }
    }

    /// The same, on the machine of a demo that is shown in full.
    #[must_use]
    pub fn in_open_demo(self) -> Self {
        Self {
            open_demo: true,
            ..self
        }
    }

    /// Their role, none when not logged in.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        self.session.as_ref().map(|(_, role)| *role)
    }

    /// Their log-in name.
    #[must_use]
    pub fn login(&self) -> Option<&str> {
        self.session.as_ref().map(|(login, _)| login.as_str())
    }

    /// Whether they sit at the machine of a demo that is shown in full.
    #[must_use]
    pub fn is_open_demo(&self) -> bool {
        self.open_demo
    }
}

impl FromRequest for Principal {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let state = request
                .app_data::<web::Data<WebState>>()
                .cloned()
                .ok_or_else(|| Problem::internal(&"the application state is missing"))?;
            let open_demo = state.loopback_open && from_this_machine(&request);
            let session = match token_of(&request) {
                None => None,
                Some(token) => {
                    let store = state.store.clone();
                    web::block(move || store.session(token_hash(&token), wall_seconds())).await??
                }
            };
            Ok(Self { session, open_demo })
        })
    }
}

/// Whether a request was made on this machine, to a name of this machine, past no proxy.
///
/// The name is checked so that a foreign page cannot reach in by pointing its own name here.
fn from_this_machine(request: &HttpRequest) -> bool {
    let peer = request
        .peer_addr()
        .is_some_and(|addr| is_loopback(addr.ip()));
    let header = |name: &str| request.headers().get(name).and_then(|v| v.to_str().ok());
    let proxied = ["forwarded", "x-forwarded-for", "x-real-ip", "via"]
        .iter()
        .any(|name| header(name).is_some());
    let host = header(HOST.as_str()).unwrap_or_default();
    let name = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
        .map_or(host, |p| p.0);
    let named =
        matches!(name, "localhost" | "[::1]") || name.parse::<IpAddr>().is_ok_and(is_loopback);
    peer && named && !proxied
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_this_machine_by_its_own_name_and_without_a_proxy_is_this_machine() {
        let check =
            |peer: &str, host: &'static str, extra: Option<(&'static str, &'static str)>| {
                let request = TestRequest::get()
                    .peer_addr(peer.parse().expect("address"))
                    .insert_header((HOST, host));
                let request = extra
                    .into_iter()
                    .fold(request, |r, header| r.insert_header(header));
                from_this_machine(&request.to_http_request())
            };
        assert!(check("127.0.0.1:5000", "127.0.0.1:8080", None));
        assert!(check("[::1]:5000", "localhost:8080", None));
        assert!(check("[::ffff:127.0.0.1]:5000", "localhost", None));
        assert!(check("127.0.0.1:5000", "[::1]:8080", None));
        assert!(!check("192.168.1.4:5000", "127.0.0.1:8080", None));
        assert!(!check("127.0.0.1:5000", "street.example:8080", None));
        assert!(!check(
            "127.0.0.1:5000",
            "localhost:8080",
            Some(("x-forwarded-for", "1.2.3.4"))
        ));
    }
}
