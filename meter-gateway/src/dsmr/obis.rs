//! OBIS codes (IEC 62056-61): medium, channel, quantity, processing, tariff.

/// An OBIS code `A-B:C.D.E`. The sixth group is not used in telegrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Obis([u8; 5]);

impl Obis {
    /// The time of a telegram.
    pub const TIME: Self = Self([0, 0, 1, 0, 0]);

    /// The code in a text such as `1-0:1.8.1`, none when it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (medium, rest) = text.split_once('-')?;
        let (channel, rest) = rest.split_once(':')?;
        let mut groups = rest.split('.');
        let mut next = || groups.next()?.parse().ok();
        let code = [
            medium.parse().ok()?,
            channel.parse().ok()?,
            next()?,
            next()?,
            next()?,
        ];
        groups.next().is_none().then_some(Self(code))
    }

    /// Its last three groups, which name the value within a meter: `1.8.1`.
    #[must_use]
    pub fn short(self) -> String {
        let [_, _, c, d, e] = self.0;
        format!("{c}.{d}.{e}")
    }
}

impl std::fmt::Display for Obis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b, _, _, _] = self.0;
        write!(f, "{a}-{b}:{}", self.short())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_and_shown() {
        for text in ["1-0:1.8.1", "0-0:96.1.1", "0-0:1.0.0"] {
            assert_eq!(Obis::parse(text).expect("a code").to_string(), text);
        }
        assert_eq!(Obis::parse("0-0:1.0.0"), Some(Obis::TIME));
        assert_eq!(Obis::parse("1-0:72.7.0").expect("a code").short(), "72.7.0");
        for text in [
            "",
            "1.8.1",
            "1-0:1.8",
            "1-0:1.8.1.255",
            "1-0:1.8.256",
            "a-0:1.8.1",
        ] {
            assert_eq!(Obis::parse(text), None, "{text}");
        }
    }
}
