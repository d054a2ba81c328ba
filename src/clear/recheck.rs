//! A result against its book, by the checker alone: the engine has no part in this.
//!
//! Everything that the file states is held against something: fills and certificate against the book by the checker,
//! and each number that the file states twice, or that follows from others, against that.

use energy_core::{
    Certificate, CertificateKind, Clearing, Fill, Hash, MicroPricePerKwh, Side, WattHours,
};
use market_engine::checker::{self, Violation};
use market_engine::mechanism::{Mechanism, Outcome};

use super::book::Book;
use super::fault::quoted;
use super::order_rows::order_id;
use super::share::share_text;
use super::stated::{Stated, StatedFill};

/// The k of a result that names none.
const K_PPM_DEFAULT: u32 = 500_000;

/// Why a result is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The checker finds it wrong.
    #[error("{violation}{}", named(.id.as_deref()))]
    Checker {
        /// What it finds.
        violation: Violation,
        /// The book's name of the order that it names.
        id: Option<String>,
    },
    /// The fills are not those of the orders of this book.
    #[error("expected one fill for each order of the book, got {got}")]
    Fills {
        /// What is too many or missing.
        got: String,
    },
    /// A number cannot be what it is said to be.
    #[error("expected `{field}` to be {expected}, got {got}")]
    Stated {
        /// Which number.
        field: &'static str,
        /// What it must be.
        expected: String,
        /// What the file says.
        got: String,
    },
}

fn named(id: Option<&str>) -> String {
    id.map_or_else(String::new, |id| format!(" (in the book: {id})"))
}

/// Accepts a result if it is a right one for the book.
///
/// `k_ppm` is what the zone has agreed on; without it the result's own statement is taken, or ½. Only a call auction
/// states its k, because only its price is claimed to follow from k.
///
/// # Errors
/// The first [`Refusal`] found.
pub fn recheck(stated: &Stated<'_>, book: &Book<'_>, k_ppm: Option<u32>) -> Result<(), Refusal> {
    same_numbers(stated, book)?;
    let outcome = outcome(stated, book)?;
    let verdict = match stated.certificate.kind {
        CertificateKind::Optimal => {
            let k_ppm = agreed_share(stated, k_ppm)?;
            checker::check(book.interval(), book.orders(), &outcome.clearing, k_ppm)
        }
        CertificateKind::Feasible => checker::feasible(book.orders(), &outcome),
    };
    verdict.map_err(|violation| Refusal::Checker {
        violation,
        id: order_of(&violation)
            .and_then(|id| book.position(id))
            .map(|index| quoted(book.id(index))),
    })?;
    match stated.certificate.kind {
        CertificateKind::Optimal => one_price(&outcome, book),
        CertificateKind::Feasible => Ok(()),
    }
}

fn agreed_share(stated: &Stated<'_>, agreed: Option<u32>) -> Result<u32, Refusal> {
    if let Some((agreed, said)) = agreed.zip(stated.k_ppm) {
        expect("k", &share_text(agreed), &share_text(said))?;
    }
    Ok(agreed.or(stated.k_ppm).unwrap_or(K_PPM_DEFAULT))
}

fn expect(field: &'static str, expected: &str, got: &str) -> Result<(), Refusal> {
    if expected == got {
        return Ok(());
    }
    Err(Refusal::Stated {
        field,
        expected: expected.to_owned(),
        got: got.to_owned(),
    })
}

fn expect_number(field: &'static str, expected: i128, got: Option<i128>) -> Result<(), Refusal> {
    got.map_or(Ok(()), |got| {
        expect(field, &expected.to_string(), &got.to_string())
    })
}

/// What is stated about the book itself, and what is stated twice.
fn same_numbers(stated: &Stated<'_>, book: &Book<'_>) -> Result<(), Refusal> {
    let (terms, certificate) = (book.terms(K_PPM_DEFAULT), &stated.certificate);
    let start = book.interval().seconds();
    let price = |price: Option<i128>| price.map_or("null".to_owned(), |price| price.to_string());
    expect_number("interval", start.into(), stated.interval)?;
    expect_number(
        "retail_micro_per_kwh",
        terms.ceiling.get().into(),
        stated.retail,
    )?;
    expect_number(
        "feed_in_micro_per_kwh",
        terms.floor.get().into(),
        stated.feed_in,
    )?;
    expect_number("qty_wh", certificate.qty_wh, Some(stated.qty_wh))?;
    expect_number("welfare", certificate.primal, Some(stated.welfare))?;
    expect(
        "price_micro_per_kwh",
        &price(certificate.price),
        &price(stated.price),
    )?;
    let claim = |mechanism| {
        if mechanism == Mechanism::KDoubleAuction {
            "optimal"
        } else {
            "feasible"
        }
    };
    expect(
        "kind",
        claim(stated.mechanism),
        super::result::kind_name(certificate.kind),
    )?;
    match (certificate.kind, stated.k_ppm) {
        (CertificateKind::Feasible, Some(k_ppm)) => expect("k", "absent", &share_text(k_ppm)),
        _ => Ok(()),
    }
}

/// The statement in the types of the engine, fills by order id.
fn outcome(stated: &Stated<'_>, book: &Book<'_>) -> Result<Outcome, Refusal> {
    let fills = fills_by_id(stated, book)?;
    let certificate = &stated.certificate;
    let clearing = Clearing {
        price: price("price_micro_per_kwh", stated.price)?,
        price_lo: price("price_lo", stated.price_lo)?,
        price_hi: price("price_hi", stated.price_hi)?,
        fills: fills
            .iter()
            .zip(book.by_id())
            .map(|(fill, at)| {
                Ok(Fill {
                    order: book.orders()[at].id,
                    quantity: WattHours::new(within("wh", fill.wh)?),
                })
            })
            .collect::<Result<_, Refusal>>()?,
        certificate: Certificate {
            kind: certificate.kind,
            quantity: within("qty_wh", certificate.qty_wh)?,
            price: price("price", certificate.price)?,
            primal: certificate.primal,
            dual: certificate.dual,
            book_hash: certificate.book_hash.unwrap_or(Hash::ZERO),
        },
    };
    let amounts = fills
        .iter()
        .zip(&clearing.fills)
        .zip(book.by_id())
        .map(|((stated, fill), at)| {
            let side = book.orders()[at].side;
            let by_price = || clearing.price.map(|p| amount(side, fill.quantity, p));
            stated.amount.or_else(by_price).unwrap_or(0)
        })
        .collect();
    Ok(Outcome {
        mechanism: stated.mechanism,
        clearing,
        amounts,
        surplus: stated.surplus.unwrap_or(0),
    })
}

/// The fills in the order of the order ids, if they are for the orders of the book, one each.
fn fills_by_id<'s, 'a>(
    stated: &'s Stated<'a>,
    book: &Book<'_>,
) -> Result<Vec<&'s StatedFill<'a>>, Refusal> {
    let mut fills = vec![None; book.orders().len()];
    for (index, fill) in stated.fills.iter().enumerate() {
        let Some(at) = position(book, index, &fill.id) else {
            let got = format!("one for {}, which is not in it", quoted(&fill.id));
            return Err(Refusal::Fills { got });
        };
        if fills[at].replace(fill).is_some() {
            let got = format!("two for {}", quoted(&fill.id));
            return Err(Refusal::Fills { got });
        }
    }
    book.by_id()
        .map(|at| {
            fills[at].ok_or_else(|| Refusal::Fills {
                got: format!("none for {}", quoted(book.id(at))),
            })
        })
        .collect()
}

/// Where the order of a name is in the book; mostly it is where it was written.
fn position(book: &Book<'_>, likely: usize, id: &str) -> Option<usize> {
    if likely < book.orders().len() && book.id(likely) == id {
        return Some(likely);
    }
    book.position(order_id(id))
}

/// Everybody pays or receives the one price for every Wh, and nothing is left; without trade nothing is paid.
fn one_price(outcome: &Outcome, book: &Book<'_>) -> Result<(), Refusal> {
    let price = outcome.clearing.price.unwrap_or_default();
    let fills = outcome.clearing.fills.iter().zip(&outcome.amounts);
    for ((fill, got), at) in fills.zip(book.by_id()) {
        let expected = amount(book.orders()[at].side, fill.quantity, price);
        expect_number("amount", expected, Some(*got))?;
    }
    expect_number("surplus", 0, Some(outcome.surplus))
}

/// What the owner of an order receives at a price.
fn amount(side: Side, quantity: WattHours, price: MicroPricePerKwh) -> i128 {
    let value = quantity.value_wide(price);
    match side {
        Side::Bid => value.saturating_neg(),
        Side::Ask => value,
    }
}

fn price(field: &'static str, stated: Option<i128>) -> Result<Option<MicroPricePerKwh>, Refusal> {
    stated
        .map(|price| within(field, price).map(MicroPricePerKwh::new))
        .transpose()
}

/// A number in its type.
fn within<N: TryFrom<i128>>(field: &'static str, stated: i128) -> Result<N, Refusal> {
    N::try_from(stated).map_err(|_| Refusal::Stated {
        field,
        expected: "within its range".to_owned(),
        got: stated.to_string(),
    })
}

/// The order that a violation is about.
fn order_of(violation: &Violation) -> Option<energy_core::OrderId> {
    match violation {
        Violation::DuplicateOrder { order }
        | Violation::Quantity { order }
        | Violation::Limit { order }
        | Violation::Idle { order }
        | Violation::Tie { order } => Some(*order),
        _ => None,
    }
}
