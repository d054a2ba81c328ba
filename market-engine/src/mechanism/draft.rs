//! From fills and money to an [`Outcome`] with its certificate.
//!
//! Everything that a mechanism promises whatever its rule is added up once more here and asserted: Σ
//! bought = Σ sold, Σ amounts + surplus = 0, surplus ≥ 0.

use energy_core::{
    Certificate, CertificateKind, Clearing, Fill, MicroPricePerKwh, Order, Side, WattHours,
};

use super::book::Book;
use super::sides::Step;
use super::{Mechanism, Outcome};
use crate::BookError;

/// Fills and amounts by row, while they are made.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// Wh.
    pub(super) fills: Vec<u64>,
    /// What the order's owner receives, 10⁻⁹ currency; negative for a buyer at a positive price.
    pub(super) amounts: Vec<i128>,
}

impl Draft {
    /// Nothing traded.
    pub(super) fn empty(book: &Book<'_>) -> Self {
        Self {
            fills: vec![0; book.rows.len()],
            amounts: vec![0; book.rows.len()],
        }
    }

    /// Fills these orders whole.
    pub(super) fn fill(&mut self, steps: &[Step]) {
        for step in steps {
            self.fills[step.row as usize] = step.quantity;
        }
    }

    /// Lets these orders pay or receive one price for what they were filled with.
    pub(super) fn pay(&mut self, side: Side, steps: &[Step], price: MicroPricePerKwh) {
        for step in steps {
            let row = step.row as usize;
            self.amounts[row] = amount(side, WattHours::new(self.fills[row]).value_wide(price));
        }
    }

    /// The outcome of these fills and amounts.
    ///
    /// # Errors
    /// [`BookError::WelfareOverflow`] when a sum leaves 128 bits.
    pub(super) fn outcome(
        self,
        mechanism: Mechanism,
        book: &Book<'_>,
    ) -> Result<Outcome, BookError> {
        let overflow = BookError::WelfareOverflow;
        let sums = Sums::of(&book.rows, &self).ok_or(overflow)?;
        assert_eq!(sums.bought, sums.sold, "what is bought is sold");
        let surplus = sums.amounts.checked_neg().ok_or(overflow)?;
        assert!(surplus >= 0, "no more is paid out than is paid in");
        let price = uniform_price(&book.rows, &self);
        let fills = book.rows.iter().zip(&self.fills).map(|(order, wh)| Fill {
            order: order.id,
            quantity: WattHours::new(*wh),
        });
        let best = &book.best;
        Ok(Outcome {
            mechanism,
            clearing: Clearing {
                price,
                price_lo: best.price_lo,
                price_hi: best.price_hi,
                fills: fills.collect(),
                certificate: Certificate {
                    kind: CertificateKind::Feasible,
                    quantity: sums.bought,
                    price,
                    primal: sums.welfare,
                    // At any valid price the dual value is the greatest welfare of the book.
                    dual: best.certificate.primal,
                    book_hash: best.certificate.book_hash,
                },
            },
            amounts: self.amounts,
            surplus,
        })
    }
}

/// What the owner of an order receives for a value: a buyer pays it.
pub(super) fn amount(side: Side, value: i128) -> i128 {
    match side {
        Side::Bid => value.saturating_neg(),
        Side::Ask => value,
    }
}

/// The price at which everybody trades, if there is one.
pub(super) fn uniform_price(rows: &[&Order], draft: &Draft) -> Option<MicroPricePerKwh> {
    let mut filled = rows
        .iter()
        .zip(draft.fills.iter().zip(&draft.amounts))
        .filter(|(_, (wh, _))| **wh > 0)
        .map(|(order, (wh, got))| (WattHours::new(*wh), amount(order.side, *got)));
    let (wh, value) = filled.next()?;
    let price = value.checked_div_euclid(i128::from(wh.get()))?;
    let price = MicroPricePerKwh::new(i64::try_from(price).ok()?);
    let everywhere =
        wh.value_wide(price) == value && filled.all(|(wh, value)| wh.value_wide(price) == value);
    everywhere.then_some(price)
}

/// What fills and amounts add up to.
#[derive(Default)]
struct Sums {
    bought: u128,
    sold: u128,
    welfare: i128,
    amounts: i128,
}

impl Sums {
    fn of(rows: &[&Order], draft: &Draft) -> Option<Self> {
        let mut sums = Self::default();
        for (order, (wh, got)) in rows.iter().zip(draft.fills.iter().zip(&draft.amounts)) {
            if *wh == 0 {
                continue;
            }
            let value = WattHours::new(*wh).value_wide(order.price);
            let (filled, value) = match order.side {
                Side::Bid => (&mut sums.bought, value),
                Side::Ask => (&mut sums.sold, value.checked_neg()?),
            };
            *filled = filled.checked_add(u128::from(*wh))?;
            sums.welfare = sums.welfare.checked_add(value)?;
            sums.amounts = sums.amounts.checked_add(*got)?;
        }
        Some(sums)
    }
}
