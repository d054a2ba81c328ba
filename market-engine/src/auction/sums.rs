//! What a clearing adds up to, and the certificate made of it.

use energy_core::{Certificate, CertificateKind, Hash, MicroPricePerKwh, Side};

use super::crossing::Margin;

/// Sums over the orders that fill whole, the margin left out.
///
/// A side's quantities sum to less than 2^64 and a price is at most 2^63 in size, so a side's value is
/// at most 2^127 in size and always fits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sums {
    /// Wh bought.
    pub(super) bought: u64,
    /// Wh sold.
    pub(super) sold: u64,
    /// Σ fill × limit of the buyers, in 10⁻⁹ currency.
    pub(super) bought_value: i128,
    /// Σ fill × limit of the sellers.
    pub(super) sold_value: i128,
}

impl Sums {
    /// Wh traded, the margin included.
    pub(super) fn quantity(&self, margin: Option<Margin>) -> u64 {
        let given = margin.filter(|margin| margin.side == Side::Bid);
        // The side's sum fits, and this is a part of it.
        self.bought
            .saturating_add(given.map_or(0, |margin| margin.given))
    }

    /// The proof of the optimum. None when a sum leaves 128 bits.
    pub(super) fn certificate(
        &self,
        margin: Option<Margin>,
        price: Option<MicroPricePerKwh>,
        book_hash: Hash,
    ) -> Option<Certificate> {
        let dual = match price {
            Some(price) => self.gain_at(price.get().into(), margin)?,
            None => 0,
        };
        Some(Certificate {
            kind: CertificateKind::Optimal,
            quantity: self.quantity(margin).into(),
            price,
            primal: self.welfare(margin)?,
            dual,
            book_hash,
        })
    }

    /// Σ fill × bid − Σ fill × ask.
    fn welfare(&self, margin: Option<Margin>) -> Option<i128> {
        let (mut bought, mut sold) = (self.bought_value, self.sold_value);
        if let Some(margin) = margin {
            let value = i128::from(margin.given).checked_mul(margin.price.into())?;
            let side = match margin.side {
                Side::Bid => &mut bought,
                Side::Ask => &mut sold,
            };
            *side = side.checked_add(value)?;
        }
        bought.checked_sub(sold)
    }

    /// Σ quantity × what a unit gains at a valid price. Those that fill whole gain or come out even,
    /// those that do not fill gain nothing, and the margin counts with all of its quantity.
    fn gain_at(&self, price: i128, margin: Option<Margin>) -> Option<i128> {
        let paid = i128::from(self.bought).checked_mul(price)?;
        let received = i128::from(self.sold).checked_mul(price)?;
        let buyers = self.bought_value.checked_sub(paid)?;
        let sellers = received.checked_sub(self.sold_value)?;
        let at_margin = margin.map_or(Some(0), |margin| {
            let limit = i128::from(margin.price);
            let (high, low) = match margin.side {
                Side::Bid => (limit, price),
                Side::Ask => (price, limit),
            };
            let gain = high.checked_sub(low)?.max(0);
            gain.checked_mul(margin.offered.into())
        })?;
        buyers.checked_add(sellers)?.checked_add(at_margin)
    }
}
