//! What surrounds every page: title, navigation, who is logged in, the clock.

use crate::assets::AssetUrls;
use crate::auth::Principal;
use crate::facts::{Role, ZoneFacts};
use crate::format::{clock, day, rfc3339};
use crate::state::{NodeStatus, WebState};

/// Which page of the navigation is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    /// The street now.
    Street,
    /// One home.
    Home,
    /// The operator's page.
    Operator,
    /// The research page.
    Research,
    /// None of them.
    None,
}

/// One entry of the navigation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its address.
    pub href: String,
    /// Its words.
    pub text: &'static str,
    /// Whether it is open.
    pub open: bool,
}

/// What surrounds a page.
#[derive(Debug, Clone)]
pub struct Chrome {
    /// The title of the browser's window.
    pub title: String,
    /// The navigation.
    pub entries: Vec<Entry>,
    /// Who is logged in.
    pub login: Option<String>,
    /// `14:22`, grid time.
    pub clock: String,
    /// `Monday, 15 June 2026`, grid time.
    pub day: String,
    /// RFC 3339, grid time.
    pub grid_time: String,
    /// Whether this is a demo.
    pub demo: bool,
    /// How fast grid time runs, if not at 1.
    pub speed: Option<u32>,
    /// The version.
    pub version: &'static str,
    pub(crate) assets: AssetUrls,
}

impl Chrome {
    /// The surroundings of a page.
    #[must_use]
    pub fn new(title: &str, tab: Tab, state: &WebState, principal: &Principal) -> Self {
        let now = state.now();
        Self {
            title: format!("{title} · Commonwatt"),
            entries: entries(tab, principal),
            login: principal.login().map(str::to_owned),
            clock: clock(now.grid_ms),
            day: day(now.grid_ms),
            grid_time: rfc3339(now.grid_ms),
            demo: state.demo.is_some(),
            speed: (now.speed > 1).then_some(now.speed),
            version: state.version,
            assets: AssetUrls::new(),
        }
    }
}

fn entries(tab: Tab, principal: &Principal) -> Vec<Entry> {
    let entry = |href: String, text, own| Entry {
        href,
        text,
        open: own == tab,
    };
    let mut entries = vec![entry("/".to_owned(), "Street", Tab::Street)];
    match principal.role() {
        Some(Role::Household(home)) => {
            entries.push(entry(format!("/homes/{home}"), "My home", Tab::Home))
        }
        Some(Role::Operator) => {
            entries.push(entry("/operator".to_owned(), "Operator", Tab::Operator));
            entries.push(entry("/research".to_owned(), "Data", Tab::Research));
        }
        Some(Role::Researcher) => {
            entries.push(entry("/research".to_owned(), "Data", Tab::Research))
        }
        None => {}
    }
    entries.push(entry("/api/docs/".to_owned(), "API", Tab::None));
    if let Some(last) = entries.last_mut() {
        last.open = false;
    }
    entries
}

/// `elm-street` as people write it: `Elm Street`.
#[must_use]
pub(crate) fn zone_title(zone: &ZoneFacts) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| {
            first.to_uppercase().chain(letters).collect()
        })
    };
    zone.zone
        .as_str()
        .split('-')
        .map(capital)
        .collect::<Vec<_>>()
        .join(" ")
}

/// How much of the history is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Intervals done.
    pub done: u64,
    /// Intervals in all.
    pub total: u64,
    /// What is missing, in words.
    pub reason: String,
}

impl Progress {
    /// None when the node is ready.
    #[must_use]
    pub fn of(status: &NodeStatus) -> Option<Self> {
        let reason = || {
            status
                .reason
                .clone()
                .unwrap_or_else(|| "the history is being made".to_owned())
        };
        (!status.ready).then(|| Self {
            done: status.history_done,
            total: status.history_total.max(1),
            reason: reason(),
        })
    }
}
