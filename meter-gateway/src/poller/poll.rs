//! The steps of one read of a Modbus device: find its layout if it is not known, then ask what the
//! plan says, then decode.
//!
//! A header that is not where it was ends the read before a value is believed, so a moved map is never
//! decoded. An exception on registers that are all optional leaves the others.

use std::sync::Arc;

use crate::decode::{Registers, Sample, decode_registers};
use crate::plan::{ReadRequest, fixed_plan, model_plan};
use crate::profile::{Place, Profile, Transport};
use crate::sunspec::{Layout, Walk, WalkStep};

use super::DeviceError;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Measured;
    use crate::profile::Quantity;
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
}
