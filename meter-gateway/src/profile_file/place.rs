//! Where a value stands in the device, by its transport: registers, points of SunSpec models, or
//! tokens of messages. Keys of another transport are refused.

use crate::profile::{Payload, Place, ProfileError, Term, Token, Transport};

use super::source::Source;
use super::tables::{OneOrMany, PointFile};

/// The keys of a point that say where it is.
const REGISTER_KEYS: [&str; 6] = [
    "function",
    "address",
    "minus_address",
    "order",
    "type",
    "unit_id",
];
const MODEL_KEYS: [&str; 4] = ["model", "offset", "scale_offset", "type"];
const JSON_KEYS: [&str; 4] = ["topic", "path", "minus_path", "label"];
const TELEGRAM_KEYS: [&str; 4] = ["topic", "obis", "minus_obis", "label"];

impl Source<'_> {
    /// The places of a point: one, or one for each of its SunSpec models.
    pub(super) fn places(
        &self,
        key: &impl Fn(&str) -> String,
        point: &PointFile,
        transport: &Transport,
    ) -> Result<Vec<Place>, ProfileError> {
        let in_model = point.model.is_some() || point.offset.is_some();
        let allowed: &[&str] = match transport {
            Transport::SunSpec { .. } if in_model => &MODEL_KEYS,
            Transport::Modbus(_) | Transport::SunSpec { .. } => &REGISTER_KEYS,
            Transport::Mqtt(manners) if manners.payload == Payload::Telegram => &TELEGRAM_KEYS,
            Transport::Mqtt(_) => &JSON_KEYS,
        };
        if let Some(name) = place_keys(point).find(|name| !allowed.contains(name)) {
            let expected = format!("only {} for this transport", allowed.join(", "));
            return Err(self.wrong(key(name), expected, name));
        }
        match transport {
            Transport::SunSpec { .. } if in_model => self.models(key, point),
            Transport::Modbus(_) | Transport::SunSpec { .. } => {
                self.registers(key, point).map(|place| vec![place])
            }
            Transport::Mqtt(manners) => {
                let names: Vec<&str> = manners.topics.iter().map(|t| t.name.as_str()).collect();
                let terms = self.tokens(key, point, manners.payload, &names)?;
                Ok(vec![Place::Message(terms)])
            }
        }
    }

    fn registers(
        &self,
        key: &impl Fn(&str) -> String,
        point: &PointFile,
    ) -> Result<Place, ProfileError> {
        let kind = self.kind(key("type"), point.kind.as_deref())?;
        let terms = terms_of(point.address.as_ref(), point.minus_address.as_ref());
        if terms.is_empty() {
            return Err(self.wrong(key("address"), "an address or a list of them", "nothing"));
        }
        Ok(Place::Registers {
            unit: point.unit_id,
            function: self.function(key("function"), point.function.as_deref())?,
            kind,
            order: self.order(key("order"), kind, point.order.as_deref())?,
            terms,
        })
    }

    fn models(
        &self,
        key: &impl Fn(&str) -> String,
        point: &PointFile,
    ) -> Result<Vec<Place>, ProfileError> {
        let kind = self.kind(key("type"), point.kind.as_deref())?;
        let terms = terms_of(point.offset.as_ref(), None);
        let models = point.model.as_ref().map_or(&[][..], OneOrMany::as_slice);
        if terms.is_empty() {
            return Err(self.wrong(key("offset"), "an offset or a list of them", "nothing"));
        }
        if models.is_empty() {
            return Err(self.wrong(key("model"), "a model id or a list of them", "nothing"));
        }
        let place = |model: &u16| Place::Model {
            model: *model,
            kind,
            terms: terms.clone(),
            scale_offset: point.scale_offset,
        };
        Ok(models.iter().map(place).collect())
    }

    fn tokens(
        &self,
        key: &impl Fn(&str) -> String,
        point: &PointFile,
        payload: Payload,
        topics: &[&str],
    ) -> Result<Vec<Term<Token>>, ProfileError> {
        let (name, plus, minus) = match payload {
            Payload::Json => ("path", &point.path, &point.minus_path),
            Payload::Telegram => ("obis", &point.obis, &point.minus_obis),
        };
        let selectors = terms_of(plus.as_ref(), minus.as_ref());
        let named = point.topic.as_ref().map_or(&[][..], OneOrMany::as_slice);
        let labels = point.label.as_ref().map_or(&[][..], OneOrMany::as_slice);
        let count = selectors.len().max(named.len());
        let fits = |many: usize| matches!(many, 0 | 1) || many == count;
        if selectors.is_empty() {
            let expected = format!("a {name} or a list of them");
            return Err(self.wrong(key(name), expected, "nothing"));
        }
        if !fits(selectors.len()) || !fits(named.len()) {
            let expected = "one topic or as many as there are places";
            return Err(self.wrong(key("topic"), expected, named.len()));
        }
        if !matches!(labels.len(), 0) && labels.len() != count {
            let expected = format!("as many labels as there are places, {count}");
            return Err(self.wrong(key("label"), expected, labels.len()));
        }
        let mut terms = Vec::with_capacity(count);
        for i in 0..count {
            // Checked above: there is one, or one for each.
            let Some(term) = selectors.get(i).or(selectors.first()) else {
                continue;
            };
            let topic = self.topic_index(key("topic"), named.get(i).or(named.first()), topics)?;
            let label = labels.get(i).cloned();
            terms.push(self.term(&key(name), payload, term, topic, label, topics)?);
        }
        Ok(terms)
    }

    pub(super) fn topic_index(
        &self,
        key: String,
        named: Option<&String>,
        topics: &[&str],
    ) -> Result<usize, ProfileError> {
        match named {
            None if topics.len() == 1 => Ok(0),
            named => {
                let got = named.map_or("nothing", String::as_str);
                let found = topics.iter().position(|topic| *topic == got);
                found.ok_or_else(|| {
                    self.wrong(key, format!("one of the topics {}", topics.join(", ")), got)
                })
            }
        }
    }

    fn term(
        &self,
        key: &str,
        payload: Payload,
        term: &Term<String>,
        topic: usize,
        label: Option<String>,
        topics: &[&str],
    ) -> Result<Term<Token>, ProfileError> {
        let selector = self.selector(key, payload, &term.at)?;
        let alone = match &selector {
            crate::profile::Selector::Path(path) => path.to_string(),
            crate::profile::Selector::Obis(obis) => obis.short(),
        };
        let named = match topics {
            [_] => alone,
            topics => format!("{} {alone}", topics.get(topic).copied().unwrap_or_default()),
        };
        let label = label.unwrap_or(named);
        Ok(Term {
            at: Token {
                topic,
                selector,
                label,
            },
            minus: term.minus,
        })
    }
}

/// Which of the keys that say where a point is are there.
fn place_keys(point: &PointFile) -> impl Iterator<Item = &'static str> {
    let keys: [(&str, bool); 14] = [
        ("unit_id", point.unit_id.is_some()),
        ("function", point.function.is_some()),
        ("address", point.address.is_some()),
        ("minus_address", point.minus_address.is_some()),
        ("order", point.order.is_some()),
        ("model", point.model.is_some()),
        ("offset", point.offset.is_some()),
        ("scale_offset", point.scale_offset.is_some()),
        ("type", point.kind.is_some()),
        ("topic", point.topic.is_some()),
        ("path", point.path.is_some() || point.minus_path.is_some()),
        ("obis", point.obis.is_some() || point.minus_obis.is_some()),
        ("label", point.label.is_some()),
        ("topic", point.topic.is_some()),
    ];
    keys.into_iter().filter(|(_, is)| *is).map(|(name, _)| name)
}

fn terms_of<T: Clone>(plus: Option<&OneOrMany<T>>, minus: Option<&OneOrMany<T>>) -> Vec<Term<T>> {
    let all = |many: Option<&OneOrMany<T>>, minus: bool| {
        let many = many.map_or(&[][..], OneOrMany::as_slice).to_vec();
        many.into_iter().map(move |at| Term { at, minus })
    };
    let mut terms: Vec<Term<T>> = all(plus, false).collect();
    terms.extend(all(minus, true));
    terms
}
