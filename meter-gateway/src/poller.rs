//! One read of a device, step by step, and what to do when a step fails.
//!
//! The rules (fact sheet §1.6, §4.3): one request at a time; a connection that timed out, broke or
//! gave an answer to another question is dropped, and what is read on the next one is read twice; an
//! exception is the device's own word and leaves the connection usable. Nothing here waits: the edge
//! carries out [`Next`] and reports an [`Answer`].
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use energy_core::WattHours;

use crate::counter::CounterError;
use crate::decode::{Measured, Registers, Sample, ValueError, decode_registers};
use crate::json_path::{Found, JsonPath, NotJson};
use crate::number::{Exact, NumberError};
use crate::plan::{ReadRequest, fixed_plan, model_plan};
use crate::profile::{Place, Profile, Quantity, Transport};
use crate::sunspec::{Layout, Walk, WalkStep};

/// Why there is no reading of a device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// No connection.
    #[error("expected a connection to {endpoint}, got: {reason}")]
    Unreachable {
        /// Where.
        endpoint: String,
        /// What the system said.
        reason: String,
    },
    /// No answer in time; the connection was dropped.
    #[error("expected {request} within {timeout_ms} ms, got no answer")]
    Timeout {
        /// What was asked.
        request: ReadRequest,
        /// How long it could have taken.
        timeout_ms: u32,
    },
    /// The connection broke, or gave an answer to another question; it was dropped.
    #[error("expected {request}, got: {reason}")]
    Broken {
        /// What was asked.
        request: ReadRequest,
        /// What came instead.
        reason: String,
    },
    /// The device refused.
    #[error("expected {request}, the device answered with exception {code} ({})", exception_name(*code))]
    Exception {
        /// What was asked.
        request: ReadRequest,
        /// The Modbus exception code.
        code: u8,
    },
    /// No SunSpec device.
    #[error("expected the SunSpec marker at one of {bases:?}, found it nowhere")]
    NoMarker {
        /// Where it was looked for.
        bases: Vec<u16>,
    },
    /// None of the models with settlement registers.
    #[error("expected a SunSpec device with one of the models {wanted:?}, found {found:?}")]
    NoModel {
        /// What would have settled.
        wanted: Vec<u16>,
        /// What is there.
        found: Vec<u16>,
    },
    /// The models are no longer where they were.
    #[error("expected the header of SunSpec model {model} at {address}, got another one")]
    MapMoved {
        /// Which model.
        model: u16,
        /// Where it was.
        address: u16,
    },
    /// A message that cannot be read.
    #[error(transparent)]
    Message(#[from] NotJson),
    /// A message without a usable time.
    #[error("expected the device's time at `{path}`, got {got}")]
    MessageTime {
        /// Where.
        path: String,
        /// What stood there.
        got: String,
    },
    /// No message for too long.
    #[error("expected a message on `{topic}` {wanted}, got {got}")]
    Silent {
        /// Where.
        topic: String,
        /// Of when.
        wanted: String,
        /// The last one.
        got: String,
    },
    /// A settlement register that the device should have is not there.
    #[error("expected the register `{}`, the device says that it has none", .quantity.name())]
    RegisterAbsent {
        /// Which one.
        quantity: Quantity,
    },
    /// A settlement register cannot be what it says.
    #[error("`{}`: {source}", .quantity.name())]
    Value {
        /// Which one.
        quantity: Quantity,
        /// Why.
        source: ValueError,
    },
    /// A counter behaves as no counter does.
    #[error(transparent)]
    Counter(#[from] CounterError),
    /// Two reads in a row on a fresh connection do not agree.
    #[error("expected `{}` to stay or rise between two reads, got {first} and then {second}", .quantity.name())]
    NotConfirmed {
        /// Which register.
        quantity: Quantity,
        /// The first value.
        first: i64,
        /// The second one.
        second: i64,
    },
    /// The clock went on before the device had answered.
    #[error("expected an answer while the clock stood at {boundary_ms} ms, it came later")]
    TooLate {
        /// The boundary that was to be read.
        boundary_ms: i64,
    },
    /// Raw evidence of this device does not fit into a reading.
    #[error("expected settlement registers that fit into a reading: {reason}")]
    Evidence {
        /// Why they do not.
        reason: String,
    },
}

/// Names of the Modbus application protocol, V1.1b3, §7.
fn exception_name(code: u8) -> &'static str {
    match code {
        1 => "illegal function",
        2 => "illegal data address",
        3 => "illegal data value",
        4 => "device failure",
        5 => "acknowledge",
        6 => "device busy",
        8 => "memory parity error",
        10 => "gateway path unavailable",
        11 => "device behind the gateway does not answer",
        _ => "unknown",
    }
}

/// What the device said to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The registers, as many as asked for.
    Words(Vec<u16>),
    /// A Modbus exception.
    Exception(u8),
}

/// What a read of a device wants next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Ask this.
    Read(ReadRequest),
    /// All is read.
    Done(Box<Sample>),
    /// It cannot be read.
    Failed(DeviceError),
}

/// One read of a Modbus device.
#[derive(Debug, Clone)]
pub struct Poll {
    profile: Arc<Profile>,
    layout: Option<Layout>,
    walk: Walk,
    plan: Vec<ReadRequest>,
    at: usize,
    registers: Registers,
    failed: Option<DeviceError>,
}

impl Poll {
    /// A read of a device with this profile, of which the layout may be known from before.
    #[must_use]
    pub fn new(profile: Arc<Profile>, layout: Option<Layout>) -> Self {
        let bases = match profile.transport() {
            Transport::SunSpec { bases, .. } => bases.clone(),
            Transport::Modbus(_) | Transport::Mqtt(_) => Vec::new(),
        };
        let layout = if bases.is_empty() {
            Some(Layout::Fixed)
        } else {
            layout
        };
        let mut poll = Self {
            walk: Walk::new(&bases),
            plan: Vec::new(),
            at: 0,
            registers: Registers::new(),
            failed: None,
            profile,
            layout: None,
        };
        if let Some(layout) = layout {
            poll.settle_layout(layout);
        }
        poll
    }

    /// The layout, once it is known.
    #[must_use]
    pub fn layout(&self) -> Option<&Layout> {
        self.layout.as_ref()
    }

    /// What to do now.
    #[must_use]
    pub fn step(&mut self) -> Next {
        if let Some(error) = &self.failed {
            return Next::Failed(error.clone());
        }
        if self.layout.is_none() {
            match self.walk.step() {
                WalkStep::Read(request) => return Next::Read(request),
                WalkStep::NoMarker => {
                    return self.fail(DeviceError::NoMarker {
                        bases: self.bases(),
                    });
                }
                WalkStep::Found(layout) => self.settle_layout(layout),
            }
            if let Some(error) = &self.failed {
                return Next::Failed(error.clone());
            }
        }
        match (self.plan.get(self.at), &self.layout) {
            (Some(request), _) => Next::Read(*request),
            (None, Some(layout)) => Next::Done(Box::new(decode_registers(
                &self.profile,
                layout,
                &self.registers,
            ))),
            (None, None) => self.fail(DeviceError::NoMarker {
                bases: self.bases(),
            }),
        }
    }

    /// What came for the request that [`Self::step`] gave last.
    pub fn answer(&mut self, answer: Answer) {
        if self.layout.is_none() {
            let words = match answer {
                Answer::Words(words) => <[u16; 2]>::try_from(words).ok(),
                Answer::Exception(_) => None,
            };
            return self.walk.answer(words);
        }
        let Some(request) = self.plan.get(self.at).copied() else {
            return;
        };
        self.at = self.at.saturating_add(1);
        match answer {
            Answer::Words(words) => {
                if let Some(moved) = self.moved(&request, &words) {
                    self.failed = Some(moved);
                } else {
                    self.registers.add(request.function, request.address, words);
                }
            }
            Answer::Exception(_) if self.only_optional(&request) => {}
            Answer::Exception(code) => self.failed = Some(DeviceError::Exception { request, code }),
        }
    }

    fn fail(&mut self, error: DeviceError) -> Next {
        self.failed = Some(error.clone());
        Next::Failed(error)
    }

    fn bases(&self) -> Vec<u16> {
        match self.profile.transport() {
            Transport::SunSpec { bases, .. } => bases.clone(),
            Transport::Modbus(_) | Transport::Mqtt(_) => Vec::new(),
        }
    }

    fn settle_layout(&mut self, layout: Layout) {
        self.plan = match &layout {
            Layout::Fixed => fixed_plan(&self.profile),
            Layout::Models(_) => model_plan(&self.profile, &layout),
        };
        if let Layout::Models(models) = &layout {
            let settling = self
                .profile
                .points()
                .iter()
                .filter(|p| p.quantity.settles());
            let wanted: Vec<u16> = settling
                .filter_map(|p| match p.place {
                    Place::Model { model, .. } => Some(model),
                    Place::Register { .. } | Place::Path(_) => None,
                })
                .collect();
            if !models.iter().any(|model| wanted.contains(&model.id)) {
                let found = models.iter().map(|model| model.id).collect();
                self.failed = Some(DeviceError::NoModel { wanted, found });
                return;
            }
        }
        self.layout = Some(layout);
    }

    fn moved(&self, request: &ReadRequest, words: &[u16]) -> Option<DeviceError> {
        let models = self.layout.as_ref().map_or(&[][..], Layout::models);
        let model = models
            .iter()
            .find(|model| model.address == request.address)?;
        let same = words.first() == Some(&model.id) && words.get(1) == Some(&model.length);
        (!same).then_some(DeviceError::MapMoved {
            model: model.id,
            address: model.address,
        })
    }

    fn only_optional(&self, request: &ReadRequest) -> bool {
        let within = |address: u16| {
            address >= request.address && address.saturating_sub(request.address) < request.count
        };
        self.profile.points().iter().all(|point| match point.place {
            Place::Register {
                function, address, ..
            } => point.optional || function != request.function || !within(address),
            Place::Model { model, .. } => {
                let layout = self.layout.as_ref().and_then(|layout| layout.model(model));
                point.optional || layout.is_none_or(|model| model.address != request.address)
            }
            Place::Path(_) => true,
        })
    }
}

/// After how many ms a failed read is tried again on the spot, none to give up for this round.
///
/// `attempt` counts from 1. A device that failed the round before gets one try a round, so that a
/// dead one costs little.
#[must_use]
pub fn retry_after_ms(error: &DeviceError, attempt: u32, was_healthy: bool) -> Option<u32> {
    const ATTEMPTS_MAX: u32 = 3;
    const WAIT_MS_MAX: u32 = 500;
    let transient = matches!(
        error,
        DeviceError::Unreachable { .. }
            | DeviceError::Timeout { .. }
            | DeviceError::Broken { .. }
            | DeviceError::MapMoved { .. }
            | DeviceError::NotConfirmed { .. }
            | DeviceError::Exception { code: 5 | 6, .. }
    );
    let again = transient && was_healthy && attempt < ATTEMPTS_MAX;
    again.then(|| {
        20_u32
            .saturating_mul(5_u32.saturating_pow(attempt.saturating_sub(1)))
            .min(WAIT_MS_MAX)
    })
}

/// For how many ms a device that failed `rounds` times in a row is left alone between boundaries.
#[must_use]
pub fn rest_ms(rounds: u32) -> u64 {
    const REST_MS_MAX: u64 = 60_000;
    if rounds == 0 {
        0
    } else {
        500_u64
            .saturating_mul(2_u64.saturating_pow(rounds))
            .min(REST_MS_MAX)
    }
}

/// Whether a second read on a fresh connection bears out the first.
///
/// # Errors
/// [`DeviceError::NotConfirmed`] with the register that fell or jumped.
pub fn confirmed(profile: &Profile, first: &Sample, second: &Sample) -> Result<(), DeviceError> {
    // What the device can count in ten seconds, and two steps of its resolution.
    let energy = i64::from(profile.power_max_w())
        .checked_div(360)
        .unwrap_or(0);
    let step = i64::try_from(first.resolution.max(second.resolution).get()).unwrap_or(i64::MAX);
    let most = energy.saturating_add(step.saturating_mul(2));
    for quantity in Quantity::ALL.into_iter().filter(|q| q.is_counter()) {
        if let (Measured::Value(a), Measured::Value(b)) =
            (first.get(quantity), second.get(quantity))
            && !(0..=most).contains(&b.saturating_sub(*a))
        {
            return Err(DeviceError::NotConfirmed {
                quantity,
                first: *a,
                second: *b,
            });
        }
    }
    Ok(())
}

/// What a JSON device said in one message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// Number tokens by path.
    pub tokens: BTreeMap<String, String>,
    /// The device's own time in ms since 1970 UTC, where the profile names one.
    pub time_ms: Option<i64>,
}

/// Reads a message of a JSON device.
///
/// # Errors
/// [`DeviceError`] when it is not JSON, something else than a number stands where one should, or the
/// time is missing.
pub fn read_message(profile: &Profile, text: &str) -> Result<Message, DeviceError> {
    let mut message = Message::default();
    for point in profile.points() {
        let Place::Path(path) = &point.place else {
            continue;
        };
        match find(path, text)? {
            Found::Number(token) => {
                message.tokens.insert(path.clone(), token);
            }
            Found::Nothing => {}
            Found::Other(got) => {
                let source = ValueError::NotNumber {
                    path: path.clone(),
                    got,
                };
                return Err(DeviceError::Value {
                    quantity: point.quantity,
                    source,
                });
            }
        }
    }
    if let Some(manners) = profile.mqtt()
        && let Some(path) = &manners.time_path
    {
        let wrong = |got: String| DeviceError::MessageTime {
            path: path.clone(),
            got,
        };
        let time = match find(path, text)? {
            Found::Number(token) => Exact::decimal(&token)
                .and_then(|time| time.rounded(manners.time_scale))
                .map_err(|error: NumberError| wrong(format!("`{token}`: {error}")))?,
            Found::Nothing => return Err(wrong("nothing".to_owned())),
            Found::Other(got) => return Err(wrong(format!("`{got}`"))),
        };
        message.time_ms = Some(time);
    }
    Ok(message)
}

fn find(path: &str, text: &str) -> Result<Found, DeviceError> {
    // Loading the profile has checked that it is a path.
    JsonPath::parse(path)
        .map_or(Ok(Found::Nothing), |path| path.find(text))
        .map_err(DeviceError::from)
}

/// The settlement register that keeps a sample from being signed, if there is one.
///
/// # Errors
/// [`DeviceError::Value`] or [`DeviceError::RegisterAbsent`].
pub fn settles(profile: &Profile, sample: &Sample) -> Result<(), DeviceError> {
    let mut any = false;
    let discovered = matches!(profile.transport(), Transport::SunSpec { .. });
    for quantity in Quantity::ALL.into_iter().filter(|q| q.settles()) {
        // A SunSpec device need not have every model of the profile; what it has must say something.
        let needed = profile
            .points()
            .iter()
            .any(|p| p.quantity == quantity && !p.optional)
            && (!discovered || sample.values.contains_key(&quantity));
        match sample.get(quantity) {
            Measured::Error(source) => {
                return Err(DeviceError::Value {
                    quantity,
                    source: source.clone(),
                });
            }
            Measured::Absent if needed => return Err(DeviceError::RegisterAbsent { quantity }),
            Measured::Absent => {}
            Measured::Value(_) => any = true,
        }
    }
    if any {
        Ok(())
    } else {
        Err(DeviceError::RegisterAbsent {
            quantity: Quantity::Import,
        })
    }
}

/// A counter of a sample.
#[must_use]
pub fn counter(sample: &Sample, quantity: Quantity) -> Option<WattHours> {
    match sample.get(quantity) {
        Measured::Value(value) => u64::try_from(*value).ok().map(WattHours::new),
        Measured::Absent | Measured::Error(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shipped;

    #[test]
    fn an_exception_on_a_settlement_register_is_the_devices_error() {
        let mut poll = Poll::new(shipped::profile("eastron-sdm630").expect("shipped"), None);
        for _ in 0..10 {
            match poll.step() {
                Next::Read(request)
                    if request.address <= 0x48 && 0x48 < request.address + request.count =>
                {
                    poll.answer(Answer::Exception(4));
                }
                Next::Read(request) => poll.answer(Answer::Words(vec![0; request.count.into()])),
                Next::Failed(error) => {
                    assert!(
                        error.to_string().contains("exception 4 (device failure)"),
                        "{error}"
                    );
                    return;
                }
                Next::Done(sample) => panic!("{sample:?}"),
            }
        }
        panic!("the read does not end");
    }

    #[test]
    fn an_exception_on_optional_registers_leaves_the_others() {
        let mut poll = Poll::new(shipped::profile("eastron-sdm630").expect("shipped"), None);
        loop {
            match poll.step() {
                Next::Read(request) if request.address == 0 => poll.answer(Answer::Exception(2)),
                Next::Read(request) => poll.answer(Answer::Words(vec![0; request.count.into()])),
                Next::Done(sample) => {
                    assert_eq!(sample.get(Quantity::VoltageL1), &Measured::Absent);
                    assert_eq!(sample.get(Quantity::Import), &Measured::Value(0));
                    return;
                }
                Next::Failed(error) => panic!("{error}"),
            }
        }
    }

    #[test]
    fn a_moved_map_is_noticed_before_its_values_are_believed() {
        let profile = shipped::profile("sunspec").expect("shipped");
        let model = crate::sunspec::Model {
            id: 203,
            address: 40_070,
            length: 105,
        };
        let mut poll = Poll::new(profile, Some(Layout::Models(vec![model])));
        let Next::Read(request) = poll.step() else {
            panic!("a read")
        };
        let mut words = vec![1; request.count.into()];
        words[0] = 103;
        poll.answer(Answer::Words(words));
        assert_eq!(
            poll.step(),
            Next::Failed(DeviceError::MapMoved {
                model: 203,
                address: 40_070
            })
        );
    }

    #[test]
    fn only_what_may_pass_is_tried_again_and_only_so_often() {
        let request = ReadRequest {
            function: crate::profile::Function::Input,
            address: 0,
            count: 1,
        };
        let timeout = DeviceError::Timeout {
            request,
            timeout_ms: 10,
        };
        assert_eq!(retry_after_ms(&timeout, 1, true), Some(20));
        assert_eq!(retry_after_ms(&timeout, 2, true), Some(100));
        assert_eq!(retry_after_ms(&timeout, 3, true), None);
        assert_eq!(retry_after_ms(&timeout, 1, false), None);
        assert_eq!(
            retry_after_ms(&DeviceError::Exception { request, code: 2 }, 1, true),
            None
        );
        assert_eq!((rest_ms(0), rest_ms(1), rest_ms(99)), (0, 1_000, 60_000));
    }

    #[test]
    fn a_second_read_that_falls_or_jumps_is_not_believed() {
        let profile = shipped::profile("json-meter").expect("shipped");
        let sample = |import: &str| {
            let tokens = [("$.total_act", import), ("$.total_act_ret", "0")];
            let tokens = tokens
                .map(|(path, token)| (path.to_owned(), token.to_owned()))
                .into();
            crate::decode::decode_tokens(&profile, &tokens)
        };
        let check = |a, b| confirmed(&profile, &sample(a), &sample(b)).is_ok();
        assert!(check("1000", "1000"));
        assert!(check("1000", "1010"));
        assert!(!check("1000", "999"));
        assert!(!check("1000", "900000"));
    }
}
