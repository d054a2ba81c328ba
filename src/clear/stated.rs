//! A result read back: what it states, not yet believed.
//!
//! Numbers are kept wider than their fields, so that a number which was moved out of its range is still read, and
//! refused by the check, like any other that was moved. A field that could not be checked is not taken.

use std::borrow::Cow;

use energy_core::{CertificateKind, Hash};
use market_engine::mechanism::Mechanism;

use super::cell::Cell;
use super::fault::{BadInput, Fault, quoted};
use super::json::{self, FaultAt, Fields, Shape, Unnamed};
use super::result::{FIELDS, kind_name, nano};
use super::share::parse_share;
use super::source::{place_of, text};

const SHAPE: Shape<12, 3> = Shape {
    top: Fields {
        what: "the result",
        names: FIELDS,
        unnamed: Unnamed::Refused,
    },
    list: "fills",
    row: Fields {
        what: "a fill",
        names: ["id", "wh", "amount"],
        unnamed: Unnamed::Refused,
    },
};

const CERTIFICATE: Fields<6> = Fields {
    what: "the certificate",
    names: ["kind", "qty_wh", "price", "primal", "dual", "book_hash"],
    unnamed: Unnamed::Refused,
};

/// One fill as it is stated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StatedFill<'a> {
    pub(super) id: Cow<'a, str>,
    pub(super) wh: i128,
    /// None where the file leaves money out.
    pub(super) amount: Option<i128>,
}

/// The certificate as it is stated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StatedCertificate {
    pub(super) kind: CertificateKind,
    pub(super) qty_wh: i128,
    pub(super) price: Option<i128>,
    pub(super) primal: i128,
    pub(super) dual: i128,
    /// None where the text is no hash at all.
    pub(super) book_hash: Option<Hash>,
}

/// What a result file states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated<'a> {
    pub(super) mechanism: Mechanism,
    pub(super) k_ppm: Option<u32>,
    pub(super) interval: Option<i128>,
    pub(super) retail: Option<i128>,
    pub(super) feed_in: Option<i128>,
    pub(super) qty_wh: i128,
    pub(super) price: Option<i128>,
    pub(super) price_lo: Option<i128>,
    pub(super) price_hi: Option<i128>,
    pub(super) welfare: i128,
    pub(super) surplus: Option<i128>,
    pub(super) fills: Vec<StatedFill<'a>>,
    pub(super) certificate: StatedCertificate,
}

impl<'a> Stated<'a> {
    /// Reads a result. `k`, `interval`, both tariff prices, `surplus` and the amounts may be left out; what is there is
    /// checked.
    ///
    /// # Errors
    /// The first [`BadInput`]; its index is that of a fill.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, BadInput> {
        Self::read(bytes).map_err(|bad| bad.in_file("RESULT"))
    }

    /// The share parameter that the result says it was made with.
    #[must_use]
    pub fn k_ppm(&self) -> Option<u32> {
        self.k_ppm
    }

    /// The result in one line for people.
    #[must_use]
    pub fn summary(&self) -> String {
        format!(
            "{}, {} Wh, welfare {}, {}",
            self.mechanism,
            self.qty_wh,
            nano(self.welfare),
            kind_name(self.certificate.kind)
        )
    }

    fn read(bytes: &'a [u8]) -> Result<Self, BadInput> {
        let text = text(bytes)?;
        let mut fills = Vec::new();
        let values = json::document(text, &SHAPE, |row| {
            fills.push(fill(row)?);
            Ok(())
        })?;
        let top = Values {
            text,
            names: &FIELDS,
            values: &values,
        };
        let part = top.needed(11)?.raw();
        let inner = json::object(text, part, &CERTIFICATE)?;
        let inner = Values {
            text,
            names: &CERTIFICATE.names,
            values: &inner,
        };
        Ok(Self {
            mechanism: top.get(0, mechanism)?,
            k_ppm: top.optional(1, |cell, field| parse_share(&cell.text(field)?))?,
            interval: top.optional(2, Cell::wide)?,
            retail: top.optional(3, Cell::wide)?,
            feed_in: top.optional(4, Cell::wide)?,
            qty_wh: top.get(5, Cell::decimal_string)?,
            price: top.get(6, price)?,
            price_lo: top.get(7, price)?,
            price_hi: top.get(8, price)?,
            welfare: top.get(9, Cell::decimal_string)?,
            surplus: top.optional(10, Cell::decimal_string)?,
            fills,
            certificate: StatedCertificate {
                kind: inner.get(0, kind)?,
                qty_wh: inner.get(1, Cell::decimal_string)?,
                price: inner.get(2, price)?,
                primal: inner.get(3, Cell::decimal_string)?,
                dual: inner.get(4, Cell::decimal_string)?,
                book_hash: inner.get(5, |cell, field| Ok(hash(&cell.text(field)?)))?,
            },
        })
    }
}

/// The values of an object with what is needed to say where a fault is.
struct Values<'s, 'a, const N: usize> {
    text: &'a str,
    names: &'s [&'static str; N],
    values: &'s json::Values<'a, N>,
}

impl<'a, const N: usize> Values<'_, 'a, N> {
    fn needed(&self, at: usize) -> Result<Cell<'a>, BadInput> {
        let field = self.names[at];
        let missing = || Fault::MissingField { field }.into();
        self.values[at].map(Cell::Json).ok_or_else(missing)
    }

    fn get<V>(
        &self,
        at: usize,
        meaning: impl FnOnce(Cell<'a>, &'static str) -> Result<V, Fault>,
    ) -> Result<V, BadInput> {
        let cell = self.needed(at)?;
        meaning(cell, self.names[at]).map_err(|fault| BadInput {
            place: place_of(self.text, cell.raw()),
            ..fault.into()
        })
    }

    fn optional<V>(
        &self,
        at: usize,
        meaning: impl FnOnce(Cell<'a>, &'static str) -> Result<V, Fault>,
    ) -> Result<Option<V>, BadInput> {
        match self.values[at] {
            Some(_) => self.get(at, meaning).map(Some),
            None => Ok(None),
        }
    }
}

fn fill<'a>(row: json::Values<'a, 3>) -> Result<StatedFill<'a>, FaultAt<'a>> {
    let [id, wh, amount] = row;
    let [id_name, wh_name, amount_name] = SHAPE.row.names;
    let there = |value: Option<&'a str>, field| {
        value.map(Cell::Json).ok_or(FaultAt {
            fault: Fault::MissingField { field },
            value: None,
        })
    };
    let (id, wh) = (there(id, id_name)?, there(wh, wh_name)?);
    let fault_at = |cell: Cell<'a>| {
        move |fault| FaultAt {
            fault,
            value: Some(cell.raw()),
        }
    };
    Ok(StatedFill {
        id: id.text(id_name).map_err(fault_at(id))?,
        wh: wh.wide(wh_name).map_err(fault_at(wh))?,
        amount: match amount.map(Cell::Json) {
            Some(cell) => Some(cell.decimal_string(amount_name).map_err(fault_at(cell))?),
            None => None,
        },
    })
}

fn price(cell: Cell<'_>, field: &'static str) -> Result<Option<i128>, Fault> {
    if cell.is_absent() {
        return Ok(None);
    }
    cell.wide(field).map(Some)
}

fn mechanism(cell: Cell<'_>, field: &'static str) -> Result<Mechanism, Fault> {
    parse_mechanism(&cell.text(field)?)
}

/// The mechanism of a name.
///
/// # Errors
/// [`Fault::Mechanism`], which names them all.
pub fn parse_mechanism(name: &str) -> Result<Mechanism, Fault> {
    name.parse().map_err(|_| Fault::Mechanism {
        known: Mechanism::ALL.map(Mechanism::name).join(", "),
        got: quoted(name),
    })
}

fn kind(cell: Cell<'_>, field: &'static str) -> Result<CertificateKind, Fault> {
    let text = cell.text(field)?;
    [CertificateKind::Optimal, CertificateKind::Feasible]
        .into_iter()
        .find(|kind| kind_name(*kind) == text)
        .ok_or_else(|| Fault::WrongType {
            expected: format!("`{field}` as `optimal` or `feasible`"),
            got: quoted(&text),
        })
}

/// A hash in the one form that it is written in.
fn hash(text: &str) -> Option<Hash> {
    let hash: Hash = text.parse().ok()?;
    (hash.to_string() == text).then_some(hash)
}
