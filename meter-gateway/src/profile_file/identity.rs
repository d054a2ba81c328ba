//! How the device is recognised: `[[identity]]`.

use crate::profile::{
    Expectation, IdentityCheck, IdentityKind, IdentityPlace, Payload, ProfileError, Token,
    Transport,
};

use super::source::Source;
use super::tables::{Expected, IdentityFile};

const REGISTER_KEYS: [&str; 6] = [
    "unit_id",
    "function",
    "address",
    "type",
    "registers",
    "order",
];
const MODEL_KEYS: [&str; 5] = ["model", "offset", "type", "registers", "order"];

impl Source<'_> {
    pub(super) fn identity(
        &self,
        index: usize,
        file: &IdentityFile,
        transport: &Transport,
    ) -> Result<IdentityCheck, ProfileError> {
        let key = |name: &str| format!("identity[{index}].{name}");
        self.identity_keys(&key, file, transport)?;
        let expect = match (&file.expect, file.range) {
            (None, None) => None,
            (None, Some([from, to])) if from <= to => Some(Expectation::Range(from, to)),
            (Some(Expected::Numbers(numbers)), None) if !numbers.is_empty() => {
                Some(Expectation::Numbers(numbers.clone()))
            }
            (Some(Expected::Texts(texts)), None) if !texts.is_empty() => {
                Some(Expectation::Texts(texts.clone()))
            }
            _ => {
                let expected = "a list `expect`, or a `range` from low to high";
                return Err(self.wrong(key("expect"), expected, "another combination"));
            }
        };
        if expect.is_none() && (file.must || !matches!(file.what.as_str(), "serial" | "epoch")) {
            let expected = "`expect` or `range`, unless it is the `serial` or the `epoch`";
            return Err(self.wrong(key("expect"), expected, "nothing"));
        }
        let place = match transport {
            Transport::Mqtt(manners) => {
                let names: Vec<&str> = manners.topics.iter().map(|t| t.name.as_str()).collect();
                self.identity_token(&key, file, manners.payload, &names)?
            }
            Transport::SunSpec { .. } if file.model.is_some() => IdentityPlace::Model {
                model: file.model.unwrap_or_default(),
                offset: file
                    .offset
                    .ok_or_else(|| self.wrong(key("offset"), "an offset", "nothing"))?,
                kind: self.identity_kind(&key, file)?,
            },
            Transport::Modbus(_) | Transport::SunSpec { .. } => IdentityPlace::Registers {
                unit: file.unit_id,
                function: self.function(key("function"), file.function.as_deref())?,
                address: file
                    .address
                    .ok_or_else(|| self.wrong(key("address"), "an address", "nothing"))?,
                kind: self.identity_kind(&key, file)?,
            },
        };
        let what = file.what.clone();
        let must = file.must;
        let check = IdentityCheck {
            what,
            place,
            expect,
            must,
        };
        self.fits(&key, &check)?;
        Ok(check)
    }

    /// Only the keys that say where something is on this transport.
    fn identity_keys(
        &self,
        key: &impl Fn(&str) -> String,
        file: &IdentityFile,
        transport: &Transport,
    ) -> Result<(), ProfileError> {
        let allowed: &[&str] = match transport {
            Transport::SunSpec { .. } if file.model.is_some() => &MODEL_KEYS,
            Transport::Modbus(_) | Transport::SunSpec { .. } => &REGISTER_KEYS,
            Transport::Mqtt(manners) if manners.payload == Payload::Telegram => &["topic", "obis"],
            Transport::Mqtt(_) => &["topic", "path"],
        };
        let keys: [(&str, bool); 11] = [
            ("unit_id", file.unit_id.is_some()),
            ("function", file.function.is_some()),
            ("address", file.address.is_some()),
            ("model", file.model.is_some()),
            ("offset", file.offset.is_some()),
            ("type", file.kind.is_some()),
            ("registers", file.registers.is_some()),
            ("order", file.order.is_some()),
            ("topic", file.topic.is_some()),
            ("path", file.path.is_some()),
            ("obis", file.obis.is_some()),
        ];
        let mut named = keys.iter().filter(|(_, is)| *is).map(|(name, _)| *name);
        match named.find(|name| !allowed.contains(name)) {
            None => Ok(()),
            Some(name) => {
                let expected = format!("only {} for this transport", allowed.join(", "));
                Err(self.wrong(key(name), expected, name))
            }
        }
    }

    fn identity_kind(
        &self,
        key: &impl Fn(&str) -> String,
        file: &IdentityFile,
    ) -> Result<IdentityKind, ProfileError> {
        match (file.kind.as_deref(), file.registers) {
            (Some("text"), Some(registers)) if (1..=60).contains(&registers) => {
                Ok(IdentityKind::Text { registers })
            }
            (Some("text"), got) => {
                let got = got.map_or("nothing".to_owned(), |n| n.to_string());
                Err(self.wrong(key("registers"), "1 to 60 registers of text", got))
            }
            (name, None) => {
                let kind = self.kind(key("type"), name)?;
                Ok(IdentityKind::Number {
                    kind,
                    order: self.order(key("order"), kind, file.order.as_deref())?,
                    scale: self.ratio(key("scale"), file.scale.as_deref())?,
                })
            }
            (_, Some(got)) => Err(self.wrong(key("registers"), "no such key for a number", got)),
        }
    }

    fn identity_token(
        &self,
        key: &impl Fn(&str) -> String,
        file: &IdentityFile,
        payload: Payload,
        topics: &[&str],
    ) -> Result<IdentityPlace, ProfileError> {
        let (name, text) = match payload {
            Payload::Json => ("path", &file.path),
            Payload::Telegram => ("obis", &file.obis),
        };
        let Some(text) = text else {
            return Err(self.wrong(key(name), "where it is in the message", "nothing"));
        };
        Ok(IdentityPlace::Message(Token {
            topic: self.topic_index(key("topic"), file.topic.as_ref(), topics)?,
            selector: self.selector(&key(name), payload, text)?,
            label: file.what.clone(),
        }))
    }

    /// Texts are expected of texts, and numbers of numbers.
    fn fits(
        &self,
        key: &impl Fn(&str) -> String,
        check: &IdentityCheck,
    ) -> Result<(), ProfileError> {
        let is_text = match &check.place {
            IdentityPlace::Registers { kind, .. } | IdentityPlace::Model { kind, .. } => {
                matches!(kind, IdentityKind::Text { .. })
            }
            IdentityPlace::Message(_) => return Ok(()),
        };
        match &check.expect {
            Some(Expectation::Texts(_)) if !is_text => {
                Err(self.wrong(key("expect"), "numbers", "texts"))
            }
            Some(Expectation::Numbers(_) | Expectation::Range(..)) if is_text => {
                Err(self.wrong(key("expect"), "texts", "numbers"))
            }
            _ => Ok(()),
        }
    }
}
