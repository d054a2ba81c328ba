//! Who sees what: the table of ARCHITECTURE.md as one function.
//!
//! | | anonymous | household | operator | researcher | this machine, demo |
//! |---|---|---|---|---|---|
//! | street page, totals of the zone | yes | yes | yes | yes | yes |
//! | street page, home by home | no | no | yes | no | yes |
//! | a home's page and preference | log in | its own | no | no | log in |
//! | a home's statement, balance, bundles by API | log in | its own | no | no | yes |
//! | list of homes | log in | no | yes | no | yes |
//! | operator's page | log in | no | yes | no | log in |
//! | audit | log in | no | yes | yes | yes |
//! | invitation for a gateway | log in | no | yes | no | log in |
//! | anonymous export | log in | no | yes | yes | log in |
//!
//! The totals of a zone are public only when at least ten homes are in them.

use energy_core::HomeId;

use super::Principal;
use crate::facts::Role;
use crate::problem::Problem;

/// Fewer homes than this, and a total says too much about one of them.
pub const HOMES_MIN_FOR_TOTALS: usize = 10;

/// Something that can be shown or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Prices, totals, health of the service, the chain's public addresses.
    Totals,
    /// Every home's power and trades on the street page.
    StreetInFull,
    /// A home's page, and its preference.
    HomePage(HomeId),
    /// A home's statement, balance and bundles by API.
    HomeData(HomeId),
    /// The list of homes.
    Homes,
    /// The operator's page.
    Operator,
    /// Meters, ledger and chain compared.
    Audit,
    /// Anonymous aggregates for research.
    Research,
    /// A one-time invitation for a gateway.
    Invite,
}

/// What the table says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Shown.
    Yes,
    /// Not without a log-in.
    LogIn,
    /// Not to this role.
    No,
}

/// What the table says about one principal and one thing.
#[must_use]
pub fn verdict(principal: &Principal, access: Access) -> Verdict {
    let by_role = match (principal.role(), access) {
        (_, Access::Totals) => Verdict::Yes,
        (None, _) => Verdict::LogIn,
        (Some(Role::Household(own)), Access::HomePage(home) | Access::HomeData(home))
            if own == home =>
        {
            Verdict::Yes
        }
        (
            Some(Role::Operator),
            Access::StreetInFull | Access::Homes | Access::Operator | Access::Invite,
        ) => Verdict::Yes,
        (Some(Role::Operator | Role::Researcher), Access::Audit | Access::Research) => Verdict::Yes,
        (Some(_), _) => Verdict::No,
    };
    let open = matches!(
        access,
        Access::StreetInFull | Access::HomeData(_) | Access::Homes | Access::Audit
    );
    if open && principal.is_open_demo() {
        Verdict::Yes
    } else {
        by_role
    }
}

/// The same as an error for the handlers.
///
/// # Errors
/// 401 or 403.
pub(crate) fn require(principal: &Principal, access: Access) -> Result<(), Problem> {
    match verdict(principal, access) {
        Verdict::Yes => Ok(()),
        Verdict::LogIn => Err(Problem::log_in()),
        Verdict::No => Err(Problem::forbidden(wanted(access))),
    }
}

fn wanted(access: Access) -> String {
    match access {
        Access::HomePage(home) | Access::HomeData(home) => {
            format!("home {home} is shown only to its own people; log in with its account")
        }
        Access::Operator | Access::Homes | Access::StreetInFull | Access::Invite => {
            "this is shown only to the grid operator; log in with that account".to_owned()
        }
        Access::Audit | Access::Research => {
            "this is shown only to the grid operator and to researchers; log in with such an account".to_owned()
        }
        Access::Totals => "this is public".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds() {
        let home = HomeId::new(7);
        let who = [
            Principal::anonymous(),
            Principal::of(Role::Household(home)),
            Principal::of(Role::Household(HomeId::new(8))),
            Principal::of(Role::Operator),
            Principal::of(Role::Researcher),
            Principal::anonymous().in_open_demo(),
        ];
        let (y, l, n) = (Verdict::Yes, Verdict::LogIn, Verdict::No);
        let table = [
            // anonymous, the household, another household, operator, researcher, this machine in a demo
            (Access::Totals, [y, y, y, y, y, y]),
            (Access::StreetInFull, [l, n, n, y, n, y]),
            (Access::HomePage(home), [l, y, n, n, n, l]),
            (Access::HomeData(home), [l, y, n, n, n, y]),
            (Access::Homes, [l, n, n, y, n, y]),
            (Access::Operator, [l, n, n, y, n, l]),
            (Access::Audit, [l, n, n, y, y, y]),
            (Access::Research, [l, n, n, y, y, l]),
            (Access::Invite, [l, n, n, y, n, l]),
        ];
        for (access, expected) in table {
            assert_eq!(
                who.each_ref().map(|p| verdict(p, access)),
                expected,
                "{access:?}"
            );
        }
    }
}
