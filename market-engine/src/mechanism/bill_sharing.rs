//! Bill sharing: everybody pays, and is paid, the community's own average.
//!
//! Source: Long, Wu, Zhang, Thomas, Cheng, Jenkins 2017, *Peer-to-peer energy trading in a community
//! microgrid*, in a form that a seller with a limit can accept.
//!
//! D Wh of need would cost the community D·R at the ceiling R, S Wh of surplus would bring S·F at the
//! floor F. That joint bill is shared evenly over every Wh that anybody needs or has to spare:
//! `p = (D·R + S·F) / (D + S)`, rounded down. It is R where nothing is to spare, F where nothing is
//! needed, and the middle where both are equal. The longer side shares in proportion to quantity.
//!
//! Long et al. share the *net* bill: the `max(D − S, 0)·R` for what is missing among the buyers, the
//! `max(S − D, 0)·F` for what is left among the sellers. Energy then moves inside the community for
//! nothing, which is fine among owners of one building and leaves a seller of this market with less
//! than the utility pays; no limit above zero would accept it. Sharing the gross bill keeps the idea,
//! one average for all, and nobody is worse off.
//!
//! D and S are those of the orders that accept `p`; how they are found: [`super::sharing`].
//!
//! | property | holds |
//! |---|---|
//! | efficient | no: a shortage is shared by all, also by those to whom it matters little |
//! | truthful | no: an order's quantity is part of the price, and staying out by its limit moves it |
//! | budget balanced | strongly: one price |
//! | individually rational | yes: who does not accept the price does not trade |

use super::book::Book;
use super::sharing::at_balance;
use super::{Budget, Facts, Mechanism, Outcome, Terms};
use crate::BookError;

pub(super) const FACTS: Facts = Facts {
    title: "bill sharing",
    source: "after Long, Wu, Zhang, Thomas, Cheng, Jenkins 2017: Peer-to-peer energy trading in a community microgrid",
    efficient: false,
    truthful: false,
    budget_balanced: Budget::Strong,
    individually_rational: true,
    limits: "shares the gross bill at one price; the paper shares the net one, which pays a seller less than the utility does",
};

pub(super) fn clear(book: &Book<'_>, terms: &Terms) -> Result<Outcome, BookError> {
    at_balance(
        Mechanism::BillSharing,
        book,
        terms,
        |band, wanted, offered| {
            let all = u128::from(wanted).checked_add(offered.into())?;
            band.along(wanted, all)
        },
    )
}
