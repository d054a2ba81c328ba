//! What an MQTT device last said, message laid over message.
//!
//! Rules: on a topic with partial updates the tokens that a message does not name stand; on others a
//! message replaces all of its topic. What a reading says is as old as the oldest message that gave it a
//! settlement value. A retained message is the broker's memory and not a sign of life: it counts only
//! where it names its own time. A message that cannot be read changes nothing but the reason that is
//! given when the device then counts as silent.
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

use std::collections::BTreeMap;

use crate::decode::{Identity, Sample, decode_tokens, identity_answer};
use crate::poller::{DeviceError, Message, read_message, wrong_device};
use crate::profile::{IdentityPlace, Profile, Quantity};

/// How a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// On which of the profile's topics, 0 being the first.
    pub topic: usize,
    /// When, in ms since 1970 UTC by the gateway's clock.
    pub received_ms: i64,
    /// Whether the broker had kept it from before.
    pub retained: bool,
}

/// The messages of one device.
#[derive(Debug, Clone, Default)]
pub struct Overlay {
    topics: BTreeMap<usize, Kept>,
    error: Option<DeviceError>,
}

#[derive(Debug, Clone)]
struct Kept {
    message: Message,
    received_ms: i64,
    /// Whether it came while the gateway was listening.
    live: bool,
}

/// Everything that is known of a device at present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Its values.
    pub sample: Sample,
    /// The device's own time of the oldest settlement value, where all of them have one, in ms since
    /// 1970 UTC.
    pub time_ms: Option<i64>,
    /// When the oldest settlement value came, in ms since 1970 UTC.
    pub received_ms: i64,
    /// Whether all of them came while the gateway was listening.
    pub live: bool,
}

impl Overlay {
    /// Takes a message.
    pub fn take(&mut self, profile: &Profile, arrival: Arrival, payload: &[u8]) {
        let text = String::from_utf8_lossy(payload);
        match read_message(profile, arrival.topic, &text) {
            Err(error) => self.error = Some(error),
            Ok(mut message) => {
                let topics = profile.mqtt().map_or(&[][..], |manners| &manners.topics);
                let partial = topics.get(arrival.topic).is_some_and(|t| t.partial_updates);
                let before = self.topics.remove(&arrival.topic);
                if partial && let Some(before) = before {
                    message = laid_over(before.message, message);
                }
                self.error = None;
                let kept = Kept {
                    message,
                    received_ms: arrival.received_ms,
                    live: !arrival.retained,
                };
                self.topics.insert(arrival.topic, kept);
            }
        }
    }

    /// Why the newest message could not be read, if so.
    #[must_use]
    pub fn error(&self) -> Option<&DeviceError> {
        self.error.as_ref()
    }

    /// Everything that is known, none before the first message.
    ///
    /// # Errors
    /// [`DeviceError::WrongDevice`].
    pub fn heard(&self, profile: &Profile) -> Result<Option<Heard>, DeviceError> {
        if self.topics.is_empty() {
            return Ok(None);
        }
        let mut tokens = BTreeMap::new();
        for kept in self.topics.values() {
            tokens.extend(kept.message.tokens.clone());
        }
        let mut sample = decode_tokens(profile, &tokens);
        sample.identity = self.identity(profile);
        if let Some(error) = wrong_device(profile, &sample.identity) {
            return Err(error);
        }
        let settling = self.settling(profile, &sample);
        let times = settling.iter().map(|kept| kept.message.time_ms);
        let times: Option<Vec<i64>> = times.collect();
        let received = settling.iter().map(|kept| kept.received_ms);
        Ok(Some(Heard {
            time_ms: times.and_then(|times| times.into_iter().min()),
            received_ms: received.min().unwrap_or(i64::MIN),
            live: settling.iter().all(|kept| kept.live),
            sample,
        }))
    }

    /// The messages that the settlement values come from; all of them where there are none.
    fn settling(&self, profile: &Profile, sample: &Sample) -> Vec<&Kept> {
        let points = Quantity::ALL.into_iter().filter(|q| q.settles());
        let points = points.filter_map(|q| profile.points().get(sample.point(q)?));
        let mut topics: Vec<usize> = points
            .flat_map(|point| point.place.tokens())
            .map(|term| term.at.topic)
            .collect();
        if topics.is_empty() {
            topics = self.topics.keys().copied().collect();
        }
        topics.iter().filter_map(|t| self.topics.get(t)).collect()
    }

    fn identity(&self, profile: &Profile) -> Identity {
        let said = |topic: usize, what: &str| {
            let message = &self.topics.get(&topic)?.message;
            message.identity.get(what).cloned()
        };
        let answered = profile.identity().iter().map(|check| match &check.place {
            IdentityPlace::Message(token) => identity_answer(check, said(token.topic, &check.what)),
            IdentityPlace::Registers { .. } | IdentityPlace::Model { .. } => {
                identity_answer(check, None)
            }
        });
        Identity {
            answers: answered.collect(),
        }
    }
}

fn laid_over(before: Message, now: Message) -> Message {
    let mut both = before;
    both.tokens.extend(now.tokens);
    both.identity.extend(now.identity);
    // The time of a message that names only some values is not that of the others.
    both.time_ms = now.time_ms;
    both
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Measured;
    use crate::shipped;

    fn overlay(
        name: &str,
        messages: &[(usize, i64, bool, &str)],
    ) -> Result<Option<Heard>, DeviceError> {
        let profile = shipped::profile(name).expect("shipped");
        let mut overlay = Overlay::default();
        for (topic, received_ms, retained, payload) in messages {
            let arrival = Arrival {
                topic: *topic,
                received_ms: *received_ms,
                retained: *retained,
            };
            overlay.take(&profile, arrival, payload.as_bytes());
        }
        overlay.heard(&profile)
    }

    fn heard(name: &str, messages: &[(usize, i64, bool, &str)]) -> Heard {
        overlay(name, messages)
            .expect("the right device")
            .expect("messages")
    }

    #[test]
    fn a_whole_message_replaces_and_a_partial_one_adds() {
        let whole = heard(
            "json-meter",
            &[
                (
                    0,
                    1,
                    false,
                    r#"{"ts": 1, "total_act": 5, "total_act_ret": 6, "act_power": 7}"#,
                ),
                (
                    0,
                    2,
                    false,
                    r#"{"ts": 2, "total_act": 8, "total_act_ret": 6}"#,
                ),
            ],
        );
        assert_eq!(whole.sample.get(Quantity::Power), &Measured::Absent);
        assert_eq!((whole.time_ms, whole.received_ms), (Some(2_000), 2));
        let partial = heard(
            "shelly-pro-3em",
            &[
                (
                    2,
                    1,
                    false,
                    r#"{"params": {"ts": 1, "emdata:0": {"total_act": 5, "total_act_ret": 6}}}"#,
                ),
                (
                    2,
                    2,
                    false,
                    r#"{"params": {"ts": 2, "em:0": {"total_act_power": 7}}}"#,
                ),
            ],
        );
        assert_eq!(partial.sample.get(Quantity::Import), &Measured::Value(5));
        assert_eq!(partial.sample.get(Quantity::Power), &Measured::Value(7));
    }

    #[test]
    fn a_reading_is_as_old_as_its_oldest_settlement_value() {
        let phases = |third: i64| {
            let mut messages = Vec::new();
            for topic in 0..6 {
                let received_ms = if topic == 2 { third } else { 100 };
                messages.push((topic, received_ms, false, "1.0"));
            }
            messages.push((6, 200, false, "230.5"));
            heard("shelly-3em", &messages)
        };
        assert_eq!(phases(100).received_ms, 100);
        assert_eq!(phases(7).received_ms, 7);
    }

    #[test]
    fn what_the_broker_kept_is_no_sign_of_life() {
        let message = r#"{"energy": 1.5, "power": 2}"#;
        assert!(!heard("zigbee2mqtt-plug", &[(0, 1, true, message)]).live);
        assert!(
            heard(
                "zigbee2mqtt-plug",
                &[(0, 1, true, message), (0, 2, false, message)]
            )
            .live
        );
    }

    #[test]
    fn a_message_that_cannot_be_read_changes_nothing() {
        let profile = shipped::profile("zigbee2mqtt-plug").expect("shipped");
        let mut overlay = Overlay::default();
        let arrival = Arrival {
            topic: 0,
            received_ms: 1,
            retained: false,
        };
        overlay.take(&profile, arrival, br#"{"energy": 1.5}"#);
        overlay.take(&profile, arrival, b"\xff");
        assert!(overlay.error().is_some());
        let heard = overlay
            .heard(&profile)
            .expect("the right device")
            .expect("a message");
        assert_eq!(heard.sample.get(Quantity::Import), &Measured::Value(1_500));
        assert_eq!(super::Overlay::default().heard(&profile), Ok(None));
    }

    #[test]
    fn a_meter_says_who_it_is() {
        let message = r#"{"Time": "2026-06-15T11:00:00", "SML": {"Total_in": 1.5, "Total_out": 0.0, "Meter_Id": "0901454d48"}}"#;
        let heard = heard("tasmota-sml", &[(0, 1, false, message)]);
        assert_eq!(heard.sample.identity.serial(), Some("0901454d48"));
        assert_eq!(heard.time_ms, None, "local time is not taken for a time");
    }
}
