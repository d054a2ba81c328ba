//! What a device said in one message: number tokens by label, the device's own time, and what it says
//! about itself.
//!
//! Tokens stay text, so that no digit is lost before the decoder scales them.

use std::collections::BTreeMap;

use crate::civil_time::{rfc3339_ms, telegram_ms};
use crate::decode::ValueError;
use crate::dsmr::Telegram;
use crate::json_path::Found;
use crate::number::Exact;
use crate::profile::{
    IdentityPlace, MqttManners, Payload, Point, Profile, Quantity, Selector, TimeFormat, Topic,
};

use super::DeviceError;

/// What a device said in one message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// Number tokens by label.
    pub tokens: BTreeMap<String, String>,
    /// The device's own time in ms since 1970 UTC, where the profile names one.
    pub time_ms: Option<i64>,
    /// What it says about itself, by the profile's name for it.
    pub identity: BTreeMap<String, String>,
}

/// Reads a message that came on one of the profile's topics (0 is the first).
///
/// # Errors
/// [`DeviceError`] when it is not what the profile expects, something else than a number stands where
/// one should, or the time is missing.
pub fn read_message(profile: &Profile, topic: usize, text: &str) -> Result<Message, DeviceError> {
    let Some((manners, own)) = profile.mqtt().and_then(|m| Some((m, m.topics.get(topic)?))) else {
        return Ok(Message::default());
    };
    let reader = match manners.payload {
        Payload::Json => Reader::Json {
            text,
            numbers_in_strings: manners.numbers_in_strings,
        },
        Payload::Telegram => Reader::Telegram(Telegram::parse(text.as_bytes())?),
    };
    let mut message = Message::default();
    for point in profile.points() {
        for term in point.place.tokens().iter().filter(|t| t.at.topic == topic) {
            if let Some(token) = reader.number(point, &term.at.selector)? {
                message.tokens.insert(term.at.label.clone(), token);
            }
        }
    }
    for check in profile.identity() {
        if let IdentityPlace::Message(token) = &check.place
            && token.topic == topic
            && let Some(text) = reader.text(&token.selector)?
        {
            message.identity.insert(check.what.clone(), text);
        }
    }
    message.time_ms = time_of(manners, own, &reader)?;
    Ok(message)
}

enum Reader<'t> {
    Json {
        text: &'t str,
        numbers_in_strings: bool,
    },
    Telegram(Telegram),
}

impl Reader<'_> {
    /// The number token that stands there, none where there is nothing.
    fn number(&self, point: &Point, selector: &Selector) -> Result<Option<String>, DeviceError> {
        match (self, selector) {
            (Self::Telegram(telegram), Selector::Obis(obis)) => {
                let token = telegram.number(*obis, unit_of(point.quantity))?;
                Ok(token.map(str::to_owned))
            }
            _ => match self.find(selector)? {
                Found::Number(token) => Ok(Some(token)),
                Found::Nothing => Ok(None),
                Found::Text(got) | Found::Other(got) => Err(DeviceError::Value {
                    quantity: point.quantity,
                    source: ValueError::NotNumber {
                        path: selector.to_string(),
                        got,
                    },
                }),
            },
        }
    }

    /// Whatever stands there, as a text.
    fn text(&self, selector: &Selector) -> Result<Option<String>, DeviceError> {
        match (self, selector) {
            (Self::Telegram(telegram), Selector::Obis(obis)) => Ok(telegram.text(*obis)),
            _ => match self.find(selector)? {
                Found::Number(text) | Found::Text(text) if !text.is_empty() => Ok(Some(text)),
                _ => Ok(None),
            },
        }
    }

    fn find(&self, selector: &Selector) -> Result<Found, DeviceError> {
        match (self, selector) {
            (
                Self::Json {
                    text,
                    numbers_in_strings,
                },
                Selector::Path(path),
            ) => {
                let found = path.find(text)?;
                Ok(if *numbers_in_strings {
                    found.with_numbers_in_strings()
                } else {
                    found
                })
            }
            (Self::Telegram(telegram), Selector::Obis(obis)) => Ok(telegram
                .value(*obis)
                .map_or(Found::Nothing, |text| Found::Text(text.to_owned()))),
            // Loading the profile has given each kind of message its own selectors.
            _ => Ok(Found::Nothing),
        }
    }
}

/// The unit of a quantity in a P1 telegram.
const fn unit_of(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Power => "kW",
        Quantity::VoltageL1 | Quantity::VoltageL2 | Quantity::VoltageL3 => "V",
        Quantity::Frequency => "Hz",
        Quantity::Soc => "%",
        Quantity::Import
        | Quantity::Export
        | Quantity::Pv
        | Quantity::Charge
        | Quantity::Discharge => "kWh",
    }
}

fn time_of(
    manners: &MqttManners,
    topic: &Topic,
    reader: &Reader<'_>,
) -> Result<Option<i64>, DeviceError> {
    let Some(source) = &topic.time else {
        return Ok(None);
    };
    let wrong = |got: String| DeviceError::MessageTime {
        path: source.selector.to_string(),
        got,
    };
    let text = match reader.find(&source.selector)? {
        Found::Number(text) | Found::Text(text) => text,
        Found::Nothing => return Err(wrong("nothing".to_owned())),
        Found::Other(got) => return Err(wrong(format!("`{got}`"))),
    };
    let time_ms = match source.format {
        TimeFormat::Unix(scale) => Exact::decimal(&text).and_then(|t| t.rounded(scale)).ok(),
        TimeFormat::Rfc3339 => rfc3339_ms(&text),
        TimeFormat::Telegram => telegram_ms(&text),
    };
    match time_ms {
        Some(time_ms) => Ok(Some(time_ms)),
        // A clock that is not set is no reason to lose the registers of a telegram.
        None if manners.payload == Payload::Telegram => Ok(None),
        None => Err(wrong(format!("`{text}`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsmr::crc16_arc;
    use crate::shipped;

    fn read(name: &str, topic: usize, text: &str) -> Result<Message, DeviceError> {
        read_message(&shipped::profile(name).expect("shipped"), topic, text)
    }

    #[test]
    fn only_what_comes_on_its_own_topic_counts() {
        let text = r#"{"id": 0, "total_act": 1.5, "total_act_ret": 2, "total_act_power": 7}"#;
        let data = read("shelly-pro-3em", 0, text).expect("readable");
        assert_eq!(data.tokens.len(), 2, "{data:?}");
        let live = read("shelly-pro-3em", 1, text).expect("readable");
        assert_eq!(live.tokens.values().collect::<Vec<_>>(), ["7"]);
        assert_eq!(read("shelly-pro-3em", 9, text), Ok(Message::default()));
    }

    #[test]
    fn numbers_may_come_as_strings_where_the_profile_says_so() {
        let text =
            r#"{"timestamp": "2026-06-15T11:00:00+02:00", "electricity_delivered_1": "1000.001"}"#;
        let message = read("dsmr-reader", 0, text).expect("readable");
        assert_eq!(message.tokens["d1"], "1000.001");
        assert_eq!(message.time_ms, Some(1_781_514_000_000));
        let refused = read("json-meter", 0, r#"{"ts": 1, "total_act": "5"}"#);
        assert!(
            matches!(refused, Err(DeviceError::Value { .. })),
            "{refused:?}"
        );
    }

    #[test]
    fn a_telegram_in_another_unit_is_an_error() {
        let telegram = |unit: &str| {
            let body =
                format!("/X\r\n0-0:1.0.0(260615110000S)\r\n1-0:1.8.1(000001.000*{unit})\r\n!");
            format!("{body}{:04X}\r\n", crc16_arc(body.as_bytes()))
        };
        let message = read("dsmr-telegram", 0, &telegram("kWh")).expect("readable");
        assert_eq!(message.tokens["1.8.1"], "000001.000");
        assert!(matches!(
            read("dsmr-telegram", 0, &telegram("Wh")),
            Err(DeviceError::Telegram(_))
        ));
    }

    #[test]
    fn a_telegram_whose_clock_is_not_set_still_counts() {
        let body = "/X\r\n0-0:1.0.0(700101000000)\r\n1-0:1.8.1(000001.000*kWh)\r\n!";
        let text = format!("{body}{:04X}\r\n", crc16_arc(body.as_bytes()));
        let message = read("dsmr-telegram", 0, &text).expect("readable");
        assert_eq!((message.time_ms, message.tokens.len()), (None, 1));
    }
}
