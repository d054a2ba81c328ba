//! The log-in page.

use askama::Template;

use super::Chrome;
use crate::facts::Role;
use crate::state::DemoInfo;

/// A log-in that the demo offers, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedLogin {
    /// The log-in name.
    pub login: String,
    /// The password.
    pub password: String,
    /// Who it is.
    pub who: String,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "login.html")]
pub struct LoginPage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// What is wrong with the try before.
    pub problem: Option<String>,
    /// The name of the try before.
    pub tried: String,
    /// Where to go on.
    pub next: String,
    /// What the demo offers first: one of each kind.
    pub offered: Vec<OfferedLogin>,
    /// The rest of what it offers.
    pub more: Vec<OfferedLogin>,
}

/// What the demo offers, the first of each role before the others.
#[must_use]
pub fn offered(demo: Option<&DemoInfo>) -> (Vec<OfferedLogin>, Vec<OfferedLogin>) {
    let (mut first, mut more) = (Vec::new(), Vec::new());
    let mut seen = Vec::new();
    for login in demo.map(|d| d.logins.as_slice()).unwrap_or_default() {
        let kind = std::mem::discriminant(&login.role);
        let offer = OfferedLogin {
            login: login.login.clone(),
            password: login.password.clone(),
            who: who(login.role),
        };
        if seen.contains(&kind) {
            more.push(offer);
        } else {
            seen.push(kind);
            first.push(offer);
        }
    }
    (first, more)
}

fn who(role: Role) -> String {
    match role {
        Role::Household(home) => format!("the people of home {home}"),
        Role::Operator => "the grid operator".to_owned(),
        Role::Researcher => "a researcher".to_owned(),
    }
}
