//! `GET` and `POST /login`, `POST /logout`.

use actix_web::http::StatusCode;
use actix_web::http::header::{LOCATION, SET_COOKIE};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;

use super::{ask, html};
use crate::auth::{
    Principal, SESSION_SECONDS, clear_cookie, same_origin, session_cookie, token_hash, token_of,
    wall_seconds,
};
use crate::facts::Role;
use crate::problem::PageProblem;
use crate::state::WebState;
use crate::views::login::{LoginPage, offered};
use crate::views::{Chrome, Tab};

/// Where to go on after a log-in.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct NextQuery {
    next: Option<String>,
}

fn page(
    state: &WebState,
    principal: &Principal,
    problem: Option<String>,
    tried: &str,
    next: Option<&str>,
) -> Result<HttpResponse, PageProblem> {
    let (offered, more) = offered(state.demo.as_ref());
    let chrome = Chrome::new("Log in", Tab::None, state, principal);
    let next = safe_next(next).unwrap_or_default().to_owned();
    html(&LoginPage {
        chrome,
        problem,
        tried: tried.to_owned(),
        next,
        offered,
        more,
    })
}

pub(crate) async fn show(
    state: web::Data<WebState>,
    principal: Principal,
    query: web::Query<NextQuery>,
) -> Result<HttpResponse, PageProblem> {
    page(&state, &principal, None, "", query.next.as_deref())
}

/// The form as it is sent.
#[derive(Debug, Deserialize)]
pub(crate) struct LoginFields {
    login: String,
    password: String,
    #[serde(default)]
    next: String,
}

pub(crate) async fn log_in(
    request: HttpRequest,
    state: web::Data<WebState>,
    principal: Principal,
    fields: web::Form<LoginFields>,
) -> Result<HttpResponse, PageProblem> {
    same_origin(&request)?;
    let LoginFields {
        login,
        password,
        next,
    } = fields.into_inner();
    let name = login.trim().to_owned();
    let user = ask(&state, move |source| source.user(&name)).await?;
    let hash = user.as_ref().map(|u| u.password_hash.clone());
    let fits = state.doorman.fits(password, hash).await?;
    let Some(user) = user.filter(|_| fits) else {
        let problem =
            "This name and this password do not belong together. Please try again.".to_owned();
        let mut answer = page(&state, &principal, Some(problem), login.trim(), Some(&next))?;
        *answer.status_mut() = StatusCode::UNAUTHORIZED;
        return Ok(answer);
    };
    let (hash, cookie) = session_cookie(over_tls(&request))?;
    let name = user.login.clone();
    ask(&state, move |source| {
        source.keep_session(
            hash,
            &name,
            wall_seconds(),
            wall_seconds() + SESSION_SECONDS,
        )
    })
    .await?;
    let home = match user.role {
        Role::Household(home) => format!("/homes/{home}"),
        Role::Operator => "/operator".to_owned(),
        Role::Researcher => "/research".to_owned(),
    };
    let target = safe_next(Some(&next)).map_or(home, str::to_owned);
    Ok(HttpResponse::SeeOther()
        .insert_header((SET_COOKIE, cookie))
        .insert_header((LOCATION, target))
        .finish())
}

pub(crate) async fn log_out(
    request: HttpRequest,
    state: web::Data<WebState>,
) -> Result<HttpResponse, PageProblem> {
    same_origin(&request)?;
    if let Some(token) = token_of(&request) {
        ask(&state, move |source| source.end_session(token_hash(&token))).await?;
    }
    let cookie = clear_cookie(over_tls(&request));
    Ok(HttpResponse::SeeOther()
        .insert_header((SET_COOKIE, cookie))
        .insert_header((LOCATION, "/"))
        .finish())
}

fn over_tls(request: &HttpRequest) -> bool {
    request.connection_info().scheme() == "https"
}

/// Only a page of ours, so that a log-in never ends on another site.
fn safe_next(next: Option<&str>) -> Option<&str> {
    next.filter(|n| {
        n.starts_with('/')
            && !n.starts_with("//")
            && n.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_in_never_ends_on_another_site() {
        assert_eq!(
            safe_next(Some("/homes/7?day=2026-06-15")),
            Some("/homes/7?day=2026-06-15")
        );
        for bad in [
            "",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/a\nb",
        ] {
            assert_eq!(safe_next(Some(bad)), None, "{bad}");
        }
    }
}
