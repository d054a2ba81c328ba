//! One telegram: checked, and its objects by OBIS code.

use std::collections::BTreeMap;

use super::{Obis, crc16_arc};

/// A telegram was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TelegramError {
    /// No telegram.
    #[error("expected a P1 telegram from `/` to `!` in ASCII, got {got}")]
    Form {
        /// What is wrong with it.
        got: &'static str,
    },
    /// A telegram of DSMR 3 or before, or one that lost its end.
    #[error(
        "expected a checksum of 4 hexadecimal digits after `!` (DSMR 4 and later), got `{got}`"
    )]
    NoChecksum {
        /// What stood there.
        got: String,
    },
    /// Something was lost or changed on the way.
    #[error("expected the checksum {computed:04X} of its content, got {got:04X}")]
    Checksum {
        /// What the bytes give.
        computed: u16,
        /// What the telegram says.
        got: u16,
    },
    /// Two values for one thing.
    #[error("expected `{obis}` once, got it twice with different values")]
    Twice {
        /// Which one.
        obis: Obis,
    },
    /// Another unit than the profile's.
    #[error("expected `{obis}` in {expected}, got `{got}`")]
    Unit {
        /// Which one.
        obis: Obis,
        /// The profile's unit.
        expected: String,
        /// What the telegram says.
        got: String,
    },
}

/// A telegram whose checksum is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telegram {
    objects: BTreeMap<Obis, String>,
}

impl Telegram {
    /// The telegram in these bytes. Bridges that turn CR LF into LF are allowed for: the checksum
    /// must be right with one of the two.
    ///
    /// # Errors
    /// [`TelegramError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, TelegramError> {
        let form = |got| TelegramError::Form { got };
        let text = std::str::from_utf8(bytes).map_err(|_| form("other bytes"))?;
        if !text.is_ascii() {
            return Err(form("other characters"));
        }
        let begin = text.find('/').ok_or(form("no `/`"))?;
        let text = text.get(begin..).unwrap_or_default();
        let (content, after) = text.split_once('!').ok_or(form("no `!`"))?;
        let digits = after.trim_end();
        let got = (digits.len() == 4)
            .then(|| u16::from_str_radix(digits, 16).ok())
            .flatten()
            .ok_or_else(|| TelegramError::NoChecksum {
                got: digits.chars().take(20).collect(),
            })?;
        let computed = crc16_arc(format!("{content}!").as_bytes());
        let with_cr_lf = || {
            let restored = content.replace('\n', "\r\n");
            !content.contains('\r') && crc16_arc(format!("{restored}!").as_bytes()) == got
        };
        if computed != got && !with_cr_lf() {
            return Err(TelegramError::Checksum { computed, got });
        }
        Ok(Self {
            objects: objects(content)?,
        })
    }

    /// What stands in the first brackets of an object, as it was written.
    #[must_use]
    pub fn value(&self, obis: Obis) -> Option<&str> {
        self.objects.get(&obis).map(String::as_str)
    }

    /// The digits of a number, none where the telegram has no such object.
    ///
    /// # Errors
    /// [`TelegramError::Unit`] when it is in another unit than `unit`.
    pub fn number(&self, obis: Obis, unit: &str) -> Result<Option<&str>, TelegramError> {
        let Some(value) = self.value(obis) else {
            return Ok(None);
        };
        match value.split_once('*') {
            Some((digits, found)) if found == unit => Ok(Some(digits)),
            _ => Err(TelegramError::Unit {
                obis,
                expected: unit.to_owned(),
                got: value.to_owned(),
            }),
        }
    }

    /// A text that the meter sends as the hexadecimal digits of its characters, such as its number.
    #[must_use]
    pub fn text(&self, obis: Obis) -> Option<String> {
        let value = self.value(obis)?;
        let decoded = hex::decode(value)
            .ok()
            .and_then(|b| String::from_utf8(b).ok());
        let readable = decoded.filter(|t| t.chars().all(|c| c.is_ascii_graphic() || c == ' '));
        Some(readable.unwrap_or_else(|| value.to_owned()))
    }
}

/// The lines `OBIS(value)…`. Whatever is not one is left aside: the name of the meter, values of other
/// devices that run over several lines.
fn objects(content: &str) -> Result<BTreeMap<Obis, String>, TelegramError> {
    let mut objects = BTreeMap::new();
    for line in content.lines() {
        let object = line.split_once('(').and_then(|(code, rest)| {
            let (value, _) = rest.split_once(')')?;
            Some((Obis::parse(code.trim())?, value.to_owned()))
        });
        if let Some((obis, value)) = object
            && let Some(before) = objects.insert(obis, value.clone())
            && before != value
        {
            return Err(TelegramError::Twice { obis });
        }
    }
    Ok(objects)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BODY: &str = "/ISk5\\2MT382-1000\r\n\r\n1-3:0.2.8(50)\r\n0-0:1.0.0(101209113020W)\r\n\
        0-0:96.1.1(4B384547303034303436333935353037)\r\n1-0:1.8.1(123456.789*kWh)\r\n\
        1-0:1.8.2(123456.789*kWh)\r\n1-0:1.7.0(01.193*kW)\r\n0-1:24.2.1(101209112500W)(12785.123*m3)\r\n!";

    fn signed(body: &str) -> String {
        format!("{body}{:04X}\r\n", crc16_arc(body.as_bytes()))
    }

    fn code(text: &str) -> Obis {
        Obis::parse(text).expect("a code")
    }

    #[test]
    fn a_whole_telegram_is_read_digit_for_digit() {
        let telegram = Telegram::parse(signed(BODY).as_bytes()).expect("whole");
        let number = |obis, unit| telegram.number(code(obis), unit);
        assert_eq!(number("1-0:1.8.1", "kWh"), Ok(Some("123456.789")));
        assert_eq!(number("1-0:1.7.0", "kW"), Ok(Some("01.193")));
        assert_eq!(number("1-0:2.8.1", "kWh"), Ok(None));
        assert_eq!(telegram.value(Obis::TIME), Some("101209113020W"));
        assert_eq!(
            telegram.text(code("0-0:96.1.1")).as_deref(),
            Some("K8EG004046395507")
        );
        assert!(matches!(
            number("1-0:1.8.1", "Wh"),
            Err(TelegramError::Unit { .. })
        ));
    }

    #[test]
    fn line_ends_that_a_bridge_has_changed_are_allowed_for() {
        let bare = signed(BODY).replace("\r\n", "\n");
        assert!(Telegram::parse(bare.as_bytes()).is_ok());
    }

    #[test]
    fn what_is_not_whole_is_refused_and_says_why() {
        let refused = |bytes: &[u8], part: &str| {
            let error = Telegram::parse(bytes).expect_err(part).to_string();
            assert!(error.contains(part), "`{error}` should name `{part}`");
        };
        refused(b"", "no `/`");
        refused(b"/ISk5", "no `!`");
        refused(b"/ISk5\xff!0000", "other bytes");
        refused("/ISk5é!0000".as_bytes(), "other characters");
        refused(BODY.as_bytes(), "DSMR 4 and later");
        refused(format!("{BODY}12").as_bytes(), "`12`");
        refused(format!("{BODY}12345").as_bytes(), "`12345`");
        refused(format!("{BODY}+123").as_bytes(), "checksum");
        refused(
            signed(BODY)
                .replacen("123456.789", "123456.788", 1)
                .as_bytes(),
            "checksum",
        );
        let twice = BODY.replace("1-0:1.8.2(123456.789", "1-0:1.8.1(000000.001");
        refused(signed(&twice).as_bytes(), "`1-0:1.8.1` once");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_telegram_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Telegram::parse(&bytes);
        }

        #[test]
        fn one_changed_byte_never_passes(at in 0_usize..200, bit in 0_u8..8) {
            let mut bytes = signed(BODY).into_bytes();
            let at = at % (BODY.len() - 1);
            bytes[at] ^= 1 << bit;
            // A telegram that begins later, or whose end is elsewhere, is refused as well.
            prop_assert!(Telegram::parse(&bytes).is_err());
        }
    }
}
