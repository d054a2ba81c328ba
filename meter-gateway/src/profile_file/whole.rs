//! What only the whole profile can get wrong: no settlement register, a quantity twice, values that one
//! request cannot hold, evidence that could not be told apart.

use crate::plan::{fixed_plan, group_span, span_of};
use crate::profile::{Place, Point, Profile, ProfileError, Quantity, Transport};

use super::source::Source;

impl Source<'_> {
    /// What only the whole profile can get wrong.
    pub(super) fn whole(&self, profile: &Profile) -> Result<(), ProfileError> {
        self.heading(profile)?;
        if !profile.points.iter().any(|p| p.quantity.settles()) {
            return Err(self.wrong("point", "at least one of import, export, pv", "none"));
        }
        for (i, point) in profile.points.iter().enumerate() {
            self.once(profile, i, point)?;
            self.model_offsets(i, point)?;
            self.own_unit(profile, i, point)?;
            self.labels(profile, i, point)?;
        }
        self.asked_once(profile)?;
        self.unnamed_evidence(profile)?;
        self.requests(profile)
    }

    fn asked_once(&self, profile: &Profile) -> Result<(), ProfileError> {
        for (i, check) in profile.identity.iter().enumerate() {
            let mut earlier = profile.identity.iter().take(i);
            if check.what.trim().is_empty() || earlier.any(|other| other.what == check.what) {
                let key = format!("identity[{i}].what");
                return Err(self.wrong(key, "a word that no other check has", &check.what));
            }
        }
        Ok(())
    }

    fn heading(&self, profile: &Profile) -> Result<(), ProfileError> {
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if profile.name.is_empty() || !profile.name.chars().all(is_name) {
            return Err(self.wrong("name", "small letters, digits and `-`", &profile.name));
        }
        if profile.title.trim().is_empty() {
            return Err(self.wrong("title", "what the device is, in words", "nothing"));
        }
        if profile.provenance.sources.is_empty() {
            return Err(self.wrong("provenance.sources", "at least one source", "none"));
        }
        if profile.power_max_w == 0 {
            let expected = "the device's highest power in W, above 0";
            return Err(self.wrong("power_max_w", expected, 0));
        }
        Ok(())
    }

    /// Of SunSpec models and messages the first that the device has counts; registers just are.
    fn once(&self, profile: &Profile, i: usize, point: &Point) -> Result<(), ProfileError> {
        let fixed = |p: &Point| matches!(p.place, Place::Registers { .. });
        let mut earlier = profile.points.iter().take(i);
        if earlier.any(|p| p.quantity == point.quantity && (fixed(p) || fixed(point))) {
            let key = format!("point[{i}].quantity");
            return Err(self.wrong(key, "each quantity once", point.quantity.name()));
        }
        Ok(())
    }

    fn model_offsets(&self, i: usize, point: &Point) -> Result<(), ProfileError> {
        let Place::Model {
            kind,
            terms,
            scale_offset,
            ..
        } = &point.place
        else {
            return Ok(());
        };
        let scale_end = u32::from(scale_offset.unwrap_or(0)).saturating_add(1);
        for term in terms {
            let end = u32::from(term.at).saturating_add(u32::from(kind.registers()));
            if end.max(scale_end) > 125 || term.at < 2 {
                let expected = "an offset from 2 on whose value and scale factor end within one request of 125";
                return Err(self.wrong(format!("point[{i}].offset"), expected, term.at));
            }
        }
        Ok(())
    }

    /// What settles is read from the unit that the configuration names, and of a SunSpec device from
    /// its models, whose headers prove what the registers are.
    fn own_unit(&self, profile: &Profile, i: usize, point: &Point) -> Result<(), ProfileError> {
        let Place::Registers { unit, .. } = &point.place else {
            return Ok(());
        };
        if !point.quantity.settles() {
            return Ok(());
        }
        if matches!(profile.transport, Transport::SunSpec { .. }) {
            let expected = "a model and an offset for import, export and pv of a SunSpec device";
            return Err(self.wrong(format!("point[{i}].address"), expected, "an address"));
        }
        match unit {
            None => Ok(()),
            Some(unit) => {
                let expected = "no other unit for import, export and pv";
                Err(self.wrong(format!("point[{i}].unit_id"), expected, unit))
            }
        }
    }

    /// A label stands for one token.
    fn labels(&self, profile: &Profile, i: usize, point: &Point) -> Result<(), ProfileError> {
        for (at, term) in point.place.tokens().iter().enumerate() {
            let token = &term.at;
            let earlier = profile.points.iter().take(i).flat_map(|p| p.place.tokens());
            let own = point.place.tokens().iter().take(at);
            let mut others = earlier.chain(own);
            let taken = others.any(|other| {
                other.at.label == token.label
                    && (other.at.topic, &other.at.selector) != (token.topic, &token.selector)
            });
            if taken || token.label.is_empty() {
                let expected = "a label that no other place has";
                return Err(self.wrong(format!("point[{i}].label"), expected, &token.label));
            }
        }
        Ok(())
    }

    /// Tokens without names are told apart by their place alone, so each must always be there.
    fn unnamed_evidence(&self, profile: &Profile) -> Result<(), ProfileError> {
        if !profile.mqtt().is_some_and(|m| m.unnamed_evidence) {
            return Ok(());
        }
        for quantity in Quantity::ALL.into_iter().filter(|q| q.settles()) {
            let points = profile.points.iter().filter(|p| p.quantity == quantity);
            let all: Vec<&Point> = points.collect();
            if all.len() > 1 || all.iter().any(|p| p.optional) {
                let expected = "import, export and pv each once and none of them optional";
                return Err(self.wrong("mqtt.unnamed_evidence", expected, quantity.name()));
            }
        }
        Ok(())
    }

    fn requests(&self, profile: &Profile) -> Result<(), ProfileError> {
        let Some(manners) = profile.modbus() else {
            return Ok(());
        };
        for (i, point) in profile.points.iter().enumerate() {
            self.grouped(profile, i, point)?;
            let spans = [
                ("address", span_of(point)),
                ("group", group_span(profile, point.group.as_deref())),
            ];
            for (key, span) in spans {
                let got = match span {
                    Ok(Some(span)) if span.count > manners.registers_max => span.to_string(),
                    Ok(_) => continue,
                    Err(()) => "other units or functions".to_owned(),
                };
                let most = manners.registers_max;
                let expected = format!("registers that one request of at most {most} reads");
                return Err(self.wrong(format!("point[{i}].{key}"), expected, got));
            }
        }
        self.same_instant(profile)
    }

    /// A group of one is a misspelt name.
    fn grouped(&self, profile: &Profile, i: usize, point: &Point) -> Result<(), ProfileError> {
        let Some(group) = &point.group else {
            return Ok(());
        };
        let members = profile.points.iter();
        if members.filter(|p| p.group.as_ref() == Some(group)).count() > 1 {
            return Ok(());
        }
        let expected = "the name of a group that another point is in";
        Err(self.wrong(format!("point[{i}].group"), expected, group))
    }

    /// Import and export are of one instant: in one request.
    fn same_instant(&self, profile: &Profile) -> Result<(), ProfileError> {
        let span = |quantity| {
            let mut points = profile.points.iter();
            let point = points.find(|p| p.quantity == quantity);
            point.and_then(|p| span_of(p).ok().flatten())
        };
        if let (Some(import), Some(export)) = (span(Quantity::Import), span(Quantity::Export))
            && !fixed_plan(profile)
                .iter()
                .any(|request| request.covers(&import) && request.covers(&export))
        {
            let expected = "import and export in one request: a `group`, or a large enough gap_max";
            return Err(self.wrong("modbus.gap_max", expected, "two requests"));
        }
        Ok(())
    }
}
