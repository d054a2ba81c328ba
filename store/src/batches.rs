//! Taking in reading batches, many in one transaction.
//!
//! Invariants: a batch is kept once, by its hash. A reading is kept once, by (meter, sequence); a
//! different one under the same key is kept as evidence beside it and freezes that meter alone. A
//! batch is *complete* when every predecessor down to the start of its chain is kept; batches may
//! come in any order.

use diesel::dsl::exists;
use diesel::prelude::*;
use energy_core::{
    BatchHeader, GatewayId, Hash, MeterId, Reading, ReadingBatch, Refusal, RefusalReason,
};

use crate::columns::{Big, Blob, MaybeBig, coded};
use crate::meters::freeze;
use crate::schema::{equivocations, reading_batches, readings, refused_readings};
use crate::{Result, Store, StoreError, Written};

coded!(RefusalReason, "a reason for a refusal":
    UnknownMeter = 0, NotThisGateway = 1, Equivocation = 2, MeterFrozen = 3, RegisterFell = 4,
    FromTheFuture = 5, RegisterAbsent = 6, ImplausibleRate = 7);

/// A reading with the verdict on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedReading {
    /// The reading.
    pub reading: Reading,
    /// Why it is refused, none when it is accepted.
    pub refused: Option<RefusalReason>,
}

/// An authentic batch with a verdict on each of its readings, ready to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedBatch {
    header: BatchHeader,
    hash: Hash,
    signed: Vec<u8>,
    zone_document: Hash,
    received_ms: i64,
    readings: Vec<Prepared>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Prepared {
    judged: JudgedReading,
    hash: Hash,
    bytes: Vec<u8>,
}

impl AcceptedBatch {
    /// A batch whose signature was verified under `zone_document`, received at `received_ms` (grid
    /// time), with one verdict per reading: none, or why it is refused.
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`] for another number of verdicts than readings.
    pub fn new(
        batch: &ReadingBatch,
        zone_document: Hash,
        received_ms: i64,
        verdicts: &[Option<RefusalReason>],
    ) -> Result<Self> {
        let header = batch.header().clone();
        let hash = header.hash();
        if verdicts.len() != batch.readings().len() {
            return Err(StoreError::Inconsistent {
                what: "reading batch",
                key: hash.to_string(),
                problem: format!(
                    "expected {} verdicts, got {}",
                    batch.readings().len(),
                    verdicts.len()
                ),
            });
        }
        let prepared = |(reading, refused): (&Reading, &Option<RefusalReason>)| Prepared {
            hash: reading.hash(),
            bytes: reading.to_bytes(),
            judged: JudgedReading {
                reading: reading.clone(),
                refused: *refused,
            },
        };
        let readings = batch
            .readings()
            .iter()
            .zip(verdicts)
            .map(prepared)
            .collect();
        Ok(Self {
            header,
            hash,
            signed: batch.signed().to_vec(),
            zone_document,
            received_ms,
            readings,
        })
    }

    /// The signed header.
    #[must_use]
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The readings with their verdicts.
    pub fn readings(&self) -> impl Iterator<Item = &JudgedReading> {
        self.readings.iter().map(|prepared| &prepared.judged)
    }
}

/// The newest batch of a gateway up to which its chain is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainHead {
    /// Its sequence.
    pub sequence: u64,
    /// Its hash.
    pub hash: Hash,
}

/// What became of one batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchOutcome {
    /// Whether it was new.
    pub written: Written,
    /// Its refused readings, equivocations found on the way included.
    pub refused: Vec<Refusal>,
    /// How far the gateway's chain is complete, after all batches of the call. None while its first
    /// batch is missing.
    pub through: Option<ChainHead>,
}

impl Store {
    /// Keeps many batches in one transaction, and says for each what became of it. Batches that are
    /// kept already change nothing. When this returns, everything in it may be receipted.
    ///
    /// # Errors
    /// [`StoreError::Database`]: then none of them is kept.
    pub fn insert_batches(&self, batches: &[AcceptedBatch]) -> Result<Vec<BatchOutcome>> {
        self.write(|c| {
            let kept = batches
                .iter()
                .map(|batch| keep(c, batch))
                .collect::<Result<Vec<_>>>()?;
            let outcome = |(batch, (written, refused)): (&AcceptedBatch, _)| {
                Ok(BatchOutcome {
                    written,
                    refused,
                    through: complete_through(c, &batch.header.gateway)?,
                })
            };
            batches.iter().zip(kept).map(outcome).collect()
        })
    }

    /// The newest batch of a gateway up to which its chain is complete, none before its first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn complete_through(&self, gateway: &GatewayId) -> Result<Option<ChainHead>> {
        self.read(|c| complete_through(c, gateway))
    }

    /// Whether the batch with this hash is kept.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn has_batch(&self, hash: &Hash) -> Result<bool> {
        self.read(|c| {
            let found = reading_batches::table.filter(reading_batches::hash.eq(Blob(*hash)));
            Ok(diesel::select(exists(found)).get_result(c)?)
        })
    }
}

fn keep(c: &mut SqliteConnection, batch: &AcceptedBatch) -> Result<(Written, Vec<Refusal>)> {
    use reading_batches::dsl;
    let header = &batch.header;
    let id: Option<i64> = diesel::insert_into(dsl::reading_batches)
        .values((
            dsl::gateway.eq(Blob(header.gateway)),
            dsl::sequence.eq(Big(header.sequence)),
            dsl::hash.eq(Blob(batch.hash)),
            dsl::previous.eq(Blob(header.previous)),
            dsl::signed.eq(&batch.signed),
            dsl::zone_document.eq(Blob(batch.zone_document)),
            dsl::received_ms.eq(batch.received_ms),
            dsl::complete.eq(Big(follows_complete(c, header)?)),
        ))
        .on_conflict(dsl::hash)
        .do_nothing()
        .returning(dsl::id)
        .get_result(c)
        .optional()?;
    let Some(id) = id else {
        return Ok((Written::Already, refusals_of(c, &batch.hash)?));
    };
    let mut refused = Vec::new();
    for (place, prepared) in (0_u32..).zip(&batch.readings) {
        let reason = match prepared.judged.refused {
            Some(reason) => Some(reason),
            None => match keep_reading(c, id, place, prepared)? {
                Kept::Now => continue,
                Kept::Before => None,
                Kept::Otherwise(first) => {
                    note_equivocation(c, batch, prepared, &first)?;
                    Some(RefusalReason::Equivocation)
                }
            },
        };
        // The verdict may have come from somebody who saw the other reading before us.
        if prepared.judged.refused == Some(RefusalReason::Equivocation) {
            let accepted = kept_hash(c, prepared)?.filter(|first| *first != prepared.hash);
            let first = if accepted.is_some() {
                accepted
            } else {
                refused_otherwise(c, prepared)?
            };
            if let Some(first) = first {
                note_equivocation(c, batch, prepared, &first)?;
            }
        }
        keep_refused(c, id, place, prepared, reason)?;
        let (meter, sequence) = (
            prepared.judged.reading.meter,
            prepared.judged.reading.sequence,
        );
        refused.extend(reason.map(|reason| Refusal {
            meter,
            sequence,
            reason,
        }));
    }
    complete_successors(c, header, batch.hash)?;
    Ok((Written::New, refused))
}

/// What an insert found.
enum Kept {
    Now,
    Before,
    Otherwise(Hash),
}

fn keep_reading(
    c: &mut SqliteConnection,
    batch: i64,
    place: u32,
    prepared: &Prepared,
) -> Result<Kept> {
    use readings::dsl;
    let reading = &prepared.judged.reading;
    match kept_hash(c, prepared)? {
        Some(first) if first == prepared.hash => return Ok(Kept::Before),
        Some(first) => return Ok(Kept::Otherwise(first)),
        None => {}
    }
    if let Some(first) = refused_otherwise(c, prepared)? {
        return Ok(Kept::Otherwise(first));
    }
    diesel::insert_into(dsl::readings)
        .values((
            dsl::meter.eq(Blob(reading.meter)),
            dsl::sequence.eq(Big(reading.sequence)),
            dsl::time_ms.eq(Big(reading.time_ms)),
            dsl::import_wh.eq(MaybeBig(reading.import)),
            dsl::export_wh.eq(MaybeBig(reading.export)),
            dsl::pv_wh.eq(MaybeBig(reading.pv)),
            dsl::power_w.eq(MaybeBig(reading.power)),
            dsl::soc_permille.eq(MaybeBig(reading.soc_permille)),
            dsl::voltage_mv.eq(MaybeBig(reading.voltage_mv[0])),
            dsl::hash.eq(Blob(prepared.hash)),
            dsl::previous.eq(Blob(reading.previous)),
            dsl::batch.eq(batch),
            dsl::place.eq(Big(place)),
            dsl::bytes.eq(&prepared.bytes),
        ))
        .execute(c)?;
    Ok(Kept::Now)
}

fn kept_hash(c: &mut SqliteConnection, prepared: &Prepared) -> Result<Option<Hash>> {
    let reading = &prepared.judged.reading;
    let kept: Option<Blob<Hash>> = readings::table
        .find((Blob(reading.meter), Big(reading.sequence)))
        .select(readings::hash)
        .first(c)
        .optional()?;
    Ok(kept.map(Hash::from))
}

/// The hash of another reading with the same meter and sequence that was refused.
fn refused_otherwise(c: &mut SqliteConnection, prepared: &Prepared) -> Result<Option<Hash>> {
    use refused_readings::dsl;
    let reading = &prepared.judged.reading;
    let other: Option<Blob<Hash>> = dsl::refused_readings
        .filter(dsl::meter.eq(Blob(reading.meter)))
        .filter(dsl::sequence.eq(Big(reading.sequence)))
        .filter(dsl::hash.ne(Blob(prepared.hash)))
        .order((dsl::batch, dsl::place))
        .select(dsl::hash)
        .first(c)
        .optional()?;
    Ok(other.map(Hash::from))
}

fn keep_refused(
    c: &mut SqliteConnection,
    batch: i64,
    place: u32,
    prepared: &Prepared,
    reason: Option<RefusalReason>,
) -> Result<()> {
    use refused_readings::dsl;
    let reading = &prepared.judged.reading;
    diesel::insert_into(dsl::refused_readings)
        .values((
            dsl::batch.eq(batch),
            dsl::place.eq(Big(place)),
            dsl::meter.eq(Blob(reading.meter)),
            dsl::sequence.eq(Big(reading.sequence)),
            dsl::time_ms.eq(Big(reading.time_ms)),
            dsl::reason.eq(MaybeBig(reason)),
            dsl::hash.eq(Blob(prepared.hash)),
            dsl::bytes.eq(&prepared.bytes),
        ))
        .execute(c)?;
    Ok(())
}

fn note_equivocation(
    c: &mut SqliteConnection,
    batch: &AcceptedBatch,
    second: &Prepared,
    first: &Hash,
) -> Result<()> {
    use equivocations::dsl;
    let reading = &second.judged.reading;
    diesel::insert_into(dsl::equivocations)
        .values((
            dsl::meter.eq(Blob(reading.meter)),
            dsl::sequence.eq(Big(reading.sequence)),
            dsl::first_hash.eq(Blob(*first)),
            dsl::second_hash.eq(Blob(second.hash)),
            dsl::found_ms.eq(batch.received_ms),
        ))
        .on_conflict_do_nothing()
        .execute(c)?;
    freeze(c, &reading.meter, true)?;
    Ok(())
}

/// Whether a batch starts a chain, or its predecessor is complete.
fn follows_complete(c: &mut SqliteConnection, header: &BatchHeader) -> Result<bool> {
    use reading_batches::dsl;
    if header.previous == Hash::ZERO {
        return Ok(true);
    }
    let predecessor = dsl::reading_batches
        .filter(dsl::hash.eq(Blob(header.previous)))
        .filter(dsl::gateway.eq(Blob(header.gateway)))
        .filter(dsl::complete.eq(Big(true)));
    Ok(diesel::select(exists(predecessor)).get_result(c)?)
}

/// Batches that came before their predecessor are complete as soon as it is.
fn complete_successors(c: &mut SqliteConnection, header: &BatchHeader, hash: Hash) -> Result<()> {
    use reading_batches::dsl;
    if !follows_complete(c, header)? {
        return Ok(());
    }
    let mut open = vec![hash];
    while let Some(previous) = open.pop() {
        let waiting = dsl::reading_batches
            .filter(dsl::gateway.eq(Blob(header.gateway)))
            .filter(dsl::previous.eq(Blob(previous)))
            .filter(dsl::complete.eq(Big(false)));
        let found: Vec<(i64, Blob<Hash>)> = waiting.select((dsl::id, dsl::hash)).load(c)?;
        for (id, next) in found {
            diesel::update(dsl::reading_batches.find(id))
                .set(dsl::complete.eq(Big(true)))
                .execute(c)?;
            open.push(next.0);
        }
    }
    Ok(())
}

/// The newest complete batch of a gateway.
pub(crate) fn complete_through(
    c: &mut SqliteConnection,
    gateway: &GatewayId,
) -> Result<Option<ChainHead>> {
    use reading_batches::dsl;
    let head: Option<(Big<u64>, Blob<Hash>)> = dsl::reading_batches
        .filter(dsl::gateway.eq(Blob(*gateway)))
        .filter(dsl::complete.eq(Big(true)))
        .order(dsl::sequence.desc())
        .select((dsl::sequence, dsl::hash))
        .first(c)
        .optional()?;
    Ok(head.map(|(sequence, hash)| ChainHead {
        sequence: sequence.0,
        hash: hash.0,
    }))
}

fn refusals_of(c: &mut SqliteConnection, hash: &Hash) -> Result<Vec<Refusal>> {
    use refused_readings::dsl;
    let batch = reading_batches::table
        .filter(reading_batches::hash.eq(Blob(*hash)))
        .select(reading_batches::id);
    let rows: Vec<(Blob<MeterId>, Big<u64>, MaybeBig<RefusalReason>)> = dsl::refused_readings
        .filter(dsl::batch.eq_any(batch))
        .order(dsl::place)
        .select((dsl::meter, dsl::sequence, dsl::reason))
        .load(c)?;
    let refusal =
        |(meter, sequence, reason): (Blob<MeterId>, Big<u64>, MaybeBig<RefusalReason>)| {
            Some(Refusal {
                meter: meter.0,
                sequence: sequence.0,
                reason: reason.0?,
            })
        };
    Ok(rows.into_iter().filter_map(refusal).collect())
}
