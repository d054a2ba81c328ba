//! A clearing as a file: JSON with a fill a line, in the order of the book, wide numbers as decimal strings.

use std::io::{self, Write};

use energy_core::{CertificateKind, MicroPricePerKwh, WattHours};
use market_engine::mechanism::{Outcome, Terms};

use super::book::Book;
use super::share::share_text;

/// The fields beside `fills`, as they are written and read back.
pub(super) const FIELDS: [&str; 12] = [
    "mechanism",
    "k",
    "interval",
    "retail_micro_per_kwh",
    "feed_in_micro_per_kwh",
    "qty_wh",
    "price_micro_per_kwh",
    "price_lo",
    "price_hi",
    "welfare",
    "surplus",
    "certificate",
];

/// A book and what a mechanism made of it, to be written.
#[derive(Debug, Clone, Copy)]
pub struct ClearingResult<'a> {
    /// The book.
    pub book: &'a Book<'a>,
    /// The terms under which it was cleared.
    pub terms: &'a Terms,
    /// What came out.
    pub outcome: &'a Outcome,
}

impl ClearingResult<'_> {
    /// Writes the result.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        let (clearing, terms) = (&self.outcome.clearing, self.terms);
        let certificate = &clearing.certificate;
        writeln!(out, "{{")?;
        writeln!(out, r#"  "mechanism": "{}","#, self.outcome.mechanism)?;
        if certificate.kind == CertificateKind::Optimal {
            // No other claim says anything about k.
            writeln!(out, r#"  "k": "{}","#, share_text(terms.k_ppm))?;
        }
        writeln!(out, r#"  "interval": {},"#, self.book.interval().seconds())?;
        writeln!(out, r#"  "retail_micro_per_kwh": {},"#, terms.ceiling.get())?;
        writeln!(out, r#"  "feed_in_micro_per_kwh": {},"#, terms.floor.get())?;
        writeln!(out, r#"  "qty_wh": "{}","#, certificate.quantity)?;
        writeln!(
            out,
            r#"  "price_micro_per_kwh": {},"#,
            number(clearing.price)
        )?;
        writeln!(out, r#"  "price_lo": {},"#, number(clearing.price_lo))?;
        writeln!(out, r#"  "price_hi": {},"#, number(clearing.price_hi))?;
        writeln!(out, r#"  "welfare": "{}","#, certificate.primal)?;
        writeln!(out, r#"  "surplus": "{}","#, self.outcome.surplus)?;
        self.write_fills(out)?;
        writeln!(out, r#"  "certificate": {{"#)?;
        writeln!(out, r#"    "kind": "{}","#, kind_name(certificate.kind))?;
        writeln!(out, r#"    "qty_wh": "{}","#, certificate.quantity)?;
        writeln!(out, r#"    "price": {},"#, number(certificate.price))?;
        writeln!(out, r#"    "primal": "{}","#, certificate.primal)?;
        writeln!(out, r#"    "dual": "{}","#, certificate.dual)?;
        writeln!(out, r#"    "book_hash": "{}""#, certificate.book_hash)?;
        writeln!(out, "  }}")?;
        writeln!(out, "}}")
    }

    /// The result in a few lines for people.
    #[must_use]
    pub fn summary(&self) -> String {
        let clearing = &self.outcome.clearing;
        let filled = clearing
            .fills
            .iter()
            .filter(|fill| fill.quantity > WattHours::ZERO);
        let unit =
            |price: Option<MicroPricePerKwh>, none: &str| price.map_or(none.to_owned(), per_kwh);
        format!(
            "{}: {} Wh in {} of {} orders\nprice    {} per kWh, valid from {} to {}\nwelfare  {}\nproof    {}, book {}",
            self.outcome.mechanism,
            clearing.certificate.quantity,
            filled.count(),
            clearing.fills.len(),
            unit(clearing.price, "not one"),
            unit(clearing.price_lo, "any"),
            unit(clearing.price_hi, "any"),
            nano(clearing.certificate.primal),
            kind_name(clearing.certificate.kind),
            clearing.certificate.book_hash,
        )
    }

    fn write_fills(&self, out: &mut dyn Write) -> io::Result<()> {
        let fills = self.fills();
        if fills.is_empty() {
            return writeln!(out, r#"  "fills": [],"#);
        }
        writeln!(out, r#"  "fills": ["#)?;
        for (index, (wh, amount)) in fills.iter().enumerate() {
            write!(out, r#"    {{"id": "#)?;
            serde_json::to_writer(&mut *out, self.book.id(index))?;
            let comma = if index + 1 < fills.len() { "," } else { "" };
            writeln!(out, r#", "wh": {wh}, "amount": "{amount}"}}{comma}"#)?;
        }
        writeln!(out, "  ],")
    }

    /// Fill and amount of each order, in the order of the book.
    fn fills(&self) -> Vec<(u64, i128)> {
        let mut fills = vec![(0, 0); self.book.orders().len()];
        let rows = self
            .outcome
            .clearing
            .fills
            .iter()
            .zip(&self.outcome.amounts);
        for (at, (fill, amount)) in self.book.by_id().zip(rows) {
            fills[at] = (fill.quantity.get(), *amount);
        }
        fills
    }
}

/// What a certificate claims, in one word.
pub(super) fn kind_name(kind: CertificateKind) -> &'static str {
    match kind {
        CertificateKind::Feasible => "feasible",
        CertificateKind::Optimal => "optimal",
    }
}

fn number(price: Option<MicroPricePerKwh>) -> String {
    price.map_or_else(|| "null".to_owned(), |price| price.get().to_string())
}

/// A price in currency per kWh, exactly.
pub(super) fn per_kwh(price: MicroPricePerKwh) -> String {
    decimal(price.get().into(), 6)
}

/// An amount in currency, exactly.
pub(super) fn nano(amount: i128) -> String {
    decimal(amount, 9)
}

/// A number of units of 10^−places, all places shown.
pub(super) fn decimal(units: i128, places: usize) -> String {
    let digits = format!("{:0>width$}", units.unsigned_abs(), width = places + 1);
    let (whole, rest) = digits.split_at(digits.len() - places);
    let sign = if units < 0 { "-" } else { "" };
    format!("{sign}{whole}.{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_to_the_last_unit() {
        assert_eq!(nano(1), "0.000000001");
        assert_eq!(nano(-1_500_000_000), "-1.500000000");
        assert_eq!(nano(i128::MIN), "-170141183460469231731687303715.884105728");
        assert_eq!(per_kwh(MicroPricePerKwh::new(175_000)), "0.175000");
    }
}
