//! Changing requests are taken only from our own pages.
//!
//! A browser says where a request comes from (`Sec-Fetch-Site`, or `Origin`). A client that is not a
//! browser says nothing, and carries no cookie that it did not fetch itself.

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::{HOST, ORIGIN};

use crate::problem::Problem;

/// Refuses a changing request that another site made.
pub(crate) fn same_origin(request: &HttpRequest) -> Result<(), Problem> {
    if matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    ) {
        return Ok(());
    }
    let header = |name: &str| request.headers().get(name).and_then(|v| v.to_str().ok());
    let ours = match (header("sec-fetch-site"), header(ORIGIN.as_str())) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && host == header(HOST.as_str())
        }
        (None, None) => true,
    };
    let refused = || {
        Problem::forbidden(
            "a change was sent from another site; open the page here and send it again",
        )
    };
    if ours { Ok(()) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_our_own_pages_may_change_something() {
        let check = |headers: &[(&'static str, &'static str)]| {
            let request = headers
                .iter()
                .fold(TestRequest::post(), |r, h| r.insert_header(*h));
            same_origin(&request.to_http_request()).is_ok()
        };
        assert!(check(&[("sec-fetch-site", "same-origin")]));
        assert!(!check(&[("sec-fetch-site", "cross-site")]));
        assert!(!check(&[("sec-fetch-site", "same-site")]));
        assert!(check(&[("origin", "http://a:1"), ("host", "a:1")]));
        assert!(!check(&[("origin", "http://b"), ("host", "a:1")]));
        assert!(!check(&[("origin", "null"), ("host", "a:1")]));
        assert!(check(&[]));
    }
}
