//! Whether an authentic reading is accepted, and up to where a gateway's batches are complete.
//!
//! Both are pure: the caller brings what is known and carries out the verdict. Readings may come in
//! any order, so a reading is compared with its accepted neighbours in time on both sides. A refused
//! reading is kept all the same, with its reason, and stops nobody else.

use std::collections::BTreeMap;

use energy_core::{GatewayId, Hash, HomeId, MeterId, Quality, Reading, RefusalReason, WattHours};
use serde::{Deserialize, Serialize};

/// The most batches that wait for a predecessor; a gateway sends what was not receipted again.
const WAITING_MAX: usize = 4_096;
const MS_PER_HOUR: u128 = 3_600_000;

/// What a meter is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeterRole {
    /// Between home and grid: the one that settles. Import and export must be present.
    ConnectionPoint,
    /// Counts what the roof generates. Its generation must be present.
    Generation,
    /// Counts what goes into and out of the battery. Informs only.
    Storage,
}

/// What the registry says about a meter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// Which meter.
    pub meter: MeterId,
    /// Which gateway may sign for it.
    pub gateway: GatewayId,
    /// At which home.
    pub home: HomeId,
    /// What for.
    pub role: MeterRole,
    /// The most power, in W, that its connection carries in either direction.
    pub power_w_max: u32,
}

/// An accepted reading next to the one to be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neighbour {
    /// When, in ms UTC.
    pub time_ms: u64,
    /// Bound of the clock's error in ms.
    pub clock_error_ms: u32,
    /// Import register.
    pub import: Option<WattHours>,
    /// Export register.
    pub export: Option<WattHours>,
    /// Generation register.
    pub generation: Option<WattHours>,
    /// The step of the coarsest of them.
    pub resolution: WattHours,
    /// How it came to be.
    pub quality: Quality,
}

impl From<&Reading> for Neighbour {
    fn from(reading: &Reading) -> Self {
        Self {
            time_ms: reading.time_ms,
            clock_error_ms: reading.clock_error_ms,
            import: reading.import,
            export: reading.export,
            generation: reading.generation(),
            resolution: reading.resolution,
            quality: reading.quality,
        }
    }
}

/// What is known when a reading comes.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The meter's registration.
    pub registration: Option<&'a Registration>,
    /// Whether the meter is frozen after an equivocation.
    pub is_frozen: bool,
    /// The hash of the reading kept under the same meter and sequence, accepted or refused.
    pub same_sequence: Option<Hash>,
    /// The nearest accepted reading before it in time.
    pub before: Option<&'a Neighbour>,
    /// The nearest accepted reading after it in time.
    pub after: Option<&'a Neighbour>,
    /// The node's clock, in ms UTC of grid time.
    pub now_ms: u64,
    /// How far ahead of that clock a reading may be, errors of both clocks included, in ms.
    pub lead_ms_max: u64,
}

/// What becomes of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It counts.
    Accepted,
    /// The same reading is kept already: nothing to do.
    Duplicate,
    /// It is kept with the reason and does not count. On
    /// [`Equivocation`](RefusalReason::Equivocation) the caller freezes the meter as well.
    Refused(RefusalReason),
}

/// The verdict on an authentic reading that `gateway` signed.
#[must_use]
pub fn verdict(gateway: GatewayId, reading: &Reading, known: &Known<'_>) -> Verdict {
    let Some(registration) = known.registration else {
        return Verdict::Refused(RefusalReason::UnknownMeter);
    };
    if registration.gateway != gateway {
        return Verdict::Refused(RefusalReason::NotThisGateway);
    }
    match known.same_sequence {
        Some(hash) if hash == reading.hash() => return Verdict::Duplicate,
        Some(_) => return Verdict::Refused(RefusalReason::Equivocation),
        None => {}
    }
    match objection(reading, registration, known) {
        Some(reason) => Verdict::Refused(reason),
        None => Verdict::Accepted,
    }
}

fn objection(
    reading: &Reading,
    registration: &Registration,
    known: &Known<'_>,
) -> Option<RefusalReason> {
    let is_absent = match registration.role {
        MeterRole::ConnectionPoint => reading.import.is_none() || reading.export.is_none(),
        MeterRole::Generation => reading.generation().is_none(),
        MeterRole::Storage => false,
    };
    if known.is_frozen {
        return Some(RefusalReason::MeterFrozen);
    }
    if is_absent {
        return Some(RefusalReason::RegisterAbsent);
    }
    if reading.time_ms > known.now_ms.saturating_add(known.lead_ms_max) {
        return Some(RefusalReason::FromTheFuture);
    }
    let this = Neighbour::from(reading);
    let power_w_max = registration.power_w_max;
    known
        .before
        .and_then(|before| step_objection(before, &this, power_w_max))
        .or_else(|| {
            known
                .after
                .and_then(|after| step_objection(&this, after, power_w_max))
        })
}

/// What speaks against two readings following each other.
fn step_objection(
    earlier: &Neighbour,
    later: &Neighbour,
    power_w_max: u32,
) -> Option<RefusalReason> {
    let set_anew = [Quality::ROLLOVER, Quality::RESET, Quality::EXCHANGED];
    if set_anew.into_iter().any(|flag| later.quality.has(flag)) {
        return None;
    }
    let steps = [
        (earlier.import, later.import),
        (earlier.export, later.export),
        (earlier.generation, later.generation),
    ];
    let rises = steps
        .into_iter()
        .filter_map(|(a, b)| a.zip(b))
        .map(|(a, b)| b.less(a));
    let mut largest = WattHours::ZERO;
    for rise in rises {
        match rise {
            Ok(rise) => largest = largest.max(rise),
            Err(_) => return Some(RefusalReason::RegisterFell),
        }
    }
    (u128::from(largest.get()) > energy_max(earlier, later, power_w_max))
        .then_some(RefusalReason::ImplausibleRate)
}

/// The most energy in Wh between two readings: full power for the time between, as far as the clocks
/// can tell, and a register step at each end.
fn energy_max(earlier: &Neighbour, later: &Neighbour, power_w_max: u32) -> u128 {
    let between_ms = later.time_ms.saturating_sub(earlier.time_ms);
    let errors_ms = u64::from(earlier.clock_error_ms).saturating_add(later.clock_error_ms.into());
    let carried = u128::from(between_ms.saturating_add(errors_ms))
        .saturating_mul(power_w_max.into())
        .div_ceil(MS_PER_HOUR);
    // A register that shows whole Wh has a step of at least one.
    let steps = u128::from(earlier.resolution.get().max(1))
        .saturating_add(later.resolution.get().max(1).into());
    carried.saturating_add(steps)
}

/// What a batch did to its gateway's chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// The chain is complete up to a newer batch now.
    Advanced,
    /// Its predecessor is not here yet. No error.
    Waiting,
    /// At or before the newest complete batch: here already.
    Old,
    /// Another batch with the same predecessor is here: a restored disk. Flagged, not punished.
    Fork,
    /// Too many wait; the gateway will send it again.
    TooManyWaiting,
}

/// Up to which batch a gateway's chain of predecessors is complete and kept: what a receipt says.
///
/// A batch that names no predecessor (zero) starts a chain: the gateway's declaration that there is
/// nothing before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchChain {
    through_sequence: u64,
    through_hash: Hash,
    /// By the hash of the predecessor that is missing.
    waiting: BTreeMap<Hash, (u64, Hash)>,
}

impl BatchChain {
    /// A chain of which nothing is here.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A chain that is complete up to this batch.
    #[must_use]
    pub fn at(through_sequence: u64, through_hash: Hash) -> Self {
        Self {
            through_sequence,
            through_hash,
            waiting: BTreeMap::new(),
        }
    }

    /// The newest batch up to which all are here, 0 for none.
    #[must_use]
    pub fn through_sequence(&self) -> u64 {
        self.through_sequence
    }

    /// Its hash, zero for none.
    #[must_use]
    pub fn through_hash(&self) -> Hash {
        self.through_hash
    }

    /// How many wait for a predecessor.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Takes note of an authentic batch that is kept.
    pub fn arrive(&mut self, sequence: u64, hash: Hash, previous: Hash) -> Arrival {
        let nothing_here = self.through_hash == Hash::ZERO;
        if !nothing_here && sequence <= self.through_sequence {
            return Arrival::Old;
        }
        if previous != Hash::ZERO && previous != self.through_hash {
            return self.wait(sequence, hash, previous);
        }
        self.advance(sequence, hash);
        while let Some((sequence, hash)) = self.waiting.remove(&self.through_hash) {
            self.advance(sequence, hash);
        }
        // What waited for a batch that the chain has passed waits no more.
        self.waiting
            .retain(|_, (sequence, _)| *sequence > self.through_sequence);
        Arrival::Advanced
    }

    fn advance(&mut self, sequence: u64, hash: Hash) {
        self.through_sequence = sequence;
        self.through_hash = hash;
    }

    fn wait(&mut self, sequence: u64, hash: Hash, previous: Hash) -> Arrival {
        match self.waiting.get(&previous) {
            Some((_, other)) if *other != hash => Arrival::Fork,
            None if self.waiting.len() >= WAITING_MAX => Arrival::TooManyWaiting,
            _ => {
                self.waiting.insert(previous, (sequence, hash));
                Arrival::Waiting
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use energy_core::{ClockState, RawEvidence, keccak};
    use proptest::prelude::*;

    use super::*;

    const GATEWAY: GatewayId = GatewayId::new([1; 16]);

    fn registration(role: MeterRole) -> Registration {
        Registration {
            meter: MeterId::new([2; 16]),
            gateway: GATEWAY,
            home: HomeId::new(1),
            role,
            power_w_max: 10_000,
        }
    }

    fn reading(time_ms: u64, import: u64, export: u64) -> Reading {
        Reading {
            version: Reading::VERSION,
            meter: MeterId::new([2; 16]),
            sequence: time_ms,
            time_ms,
            clock: ClockState::Stepped,
            clock_error_ms: 0,
            import: Some(WattHours::new(import)),
            export: Some(WattHours::new(export)),
            pv: None,
            charge: None,
            discharge: None,
            power: None,
            voltage_mv: [None; 3],
            frequency_mhz: None,
            soc_permille: None,
            quality: Quality::GOOD,
            resolution: WattHours::new(1),
            profile: [0; 8],
            raw: RawEvidence::Digest(Hash::ZERO),
            previous: Hash::ZERO,
        }
    }

    fn known<'a>(
        registration: &'a Registration,
        before: Option<&'a Neighbour>,
        after: Option<&'a Neighbour>,
    ) -> Known<'a> {
        Known {
            registration: Some(registration),
            is_frozen: false,
            same_sequence: None,
            before,
            after,
            now_ms: 10_000_000,
            lead_ms_max: 2_000,
        }
    }

    #[track_caller]
    fn refused(reading: &Reading, known: &Known<'_>, reason: RefusalReason) {
        assert_eq!(verdict(GATEWAY, reading, known), Verdict::Refused(reason));
    }

    #[test]
    fn a_reading_between_its_neighbours_is_accepted() {
        let registration = registration(MeterRole::ConnectionPoint);
        let (before, after) = (
            Neighbour::from(&reading(0, 100, 10)),
            Neighbour::from(&reading(1_800_000, 300, 20)),
        );
        let known = known(&registration, Some(&before), Some(&after));
        assert_eq!(
            verdict(GATEWAY, &reading(900_000, 200, 15), &known),
            Verdict::Accepted
        );
        refused(
            &reading(900_000, 99, 15),
            &known,
            RefusalReason::RegisterFell,
        );
        refused(
            &reading(900_000, 200, 21),
            &known,
            RefusalReason::RegisterFell,
        );
    }

    #[test]
    fn more_than_the_connection_carries_is_refused() {
        let registration = registration(MeterRole::ConnectionPoint);
        let before = Neighbour::from(&reading(0, 0, 0));
        let known = known(&registration, Some(&before), None);
        // 10 kW for a quarter of an hour are 2 500 Wh, and a step at each end.
        assert_eq!(
            verdict(GATEWAY, &reading(900_000, 2_502, 0), &known),
            Verdict::Accepted
        );
        refused(
            &reading(900_000, 2_503, 0),
            &known,
            RefusalReason::ImplausibleRate,
        );
        let mut reset = reading(900_000, 2_503, 0);
        reset.quality = Quality::RESET;
        assert_eq!(verdict(GATEWAY, &reset, &known), Verdict::Accepted);
    }

    #[test]
    fn each_reason_is_named() {
        let registration = registration(MeterRole::ConnectionPoint);
        let known = known(&registration, None, None);
        let good = reading(0, 1, 1);
        refused(
            &good,
            &Known {
                registration: None,
                ..known
            },
            RefusalReason::UnknownMeter,
        );
        assert_eq!(
            verdict(GatewayId::new([9; 16]), &good, &known),
            Verdict::Refused(RefusalReason::NotThisGateway)
        );
        let same = Known {
            same_sequence: Some(good.hash()),
            is_frozen: true,
            ..known
        };
        assert_eq!(verdict(GATEWAY, &good, &same), Verdict::Duplicate);
        refused(&reading(0, 2, 1), &same, RefusalReason::Equivocation);
        refused(
            &good,
            &Known {
                is_frozen: true,
                ..known
            },
            RefusalReason::MeterFrozen,
        );
        refused(
            &reading(10_002_001, 1, 1),
            &known,
            RefusalReason::FromTheFuture,
        );
        let mut absent = reading(0, 1, 1);
        absent.export = None;
        refused(&absent, &known, RefusalReason::RegisterAbsent);
    }

    fn batch(n: u64) -> (u64, Hash, Hash) {
        let hash = |n: u64| {
            if n == 0 {
                Hash::ZERO
            } else {
                keccak(&[&n.to_be_bytes()])
            }
        };
        (n, hash(n), hash(n - 1))
    }

    #[test]
    fn a_restart_without_a_predecessor_starts_a_chain() {
        let mut chain = BatchChain::new();
        let (sequence, hash, previous) = batch(1);
        assert_eq!(chain.arrive(sequence, hash, previous), Arrival::Advanced);
        assert_eq!(
            chain.arrive(50, Hash::new([5; 32]), Hash::ZERO),
            Arrival::Advanced
        );
        assert_eq!(chain.through_sequence(), 50);
        assert_eq!(chain.arrive(1, hash, previous), Arrival::Old);
        assert_eq!(
            chain.arrive(52, Hash::new([7; 32]), Hash::new([6; 32])),
            Arrival::Waiting
        );
        assert_eq!(
            chain.arrive(52, Hash::new([8; 32]), Hash::new([6; 32])),
            Arrival::Fork
        );
    }

    proptest! {
        #[test]
        fn any_order_of_arrival_ends_complete(order in Just((1_u64..30).collect::<Vec<_>>()).prop_shuffle()) {
            let mut chain = BatchChain::new();
            for n in order {
                let (sequence, hash, previous) = batch(n);
                chain.arrive(sequence, hash, previous);
            }
            prop_assert_eq!(chain.through_sequence(), 29);
            prop_assert_eq!(chain.waiting(), 0);
        }
    }
}
