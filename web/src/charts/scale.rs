//! From a value to a place on the picture.

/// A linear scale from values to places.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    value: (f64, f64),
    place: (f64, f64),
}

impl Scale {
    /// `value.0` lies at `place.0`, `value.1` at `place.1`. Equal values are spread by one.
    pub(super) fn new(value: (f64, f64), place: (f64, f64)) -> Self {
        let value = if (value.1 - value.0).abs() < f64::EPSILON {
            (value.0, value.0 + 1.0)
        } else {
            value
        };
        Self { value, place }
    }

    /// Where a value lies.
    pub(super) fn at(&self, value: f64) -> f64 {
        let share = (value - self.value.0) / (self.value.1 - self.value.0);
        self.place.0 + share * (self.place.1 - self.place.0)
    }
}

/// At most about `count` round values from zero to at least `max`, the last at or above it.
pub(super) fn round_steps(max: f64, count: u32) -> Vec<f64> {
    let max = if max > 0.0 { max } else { 1.0 };
    let rough = max / f64::from(count.max(1));
    let magnitude = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .map(|m| m * magnitude)
        .into_iter()
        .find(|s| *s >= rough * 0.999);
    let step = step.unwrap_or(magnitude * 10.0);
    let last = (max / step - 1e-9).ceil().max(1.0);
    let mut steps = vec![0.0];
    while let Some(next) = steps
        .last()
        .map(|s| s + step)
        .filter(|next| *next <= last * step * 1.000_001)
    {
        steps.push(next);
    }
    steps
}

/// The text of a round value: no more decimals than it needs, at most three.
pub(super) fn label(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_and_cover_the_range() {
        assert_eq!(round_steps(4.3, 4), [0.0, 2.0, 4.0, 6.0]);
        assert_eq!(round_steps(0.0, 4).last(), Some(&1.0));
        assert_eq!(round_steps(30.0, 3), [0.0, 10.0, 20.0, 30.0]);
        assert_eq!(label(0.25), "0.25");
        assert_eq!(label(10.0), "10");
        assert!(
            round_steps(0.001_7, 4)
                .last()
                .is_some_and(|l| *l >= 0.001_7)
        );
    }

    #[test]
    fn a_scale_keeps_both_ends() {
        let scale = Scale::new((0.0, 10.0), (100.0, 0.0));
        assert_eq!(
            (scale.at(0.0), scale.at(10.0), scale.at(5.0)),
            (100.0, 0.0, 50.0)
        );
        assert!(Scale::new((3.0, 3.0), (0.0, 1.0)).at(3.0).is_finite());
    }
}
