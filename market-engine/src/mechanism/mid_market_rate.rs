//! Mid-market rate: everybody trades at the middle of the band.
//!
//! Source: Long, Wu, Zhang, Thomas, Cheng, Jenkins 2017, *Peer-to-peer energy trading in a community
//! microgrid*; compared with others in Zhou, Wu, Long 2018, *Evaluation of peer-to-peer energy sharing
//! mechanisms based on a multiagent simulation framework*.
//!
//! `p = floor((F + R) / 2)`, F the band's floor and R its ceiling. Orders that do not accept `p` do not
//! take part; the longer side shares in proportion to quantity. In the papers the longer side's price
//! is an average of `p` and the utility's; here what stays unfilled goes to the utility by itself, and
//! each home's bill is the same.
//!
//! | property | holds |
//! |---|---|
//! | efficient | no: a shortage is shared by all, also by those to whom it matters little, and a book whose limits meet outside the middle does not trade |
//! | truthful | yes in the limit: no order has a part in the price. Not in the quantity |
//! | budget balanced | strongly: one price |
//! | individually rational | yes: who does not accept the price does not trade |

use super::book::Book;
use super::sharing::at_balance;
use super::{Budget, Facts, Mechanism, Outcome, Terms};
use crate::BookError;

pub(super) const FACTS: Facts = Facts {
    title: "mid-market rate",
    source: "Long, Wu, Zhang, Thomas, Cheng, Jenkins 2017: Peer-to-peer energy trading in a community microgrid",
    efficient: false,
    truthful: true,
    budget_balanced: Budget::Strong,
    individually_rational: true,
    limits: "the price knows nothing of scarcity; who does not accept it does not trade",
};

pub(super) fn clear(book: &Book<'_>, terms: &Terms) -> Result<Outcome, BookError> {
    at_balance(Mechanism::MidMarketRate, book, terms, |band, _, _| {
        band.along(1, 2)
    })
}
