//! One value that the device has: its quantity, unit and scale, and what a zero means.

use energy_core::WattHours;

use crate::number::Ratio;
use crate::profile::{Kind, Place, Point, ProfileError, Quantity, Sign, Transport};

use super::source::Source;
use super::tables::PointFile;

impl Source<'_> {
    /// The points of a `[[point]]`: one, or one for each of its SunSpec models.
    pub(super) fn point(
        &self,
        index: usize,
        point: &PointFile,
        transport: &Transport,
    ) -> Result<Vec<Point>, ProfileError> {
        let key = |name: &str| format!("point[{index}].{name}");
        let all = Quantity::ALL.map(|q| (q.name(), q));
        let quantity = self.one_of(key("quantity"), &all, Some(&point.quantity))?;
        let unit = self.unit(&key("unit"), quantity, &point.unit)?;
        let scale = self.ratio(key("scale"), point.scale.as_deref())?;
        let scale = unit.times(scale).ok_or_else(|| {
            let expected = "unit × scale within 1/10⁹ to 10⁹";
            self.wrong(key("scale"), expected, &point.unit)
        })?;
        self.counter_keys(&key, quantity, point)?;
        let signs = [
            ("as is", Sign::AsIs),
            ("negated", Sign::Negated),
            ("absolute", Sign::Absolute),
        ];
        let sign = self.one_of(
            key("sign"),
            &signs,
            Some(point.sign.as_deref().unwrap_or("as is")),
        )?;
        let places = self.places(&key, point, transport)?;
        let zero_is_absent = self.zero(&key, point, places.first())?;
        if let Some(reason) = &point.uncertain
            && reason.trim().is_empty()
        {
            return Err(self.wrong(key("uncertain"), "the reason, in words", "nothing"));
        }
        let point = |place| Point {
            quantity,
            place,
            scale,
            sign,
            optional: point.optional,
            zero_is_absent,
            sentinels: point.sentinels.clone(),
            wrap: point.wrap_wh.map(WattHours::new),
            resolution: point.resolution_wh.map(WattHours::new),
            rate_max_w: point.rate_max_w,
            uncertain: point.uncertain.clone(),
            group: point.group.clone(),
        };
        Ok(places.into_iter().map(point).collect())
    }

    /// Keys that only a counter has.
    fn counter_keys(
        &self,
        key: &impl Fn(&str) -> String,
        quantity: Quantity,
        point: &PointFile,
    ) -> Result<(), ProfileError> {
        let keys = [
            ("wrap_wh", point.wrap_wh),
            ("resolution_wh", point.resolution_wh),
            ("rate_max_w", point.rate_max_w.map(u64::from)),
        ];
        for (name, value) in keys {
            let expected = match (value, quantity.is_counter()) {
                (Some(_), false) => "no such key on a quantity that is not a counter",
                (Some(0), true) => "a number above 0",
                _ => continue,
            };
            return Err(self.wrong(key(name), expected, quantity.name()));
        }
        Ok(())
    }

    fn zero(
        &self,
        key: &impl Fn(&str) -> String,
        point: &PointFile,
        place: Option<&Place>,
    ) -> Result<bool, ProfileError> {
        let accumulates = place.and_then(Place::kind).is_some_and(Kind::accumulates);
        match (point.zero.as_deref(), accumulates) {
            (Some("absent"), _) => Ok(true),
            (Some("value"), _) | (None, false) => Ok(false),
            (None, true) => {
                let expected = "`value` or `absent`, since SunSpec lets 0 mean both";
                Err(self.wrong(key("zero"), expected, "nothing"))
            }
            (Some(other), _) => Err(self.wrong(key("zero"), "`value` or `absent`", other)),
        }
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
            let names: Vec<_> = units.iter().map(|(name, _)| *name).collect();
            format!("{} for `{}`", names.join(", "), quantity.name())
        };
        units
            .iter()
            .find(|(name, _)| *name == unit)
            .and_then(|(_, factor)| Ratio::new(*factor, 1))
            .ok_or_else(|| self.wrong(key, known(), unit))
    }
}
