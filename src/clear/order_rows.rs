//! The rows of a book's file as orders.

use std::borrow::Cow;
use std::collections::BTreeMap;

use energy_core::{HomeId, MicroPricePerKwh, Order, OrderId, WattHours};

use super::cell::Cell;
use super::fault::Fault;
use super::json::{FaultAt, Values};

/// The fields of an order; the first four must be there. `origin` and `partner` are preferences, which a zone applies
/// before its mechanism: they are taken and play no part here.
pub(super) const ORDER_FIELDS: [&str; 5] = ["id", "side", "qty_wh", "price_micro_per_kwh", "owner"];
pub(super) const ORDER_FIELDS_NEEDED: usize = 4;

/// Orders and their names, in the order of the file.
#[derive(Default)]
pub(super) struct OrderRows<'a> {
    pub(super) ids: Vec<Cow<'a, str>>,
    pub(super) orders: Vec<Order>,
    owners: BTreeMap<Cow<'a, str>, HomeId>,
    homes: u32,
}

impl<'a> OrderRows<'a> {
    /// Takes the next row, its values in the order of [`ORDER_FIELDS`].
    pub(super) fn take(
        &mut self,
        row: Values<'a, 5>,
        cell: impl Fn(&'a str) -> Cell<'a>,
    ) -> Result<(), FaultAt<'a>> {
        let [id, side, quantity, price, owner] = row;
        let there = |value: Option<&'a str>, at: usize| {
            value.map(&cell).ok_or(FaultAt {
                fault: Fault::MissingField {
                    field: ORDER_FIELDS[at],
                },
                value: None,
            })
        };
        let name = at(there(id, 0)?, |cell| match cell.text(ORDER_FIELDS[0])? {
            name if name.is_empty() => Err(Fault::EmptyId),
            name => Ok(name),
        })?;
        let side = at(there(side, 1)?, Cell::side)?;
        let quantity = at(there(quantity, 2)?, |cell| cell.integer(ORDER_FIELDS[2], 0))?;
        let price = at(there(price, 3)?, |cell| {
            cell.integer(ORDER_FIELDS[3], i64::MIN)
        })?;
        let owner = match owner.map(&cell).filter(|cell| !cell.is_absent()) {
            Some(cell) => Some(at(cell, |cell| cell.name(ORDER_FIELDS[4]))?),
            None => None,
        };
        let home = self.home(owner);
        self.orders.push(Order {
            id: order_id(&name),
            home,
            side,
            quantity: WattHours::new(quantity.unsigned_abs()),
            price: MicroPricePerKwh::new(price),
        });
        self.ids.push(name);
        Ok(())
    }

    /// Orders of one owner have one home; an order without an owner is a home of its own.
    fn home(&mut self, owner: Option<Cow<'a, str>>) -> HomeId {
        let next = HomeId::new(self.homes);
        let home = owner.map_or(next, |owner| *self.owners.entry(owner).or_insert(next));
        if home == next {
            self.homes = self.homes.saturating_add(1);
        }
        home
    }
}

/// What a cell means, or the fault at it.
fn at<'a, V>(
    cell: Cell<'a>,
    meaning: impl FnOnce(Cell<'a>) -> Result<V, Fault>,
) -> Result<V, FaultAt<'a>> {
    meaning(cell).map_err(|fault| FaultAt {
        fault,
        value: Some(cell.raw()),
    })
}

/// The id inside of an order with this name: the name itself where it is one, otherwise derived from it.
pub(super) fn order_id(name: &str) -> OrderId {
    let is_id = name.len() == 32
        && name
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let itself = is_id.then(|| name.parse().ok()).flatten();
    itself.unwrap_or_else(|| OrderId::derived("book", name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_32_hexadecimal_digits_is_itself() {
        let hex = "00112233445566778899aabbccddeeff";
        assert_eq!(order_id(hex).to_string(), hex);
        for name in [
            "b0",
            &hex.to_uppercase(),
            &hex[1..],
            "0x112233445566778899aabbccddeeff",
        ] {
            assert_eq!(order_id(name), OrderId::derived("book", name.as_bytes()));
        }
    }
}
