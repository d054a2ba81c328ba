//! The one shape of an error (RFC 9457), and the one place that makes it.
//!
//! The API answers `application/problem+json`; a page answers the same facts as HTML. What went
//! wrong inside is logged, never shown.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::source::SourceError;

/// One wrong field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldProblem {
    /// A JSON pointer to the field.
    #[schema(example = "/sell_above_micro")]
    pub pointer: String,
    /// What was expected and what came.
    pub detail: String,
}

/// What went wrong, as `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// A stable name of the kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "urn:commonwatt:problem:not-found")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    #[schema(example = 404)]
    pub status: u16,
    /// What was expected, what came, what to do.
    pub detail: String,
    /// Wrong fields, if it is about fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
}

impl Problem {
    fn new(status: StatusCode, name: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:commonwatt:problem:{name}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
        }
    }

    /// 400: the request makes no sense.
    #[must_use]
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "bad-request",
            "The request could not be understood",
            detail,
        )
    }

    /// 401: a log-in is needed.
    #[must_use]
    pub fn log_in() -> Self {
        let detail = "this needs a log-in: open /login, or send the session cookie";
        Self::new(StatusCode::UNAUTHORIZED, "log-in", "Please log in", detail)
    }

    /// 403: logged in, but not allowed to see this.
    #[must_use]
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "This is not yours to see",
            detail,
        )
    }

    /// 404: there is no such thing.
    #[must_use]
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
    }

    /// 409: not in this state, try again later.
    #[must_use]
    pub fn not_yet(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "not-yet", "Not yet", detail)
    }

    /// 412: somebody else was first.
    #[must_use]
    pub fn changed(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "changed",
            "Changed in the meantime",
            detail,
        )
    }

    /// 422: fields are wrong.
    #[must_use]
    pub fn invalid(errors: Vec<FieldProblem>) -> Self {
        let detail = errors
            .iter()
            .map(|e| e.detail.as_str())
            .collect::<Vec<_>>()
            .join("; ");
        let problem = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid",
            "Some values are not possible",
            detail,
        );
        Self { errors, ..problem }
    }

    /// 422: what came is not valid as a whole.
    #[must_use]
    pub fn refused(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "refused",
            "This cannot be accepted",
            detail,
        )
    }

    /// 503: not now.
    #[must_use]
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "Not available right now",
            detail,
        )
    }

    /// 500: our fault. The detail goes to the log.
    #[must_use]
    pub fn internal(detail: &dyn fmt::Display) -> Self {
        tracing::error!(error = %detail, "a request failed");
        let said = "something failed on our side; it has been logged";
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something went wrong",
            said,
        )
    }

    /// The status.
    #[must_use]
    pub fn code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.title, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code()
    }

    fn error_response(&self) -> HttpResponse {
        let body = serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned());
        HttpResponse::build(self.code())
            .content_type("application/problem+json")
            .body(body)
    }
}

impl From<SourceError> for Problem {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Failed(_) => Self::internal(&error),
            SourceError::Conflict { .. } => Self::changed(error.to_string()),
        }
    }
}

impl From<actix_web::error::BlockingError> for Problem {
    fn from(error: actix_web::error::BlockingError) -> Self {
        Self::internal(&error)
    }
}

/// The same problem as a page.
#[derive(Debug)]
pub struct PageProblem(pub Problem);

impl<E: Into<Problem>> From<E> for PageProblem {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for PageProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for PageProblem {
    fn status_code(&self) -> StatusCode {
        self.0.code()
    }

    fn error_response(&self) -> HttpResponse {
        let body = crate::views::error::page(&self.0);
        HttpResponse::build(self.0.code())
            .content_type(ContentType::html())
            .body(body)
    }
}

/// Extractor errors of both kinds end here.
pub(crate) fn from_extractor<E: fmt::Display>(error: E, request: &HttpRequest) -> actix_web::Error {
    let problem = Problem::bad_request(error.to_string());
    if request.path().starts_with("/api/") {
        problem.into()
    } else {
        PageProblem(problem).into()
    }
}
