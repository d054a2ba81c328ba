//! A problem as a page.

use askama::Template;

use crate::assets::AssetUrls;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    problem: &'a Problem,
    assets: AssetUrls,
    log_in: bool,
}

/// The page of a problem.
pub(crate) fn page(problem: &Problem) -> String {
    let log_in = matches!(problem.status, 401 | 403);
    let page = ErrorPage {
        problem,
        assets: AssetUrls::new(),
        log_in,
    };
    page.render()
        .unwrap_or_else(|_| format!("{}: {}", problem.title, problem.detail))
}
