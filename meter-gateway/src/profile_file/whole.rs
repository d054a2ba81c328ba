//! What only the whole profile can get wrong: no settlement register, a quantity twice, values that one
//! request cannot hold.

use crate::plan::{ReadRequest, fixed_plan};
use crate::profile::{Place, Point, Profile, ProfileError, Transport};

use super::source::Source;

impl Source<'_> {
    /// What only the whole profile can get wrong.
    pub(super) fn whole(&self, profile: &Profile) -> Result<(), ProfileError> {
        if profile.power_max_w == 0 {
            return Err(self.wrong("power_max_w", "the device's highest power in W, above 0", 0));
        }
        if !profile.points.iter().any(|p| p.quantity.settles()) {
            return Err(self.wrong("point", "at least one of import, export, pv", "none"));
        }
        if let Transport::SunSpec { bases, .. } = &profile.transport
            && bases.is_empty()
        {
            return Err(self.wrong("sunspec.bases", "at least one address", "none"));
        }
        for (i, point) in profile.points.iter().enumerate() {
            let same = |p: &&Point| {
                p.quantity == point.quantity && !matches!(p.place, Place::Model { .. })
            };
            if profile.points.iter().take(i).any(|p| same(&p)) {
                return Err(self.wrong(
                    format!("point[{i}].quantity"),
                    "each quantity once",
                    point.quantity.name(),
                ));
            }
            if let Place::Model {
                offset,
                kind,
                scale_offset,
                ..
            } = &point.place
            {
                let end = u32::from(*offset).saturating_add(u32::from(kind.registers()));
                if end.max(u32::from(scale_offset.unwrap_or(0)).saturating_add(1)) > 125
                    || *offset < 2
                {
                    let expected = "an offset from 2 on whose value and scale factor end within one request of 125";
                    return Err(self.wrong(format!("point[{i}].offset"), expected, offset));
                }
            }
        }
        if let Some(manners) = profile.modbus()
            && matches!(profile.transport, Transport::Modbus(_))
        {
            let holding = |request: &ReadRequest| {
                let within = |p: &&Point| match p.place {
                    Place::Register {
                        function, address, ..
                    } => {
                        p.quantity.settles()
                            && function == request.function
                            && address >= request.address
                            && address.saturating_sub(request.address) < request.count
                    }
                    _ => false,
                };
                profile.points.iter().filter(within).count()
            };
            let settling = profile
                .points
                .iter()
                .filter(|p| p.quantity.settles())
                .count();
            if !fixed_plan(profile)
                .iter()
                .any(|request| holding(request) == settling)
            {
                let expected =
                    "all of import, export and pv close enough to be read in one request";
                return Err(self.wrong("modbus.gap_max", expected, manners.gap_max));
            }
        }
        Ok(())
    }
}
