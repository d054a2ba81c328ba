//! The session cookie: a random token, of which only the hash is kept.

use actix_web::HttpRequest;
use actix_web::http::header::COOKIE;
use energy_core::keccak;

use crate::problem::Problem;

/// A session lasts twelve hours.
pub(crate) const SESSION_SECONDS: i64 = 12 * 3_600;
const NAME: &str = "commonwatt_session";

/// A fresh token with its cookie. `secure` when the page came over TLS.
pub(crate) fn session_cookie(secure: bool) -> Result<([u8; 32], String), Problem> {
    let mut token = [0_u8; 32];
    getrandom::fill(&mut token).map_err(|e| Problem::internal(&e))?;
    let text = hex::encode(token);
    let cookie = format!(
        "{NAME}={text}; Path=/; HttpOnly; SameSite=Lax; Max-Age={SESSION_SECONDS}{}",
        suffix(secure)
    );
    Ok((token_hash(&text), cookie))
}

/// The cookie that makes a browser forget the session.
pub(crate) fn clear_cookie(secure: bool) -> String {
    format!(
        "{NAME}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{}",
        suffix(secure)
    )
}

fn suffix(secure: bool) -> &'static str {
    if secure { "; Secure" } else { "" }
}

/// What the store keeps of a token.
pub(crate) fn token_hash(token: &str) -> [u8; 32] {
    *keccak(&[b"commonwatt/session/1", token.as_bytes()]).as_bytes()
}

/// The token that a request carries.
pub(crate) fn token_of(request: &HttpRequest) -> Option<String> {
    let cookies = request
        .headers()
        .get_all(COOKIE)
        .filter_map(|value| value.to_str().ok());
    let mut pairs = cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(name, value)| *name == NAME && value.len() == 64)
        .map(|(_, value)| value.to_owned())
}

/// Wall time, seconds UTC.
pub(crate) fn wall_seconds() -> i64 {
    chrono::Utc::now().timestamp()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_token_is_found_among_other_cookies() {
        let token = "ab".repeat(32);
        let request = TestRequest::get()
            .insert_header((COOKIE, format!("a=1; {NAME}={token}; b=2")))
            .to_http_request();
        assert_eq!(token_of(&request), Some(token));
        let request = TestRequest::get()
            .insert_header((COOKIE, format!("x{NAME}=abc")))
            .to_http_request();
        assert_eq!(token_of(&request), None);
    }

    #[test]
    fn a_cookie_is_out_of_reach_of_scripts() {
        let (_, cookie) = session_cookie(true).expect("random");
        assert!(
            cookie.contains("HttpOnly")
                && cookie.contains("SameSite=Lax")
                && cookie.ends_with("Secure")
        );
        assert_ne!(
            session_cookie(false).expect("random").1,
            session_cookie(false).expect("random").1
        );
    }
}
