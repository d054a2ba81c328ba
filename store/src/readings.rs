//! Asking for readings. What comes back is decoded from the kept canonical bytes, so it is what the
//! gateway signed; the columns beside the bytes only find it.
//!
//! Times are grid milliseconds. Where two readings of a meter have the same time (a gateway that
//! started again at a boundary), the lower sequence is *the* reading at that time.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use energy_core::{
    GatewayId, Hash, IntervalLength, MeterId, Reading, RefusalReason, WattHours, Watts, ZoneId,
};

use crate::columns::{Big, Blob, MaybeBig};
use crate::meters::meters_of_zone;
use crate::schema::{reading_batches, readings, refused_readings};
use crate::{Result, Store, StoreError};

diesel::infix_operator!(Modulo, " % ", BigInt);

/// An accepted reading, and where it lies in its batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptReading {
    /// The reading.
    pub reading: Reading,
    /// Its hash and Merkle leaf.
    pub hash: Hash,
    /// The store's number of its batch, for [`Store::batch`].
    pub batch: i64,
    /// Its place in the batch, from 0.
    pub place: u32,
}

/// One reading of a batch, accepted or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchMember {
    /// Its place in the batch, from 0.
    pub place: u32,
    /// Its canonical bytes.
    pub bytes: Vec<u8>,
    /// Its hash and Merkle leaf.
    pub hash: Hash,
    /// Why it was refused, none when it was accepted.
    pub refused: Option<RefusalReason>,
}

/// A batch as it was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptBatch {
    /// Whose.
    pub gateway: GatewayId,
    /// Its sequence.
    pub sequence: u64,
    /// Its hash.
    pub hash: Hash,
    /// The hash of the batch before.
    pub previous: Hash,
    /// The signed header, a COSE_Sign1.
    pub signed: Vec<u8>,
    /// The zone document that the signature is bound to.
    pub zone_document: Hash,
    /// When it came, in grid ms.
    pub received_ms: i64,
    /// All its readings, in place, for the Merkle tree.
    pub members: Vec<BatchMember>,
}

/// A point of a meter's curve, for charts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable)]
#[diesel(table_name = readings)]
pub struct LivePoint {
    /// When, in grid ms.
    pub time_ms: i64,
    /// Power, positive when taken from the grid.
    #[diesel(deserialize_as = MaybeBig<Watts>)]
    pub power: Option<Watts>,
    /// Import register.
    #[diesel(deserialize_as = MaybeBig<WattHours>)]
    pub import: Option<WattHours>,
    /// Export register.
    #[diesel(deserialize_as = MaybeBig<WattHours>)]
    pub export: Option<WattHours>,
    /// Generation register.
    #[diesel(deserialize_as = MaybeBig<WattHours>)]
    pub pv: Option<WattHours>,
    /// State of charge in ‰.
    #[diesel(deserialize_as = MaybeBig<u16>)]
    pub soc_permille: Option<u16>,
}

/// The columns that make a [`KeptReading`].
type Row = (Vec<u8>, Blob<Hash>, i64, Big<u32>);

const ROW: (
    readings::bytes,
    readings::hash,
    readings::batch,
    readings::place,
) = (
    readings::bytes,
    readings::hash,
    readings::batch,
    readings::place,
);

impl Store {
    /// The reading of a meter with this sequence.
    ///
    /// # Errors
    /// [`StoreError::Database`] or [`StoreError::Unreadable`], as of every question here.
    pub fn reading(&self, meter: &MeterId, sequence: u64) -> Result<Option<KeptReading>> {
        self.read(|c| {
            one(readings::table
                .find((Blob(*meter), Big(sequence)))
                .select(ROW)
                .first(c))
        })
    }

    /// The hash of what is kept under this meter and sequence, accepted or refused: what a verdict
    /// on another reading needs to know.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn known_hash(&self, meter: &MeterId, sequence: u64) -> Result<Option<Hash>> {
        self.read(|c| {
            let accepted: Option<Blob<Hash>> = readings::table
                .find((Blob(*meter), Big(sequence)))
                .select(readings::hash)
                .first(c)
                .optional()?;
            if accepted.is_some() {
                return Ok(accepted.map(Hash::from));
            }
            let refused: Option<Blob<Hash>> = refused_readings::table
                .filter(refused_readings::meter.eq(Blob(*meter)))
                .filter(refused_readings::sequence.eq(Big(sequence)))
                .order((refused_readings::batch, refused_readings::place))
                .select(refused_readings::hash)
                .first(c)
                .optional()?;
            Ok(refused.map(Hash::from))
        })
    }

    /// The reading of a meter at exactly this time, as at an interval boundary.
    ///
    /// # Errors
    /// As [`Store::reading`].
    pub fn reading_at(&self, meter: &MeterId, time_ms: i64) -> Result<Option<KeptReading>> {
        self.read(|c| reading_at(c, meter, time_ms))
    }

    /// The readings of many meters at exactly this time, in the order of the meters.
    ///
    /// # Errors
    /// As [`Store::reading`].
    pub fn readings_at(
        &self,
        meters: &[MeterId],
        time_ms: i64,
    ) -> Result<Vec<Option<KeptReading>>> {
        self.read(|c| {
            meters
                .iter()
                .map(|meter| reading_at(c, meter, time_ms))
                .collect()
        })
    }

    /// The nearest reading of a meter before a time.
    ///
    /// # Errors
    /// As [`Store::reading`].
    pub fn reading_before(&self, meter: &MeterId, time_ms: i64) -> Result<Option<KeptReading>> {
        self.read(|c| {
            let earlier = readings::table
                .filter(readings::meter.eq(Blob(*meter)))
                .filter(readings::time_ms.lt(time_ms));
            one(earlier
                .order((readings::time_ms.desc(), readings::sequence.desc()))
                .select(ROW)
                .first(c))
        })
    }

    /// The nearest reading of a meter after a time.
    ///
    /// # Errors
    /// As [`Store::reading`].
    pub fn reading_after(&self, meter: &MeterId, time_ms: i64) -> Result<Option<KeptReading>> {
        self.read(|c| {
            let later = readings::table
                .filter(readings::meter.eq(Blob(*meter)))
                .filter(readings::time_ms.gt(time_ms));
            one(later
                .order((readings::time_ms, readings::sequence))
                .select(ROW)
                .first(c))
        })
    }

    /// The reading of a meter with the nearest lower sequence.
    ///
    /// # Errors
    /// As [`Store::reading`].
    pub fn reading_before_sequence(
        &self,
        meter: &MeterId,
        sequence: u64,
    ) -> Result<Option<KeptReading>> {
        self.read(|c| {
            let lower = readings::table
                .filter(readings::meter.eq(Blob(*meter)))
                .filter(readings::sequence.lt(Big(sequence)));
            one(lower.order(readings::sequence.desc()).select(ROW).first(c))
        })
    }

    /// The reading of a meter with the nearest higher sequence.
    ///
    /// # Errors
    /// As [`Store::reading`].
    pub fn reading_after_sequence(
        &self,
        meter: &MeterId,
        sequence: u64,
    ) -> Result<Option<KeptReading>> {
        self.read(|c| {
            let higher = readings::table
                .filter(readings::meter.eq(Blob(*meter)))
                .filter(readings::sequence.gt(Big(sequence)));
            one(higher.order(readings::sequence).select(ROW).first(c))
        })
    }

    /// The newest reading of a meter.
    ///
    /// # Errors
    /// As [`Store::reading`].
    pub fn latest_reading(&self, meter: &MeterId) -> Result<Option<KeptReading>> {
        self.read(|c| latest(c, meter))
    }

    /// The newest reading of every meter of a zone that has one, by home and role: the live view.
    ///
    /// # Errors
    /// As [`Store::reading`].
    pub fn latest_readings(&self, zone: &ZoneId) -> Result<Vec<KeptReading>> {
        self.read(|c| {
            let mut newest = Vec::new();
            for meter in meters_of_zone(c, zone)? {
                newest.extend(latest(c, &meter.meter)?);
            }
            Ok(newest)
        })
    }

    /// All readings of a meter from one time to another, both inclusive, in order: the chain between
    /// two boundaries.
    ///
    /// # Errors
    /// As [`Store::reading`].
    pub fn readings_between(
        &self,
        meter: &MeterId,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Vec<KeptReading>> {
        self.read(|c| {
            let span = readings::table
                .filter(readings::meter.eq(Blob(*meter)))
                .filter(readings::time_ms.between(from_ms, to_ms))
                .order((readings::time_ms, readings::sequence));
            span.select(ROW)
                .load::<Row>(c)?
                .into_iter()
                .map(kept)
                .collect()
        })
    }

    /// The readings of a meter at the boundaries of its intervals, from one time to another, both
    /// inclusive, in order, one per boundary: what the audit recomputes energy from.
    ///
    /// # Errors
    /// As [`Store::reading`].
    pub fn boundary_readings(
        &self,
        meter: &MeterId,
        length: IntervalLength,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Vec<KeptReading>> {
        let raster_ms = i64::from(length.seconds()) * 1_000;
        type Timed = (i64, Vec<u8>, Blob<Hash>, i64, Big<u32>);
        let mut rows: Vec<Timed> = self.read(|c| {
            Ok(readings::table
                .filter(readings::meter.eq(Blob(*meter)))
                .filter(readings::time_ms.between(from_ms, to_ms))
                .filter(Modulo::new(readings::time_ms, raster_ms.into_sql::<BigInt>()).eq(0))
                .order((readings::time_ms, readings::sequence))
                .select((
                    readings::time_ms,
                    readings::bytes,
                    readings::hash,
                    readings::batch,
                    readings::place,
                ))
                .load(c)?)
        })?;
        rows.dedup_by_key(|row| row.0);
        rows.into_iter()
            .map(|(_, bytes, hash, batch, place)| kept((bytes, hash, batch, place)))
            .collect()
    }

    /// The curve of a meter from one time (inclusive) to another (exclusive), for charts.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn curve(&self, meter: &MeterId, from_ms: i64, to_ms: i64) -> Result<Vec<LivePoint>> {
        use readings::dsl;
        self.read(|c| {
            Ok(dsl::readings
                .filter(dsl::meter.eq(Blob(*meter)))
                .filter(dsl::time_ms.ge(from_ms))
                .filter(dsl::time_ms.lt(to_ms))
                .order((dsl::time_ms, dsl::sequence))
                .select((
                    dsl::time_ms,
                    dsl::power_w,
                    dsl::import_wh,
                    dsl::export_wh,
                    dsl::pv_wh,
                    dsl::soc_permille,
                ))
                .load(c)?)
        })
    }

    /// The batch with this number of the store, with all its readings.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] for no such batch, [`StoreError::Inconsistent`] when a reading of it
    /// is missing.
    pub fn batch(&self, batch: i64) -> Result<KeptBatch> {
        self.read(|c| whole_batch(c, batch))
    }
}

fn kept((bytes, hash, batch, place): Row) -> Result<KeptReading> {
    let reading = Reading::from_bytes(&bytes).map_err(|e| StoreError::Unreadable {
        what: "reading",
        key: hash.0.to_string(),
        problem: e.to_string(),
    })?;
    Ok(KeptReading {
        reading,
        hash: hash.0,
        batch,
        place: place.0,
    })
}

fn one(row: QueryResult<Row>) -> Result<Option<KeptReading>> {
    row.optional()?.map(kept).transpose()
}

fn reading_at(
    c: &mut SqliteConnection,
    meter: &MeterId,
    time_ms: i64,
) -> Result<Option<KeptReading>> {
    let then = readings::table
        .filter(readings::meter.eq(Blob(*meter)))
        .filter(readings::time_ms.eq(time_ms));
    one(then.order(readings::sequence).select(ROW).first(c))
}

fn latest(c: &mut SqliteConnection, meter: &MeterId) -> Result<Option<KeptReading>> {
    let all = readings::table.filter(readings::meter.eq(Blob(*meter)));
    one(all
        .order((readings::time_ms.desc(), readings::sequence.desc()))
        .select(ROW)
        .first(c))
}

fn whole_batch(c: &mut SqliteConnection, id: i64) -> Result<KeptBatch> {
    use reading_batches::dsl;
    type Header = (
        Blob<GatewayId>,
        Big<u64>,
        Blob<Hash>,
        Blob<Hash>,
        Vec<u8>,
        Blob<Hash>,
        i64,
    );
    let header: Option<Header> = dsl::reading_batches
        .find(id)
        .select((
            dsl::gateway,
            dsl::sequence,
            dsl::hash,
            dsl::previous,
            dsl::signed,
            dsl::zone_document,
            dsl::received_ms,
        ))
        .first(c)
        .optional()?;
    let (gateway, sequence, hash, previous, signed, zone_document, received_ms) = header
        .ok_or_else(|| StoreError::Unknown {
            what: "reading batch",
            key: id.to_string(),
        })?;
    Ok(KeptBatch {
        gateway: gateway.0,
        sequence: sequence.0,
        hash: hash.0,
        previous: previous.0,
        signed,
        zone_document: zone_document.0,
        received_ms,
        members: members(c, id)?,
    })
}

fn members(c: &mut SqliteConnection, batch: i64) -> Result<Vec<BatchMember>> {
    let accepted: Vec<(Big<u32>, Vec<u8>, Blob<Hash>)> = readings::table
        .filter(readings::batch.eq(batch))
        .select((readings::place, readings::bytes, readings::hash))
        .load(c)?;
    type Member = (Big<u32>, Vec<u8>, Blob<Hash>, MaybeBig<RefusalReason>);
    let refused: Vec<Member> = refused_readings::table
        .filter(refused_readings::batch.eq(batch))
        .select((
            refused_readings::place,
            refused_readings::bytes,
            refused_readings::hash,
            refused_readings::reason,
        ))
        .load(c)?;
    let accepted = accepted
        .into_iter()
        .map(|(place, bytes, hash)| (place, bytes, hash, MaybeBig(None)));
    let member = |(place, bytes, hash, refused): Member| BatchMember {
        place: place.0,
        bytes,
        hash: hash.0,
        refused: refused.0,
    };
    let mut members: Vec<BatchMember> = accepted.chain(refused).map(member).collect();
    members.sort_by_key(|member| member.place);
    let whole = members
        .iter()
        .map(|member| member.place)
        .eq((0_u32..).take(members.len()));
    if whole && !members.is_empty() {
        return Ok(members);
    }
    let problem = format!(
        "its readings are not all kept, only {} of them",
        members.len()
    );
    Err(StoreError::Inconsistent {
        what: "reading batch",
        key: batch.to_string(),
        problem,
    })
}
