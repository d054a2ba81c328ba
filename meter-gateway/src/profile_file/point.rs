//! One value that the device has: its quantity, unit and scale, and what a zero means.

use energy_core::WattHours;

use crate::number::Ratio;
use crate::profile::{Kind, Place, Point, ProfileError, Quantity, Transport};

use super::source::Source;
use super::tables::PointFile;

impl Source<'_> {
    pub(super) fn point(
        &self,
        index: usize,
        point: &PointFile,
        transport: &Transport,
    ) -> Result<Point, ProfileError> {
        let key = |name: &str| format!("point[{index}].{name}");
        let quantity = self.quantity(&key("quantity"), &point.quantity)?;
        let unit = self.unit(&key("unit"), quantity, &point.unit)?;
        let scale = match &point.scale {
            None => Ratio::ONE,
            Some(text) => Ratio::parse(text).ok_or_else(|| {
                self.wrong(key("scale"), "a positive ratio such as `1/100`", text)
            })?,
        };
        let scale = unit.times(scale).ok_or_else(|| {
            self.wrong(
                key("scale"),
                "unit × scale within 1/10⁹ to 10⁹",
                &point.unit,
            )
        })?;
        let place = self.place(&key, point, transport)?;
        let zero_is_absent = match (point.zero.as_deref(), accumulates(&place)) {
            (Some("absent"), _) => true,
            (Some("value"), _) | (None, false) => false,
            (None, true) => {
                return Err(self.wrong(
                    key("zero"),
                    "`value` or `absent`, since SunSpec lets 0 mean both",
                    "nothing",
                ));
            }
            (Some(other), _) => return Err(self.wrong(key("zero"), "`value` or `absent`", other)),
        };
        if point.wrap_wh.is_some() && !quantity.is_counter() {
            return Err(self.wrong(
                key("wrap_wh"),
                "no such key on a quantity that is not a counter",
                quantity.name(),
            ));
        }
        Ok(Point {
            quantity,
            place,
            scale,
            negate: point.negate,
            optional: point.optional,
            zero_is_absent,
            wrap: point.wrap_wh.map(WattHours::new),
            step_min: point.step_min.unwrap_or(1).max(1),
        })
    }

    fn quantity(&self, key: &str, name: &str) -> Result<Quantity, ProfileError> {
        let known = || Quantity::ALL.map(Quantity::name).join(", ");
        Quantity::ALL
            .into_iter()
            .find(|q| q.name() == name)
            .ok_or_else(|| self.wrong(key, known(), name))
    }

    fn unit(&self, key: &str, quantity: Quantity, unit: &str) -> Result<Ratio, ProfileError> {
        let units: &[(&str, u32)] = match quantity {
            q if q.is_counter() => &[("Wh", 1), ("kWh", 1_000), ("MWh", 1_000_000)],
            Quantity::Power => &[("W", 1), ("kW", 1_000)],
            Quantity::VoltageL1 | Quantity::VoltageL2 | Quantity::VoltageL3 => {
                &[("V", 1_000), ("mV", 1)]
            }
            Quantity::Frequency => &[("Hz", 1_000), ("mHz", 1)],
            _ => &[("%", 10), ("permille", 1)],
        };
        let known = || {
            units
                .iter()
                .map(|(name, _)| *name)
                .collect::<Vec<_>>()
                .join(", ")
        };
        units
            .iter()
            .find(|(name, _)| *name == unit)
            .and_then(|(_, factor)| Ratio::new(*factor, 1))
            .ok_or_else(|| self.wrong(key, format!("{} for `{}`", known(), quantity.name()), unit))
    }
}

fn accumulates(place: &Place) -> bool {
    match place {
        Place::Register { kind, .. } | Place::Model { kind, .. } => {
            matches!(kind, Kind::Acc32 | Kind::Acc64)
        }
        Place::Path(_) => false,
    }
}
