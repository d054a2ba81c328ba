//! The steps of one read of a Modbus device: find its layout if it is not known, then ask what the
//! plan says, then who it is if that is not known, then decode.
//!
//! A header that is not where it was ends the read before a value is believed, so a moved map is never
//! decoded; so does a device that says that it is another one. A block of fixed registers that the
//! device refuses as such (exceptions 2 and 3) is asked in halves, down to single values, and what was
//! learned is kept. An exception on registers that are all optional leaves the others, and one to a
//! question about itself is no answer.

use std::sync::Arc;

use crate::decode::{Identity, Registers, Sample, decode_registers, identity_of};
use crate::plan::{ReadRequest, fixed_plan, identity_plan, merged, model_plan, term_spans};
use crate::profile::{Place, Point, Profile};
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

/// What is known of a device from an earlier read on the same connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Where it keeps its values.
    pub layout: Layout,
    /// Who it says it is. None asks again.
    pub identity: Option<Identity>,
    /// The blocks in which it lets its values be read, where some were refused.
    blocks: Option<Vec<ReadRequest>>,
}

impl Known {
    /// A device of which only the layout is known.
    #[must_use]
    pub const fn layout(layout: Layout) -> Self {
        Self {
            layout,
            identity: None,
            blocks: None,
        }
    }
}

/// One read of a Modbus device.
#[derive(Debug, Clone)]
pub struct Poll {
    profile: Arc<Profile>,
    layout: Option<Layout>,
    identity: Option<Identity>,
    walk: Walk,
    plan: Vec<ReadRequest>,
    /// From here on the plan asks who the device is.
    values: usize,
    blocks: Option<Vec<ReadRequest>>,
    at: usize,
    registers: Registers,
    failed: Option<DeviceError>,
}

impl Poll {
    /// A read of a device with this profile, of which something may be known from before.
    #[must_use]
    pub fn new(profile: Arc<Profile>, known: Option<Known>) -> Self {
        let bases = profile.sunspec_bases().to_vec();
        let (layout, identity, blocks) = match known {
            Some(known) => (Some(known.layout), known.identity, known.blocks),
            None => (None, None, None),
        };
        let layout = if bases.is_empty() {
            Some(Layout::Fixed)
        } else {
            layout
        };
        let mut poll = Self {
            walk: Walk::new(&bases),
            plan: Vec::new(),
            values: 0,
            at: 0,
            registers: Registers::new(),
            failed: None,
            profile,
            layout: None,
            identity,
            blocks,
        };
        if let Some(layout) = layout {
            poll.settle_layout(layout);
        }
        poll
    }

    /// What the next read need not ask again, once this one is done.
    #[must_use]
    pub fn known(&self) -> Option<Known> {
        Some(Known {
            layout: self.layout.clone()?,
            identity: self.identity.clone(),
            blocks: self.blocks.clone(),
        })
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
                WalkStep::NoMarker => return self.fail(self.no_marker()),
                WalkStep::Found(layout) => self.settle_layout(layout),
            }
            if let Some(error) = &self.failed {
                return Next::Failed(error.clone());
            }
        }
        match (self.plan.get(self.at), self.layout.clone()) {
            (Some(request), _) => Next::Read(*request),
            (None, Some(layout)) => self.decoded(&layout),
            (None, None) => self.fail(self.no_marker()),
        }
    }

    /// What came for the request that [`Self::step`] gave last.
    pub fn answer(&mut self, answer: Answer) {
        if self.layout.is_none() {
            return self.walked(answer);
        }
        let Some(request) = self.plan.get(self.at).copied() else {
            return;
        };
        let about_itself = self.at >= self.values;
        if let Answer::Exception(2 | 3) = answer
            && !about_itself
            && let Some(halves) = self.halves(&request)
        {
            return self.ask_in(halves);
        }
        self.at = self.at.saturating_add(1);
        match answer {
            Answer::Words(words) => match self.moved(&request, &words) {
                Some(moved) if !about_itself => self.failed = Some(moved),
                _ => self.registers.add(request, words),
            },
            Answer::Exception(_) if about_itself || self.only_optional(&request) => {}
            Answer::Exception(code) => self.failed = Some(DeviceError::Exception { request, code }),
        }
    }

    /// A device without the marker, or at the end of its models, refuses the address. One that is busy
    /// or broken may have more models than it showed.
    fn walked(&mut self, answer: Answer) {
        match (answer, self.walk.step()) {
            (Answer::Words(words), _) => self.walk.answer(<[u16; 2]>::try_from(words).ok()),
            (Answer::Exception(code), WalkStep::Read(request))
                if self.walk.has_begun() && !matches!(code, 1..=3) =>
            {
                self.failed = Some(DeviceError::Exception { request, code });
            }
            (Answer::Exception(_), _) => self.walk.answer(None),
        }
    }

    fn decoded(&mut self, layout: &Layout) -> Next {
        let mut sample = decode_registers(&self.profile, layout, &self.registers);
        sample.identity = match &self.identity {
            Some(identity) => identity.clone(),
            None => identity_of(&self.profile, layout, &self.registers),
        };
        if let Some(error) = wrong_device(&self.profile, &sample.identity) {
            return self.fail(error);
        }
        self.identity = Some(sample.identity.clone());
        Next::Done(Box::new(sample))
    }

    fn fail(&mut self, error: DeviceError) -> Next {
        self.failed = Some(error.clone());
        Next::Failed(error)
    }

    fn no_marker(&self) -> DeviceError {
        let bases = self.profile.sunspec_bases().to_vec();
        DeviceError::NoMarker { bases }
    }

    fn settle_layout(&mut self, layout: Layout) {
        self.plan = match (&layout, self.blocks.take()) {
            (_, Some(learned)) => learned,
            (Layout::Fixed, None) => fixed_plan(&self.profile),
            (Layout::Models(_), None) => model_plan(&self.profile, &layout),
        };
        self.values = self.plan.len();
        if self.identity.is_none() {
            self.plan
                .extend(identity_plan(&self.profile, &layout, false));
        }
        if let Layout::Models(models) = &layout {
            let settling = self.profile.points().iter();
            let settling = settling.filter(|p| p.quantity.settles());
            let wanted: Vec<u16> = settling.filter_map(model_of).collect();
            if !models.iter().any(|model| wanted.contains(&model.id)) {
                let found = models.iter().map(|model| model.id).collect();
                self.failed = Some(DeviceError::NoModel { wanted, found });
                return;
            }
        }
        self.layout = Some(layout);
    }

    /// The two requests in place of one that the device refused; none where it is a single value, or a
    /// model, whose scale factors belong to its values.
    fn halves(&self, request: &ReadRequest) -> Option<[ReadRequest; 2]> {
        let points = self.profile.points().iter();
        let spans = points.flat_map(term_spans);
        let mut spans: Vec<ReadRequest> = spans.filter(|s| request.covers(s)).collect();
        spans.sort_unstable();
        spans.dedup();
        let (first, second) = spans.split_at_checked(spans.len().div_ceil(2))?;
        Some([one(first)?, one(second)?])
    }

    fn ask_in(&mut self, halves: [ReadRequest; 2]) {
        self.plan.splice(self.at..=self.at, halves);
        self.values = self.values.saturating_add(1);
        self.blocks = self.plan.get(..self.values).map(<[_]>::to_vec);
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
        let layout = self.layout.as_ref();
        let is_read = |point: &Point| match &point.place {
            Place::Registers { .. } => {
                let spans = term_spans(point);
                spans.iter().any(|span| request.covers(span))
            }
            Place::Model { model, .. } => layout
                .and_then(|layout| layout.model(*model))
                .is_some_and(|model| model.address == request.address),
            Place::Message(_) => false,
        };
        let points = self.profile.points().iter();
        points.filter(|p| is_read(p)).all(|point| point.optional)
    }
}

fn model_of(point: &Point) -> Option<u16> {
    match &point.place {
        Place::Model { model, .. } => Some(*model),
        Place::Registers { .. } | Place::Message(_) => None,
    }
}

/// The one request for these spans.
fn one(spans: &[ReadRequest]) -> Option<ReadRequest> {
    merged(spans, u16::MAX, u16::MAX).first().copied()
}

/// Why a device that says this about itself is not read.
pub(crate) fn wrong_device(profile: &Profile, identity: &Identity) -> Option<DeviceError> {
    let refused = identity.refused()?;
    let mut checks = profile.identity().iter();
    let check = checks.find(|check| check.must && check.what == refused.what)?;
    Some(DeviceError::WrongDevice {
        what: refused.what.clone(),
        expected: check.expect.as_ref()?.to_string(),
        got: refused.got.clone()?,
    })
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

    /// Reads an SDM630 that answers at most `most` registers at once, and none of 0x0002 to 0x0005;
    /// gives the sample, what is known then, and how many requests it took.
    fn narrow(most: u16, known: Option<Known>) -> (Sample, Option<Known>, usize) {
        let profile = shipped::profile("eastron-sdm630").expect("shipped");
        let mut poll = Poll::new(profile, known);
        let mut asked = 0;
        loop {
            match poll.step() {
                Next::Read(request) if request.count > most => poll.answer(Answer::Exception(3)),
                Next::Read(request)
                    if request.address < 6 && request.address + request.count > 2 =>
                {
                    poll.answer(Answer::Exception(2));
                }
                Next::Read(request) => poll.answer(Answer::Words(vec![0; request.count.into()])),
                Next::Done(sample) => return (*sample, poll.known(), asked),
                Next::Failed(error) => panic!("{error}"),
            }
            asked += 1;
        }
    }

    #[test]
    fn a_block_that_a_device_refuses_is_asked_in_halves_and_that_is_remembered() {
        let (sample, known, first) = narrow(2, None);
        assert_eq!(sample.get(Quantity::Import), &Measured::Value(0));
        assert_eq!(sample.get(Quantity::Export), &Measured::Value(0));
        assert_eq!(sample.get(Quantity::VoltageL1), &Measured::Value(0));
        assert_eq!(sample.get(Quantity::VoltageL2), &Measured::Absent);
        let registers = crate::settlement_registers(
            &shipped::profile("eastron-sdm630").expect("shipped"),
            &sample.evidence,
        );
        let zero = Some(energy_core::WattHours::new(0));
        assert_eq!(registers, Ok((zero, zero, None)));
        let (again, _, second) = narrow(2, known);
        assert_eq!(again, sample);
        assert_eq!((first, second), (11, 7));
    }

    /// An EM24 whose application register says this; `asked` counts the questions about itself.
    fn em24(application: Answer, known: Option<Known>) -> (Next, Option<Known>, usize) {
        let profile = shipped::profile("carlo-gavazzi-em24-e1").expect("shipped");
        let mut poll = Poll::new(profile, known);
        let mut asked = 0;
        loop {
            match poll.step() {
                Next::Read(request) if request.address == 0xa000 => {
                    asked += 1;
                    poll.answer(application.clone());
                }
                Next::Read(request) if request.address == 0x5000 => {
                    asked += 1;
                    let mut words = vec![0; 7];
                    words[0] = 0x4b42;
                    poll.answer(Answer::Words(words));
                }
                Next::Read(request) => poll.answer(Answer::Words(vec![0; request.count.into()])),
                done => return (done, poll.known(), asked),
            }
        }
    }

    #[test]
    fn a_device_that_is_set_up_in_another_way_is_not_read() {
        let (next, ..) = em24(Answer::Words(vec![3]), None);
        let error = DeviceError::WrongDevice {
            what: "application".to_owned(),
            expected: "7".to_owned(),
            got: "3".to_owned(),
        };
        assert_eq!(next, Next::Failed(error));
    }

    #[test]
    fn who_a_device_is_is_asked_once_and_a_refusal_is_no_answer() {
        let (next, known, asked) = em24(Answer::Exception(2), None);
        let Next::Done(sample) = next else {
            panic!("{next:?}")
        };
        assert_eq!((sample.identity.serial(), asked), (Some("KB"), 2));
        let (next, _, asked) = em24(Answer::Words(vec![7]), known);
        let Next::Done(sample) = next else {
            panic!("{next:?}")
        };
        assert_eq!((sample.identity.serial(), asked), (Some("KB"), 0));
    }

    #[test]
    fn a_device_that_is_busy_in_the_middle_of_its_models_is_not_taken_for_whole() {
        let mut poll = Poll::new(shipped::profile("sunspec").expect("shipped"), None);
        let answers = [
            Answer::Words(vec![0x5375, 0x6e53]),
            Answer::Words(vec![103, 50]),
            Answer::Exception(6),
        ];
        for answer in answers {
            assert!(matches!(poll.step(), Next::Read(_)));
            poll.answer(answer);
        }
        let failed = poll.step();
        assert!(
            matches!(failed, Next::Failed(DeviceError::Exception { code: 6, .. })),
            "{failed:?}"
        );
    }

    #[test]
    fn a_moved_map_is_noticed_before_its_values_are_believed() {
        let profile = shipped::profile("sunspec").expect("shipped");
        let model = crate::sunspec::Model {
            id: 203,
            address: 40_070,
            length: 105,
        };
        let known = Known::layout(Layout::Models(vec![model]));
        let mut poll = Poll::new(profile, Some(known));
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
