//! What went wrong on the way in, and how ingest is doing: refusals, equivocations, messages that
//! were not authentic, and the health of meters and gateways.
//!
//! Unauthentic messages are bounded, since anybody can send them: the oldest make room.

use diesel::dsl::{count_star, max};
use diesel::prelude::*;
use energy_core::{GatewayId, Hash, MeterId, Refusal, RefusalReason, ZoneId, keccak};

use crate::batches::complete_through;
use crate::columns::{Big, Blob, MaybeBig};
use crate::meters::meters_of_zone;
use crate::schema::{
    equivocations, gateways, reading_batches, readings, refused_readings, rejected_messages,
};
use crate::{ChainHead, Result, Store, Written};

/// How many unauthentic messages are kept.
const REJECTED_MAX: i64 = 1_000;

/// Two different readings for one (meter, sequence).
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Equivocation {
    /// Whose.
    #[diesel(deserialize_as = Blob<MeterId>)]
    pub meter: MeterId,
    /// Which sequence.
    #[diesel(deserialize_as = Big<u64>)]
    pub sequence: u64,
    /// The reading that was there first.
    #[diesel(deserialize_as = Blob<Hash>)]
    pub first_hash: Hash,
    /// The one that came later, among the refused readings.
    #[diesel(deserialize_as = Blob<Hash>)]
    pub second_hash: Hash,
    /// When it was found, in grid ms.
    pub found_ms: i64,
}

/// A message that was not authentic.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct RejectedMessage {
    /// When it came, in grid ms.
    pub received_ms: i64,
    /// Where it came in: a topic or an address.
    pub source: String,
    /// What was wrong with it.
    pub reason: String,
    /// The message.
    pub bytes: Vec<u8>,
}

/// How a meter is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterHealth {
    /// Which meter.
    pub meter: MeterId,
    /// The time of its newest reading, in grid ms.
    pub newest_ms: Option<i64>,
    /// How many of its readings were refused.
    pub refused: u64,
    /// Why the newest of them was.
    pub refused_last: Option<RefusalReason>,
    /// Whether it is frozen.
    pub frozen: bool,
}

/// How a gateway's batches are doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayHealth {
    /// Which gateway.
    pub gateway: GatewayId,
    /// How far its chain is complete.
    pub through: Option<ChainHead>,
    /// Batches that wait for a predecessor.
    pub waiting: u64,
    /// When its newest batch came, in grid ms.
    pub received_ms: Option<i64>,
}

/// How much is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IngestCounts {
    /// Reading batches.
    pub batches: u64,
    /// Accepted readings.
    pub readings: u64,
    /// Refused readings.
    pub refused: u64,
    /// Equivocations.
    pub equivocations: u64,
    /// Unauthentic messages that are still kept.
    pub rejected: u64,
}

impl Store {
    /// The refused readings of a gateway's batches from `sequence` on, for its receipt, oldest batch
    /// first, at most `limit`.
    ///
    /// # Errors
    /// [`crate::StoreError::Database`].
    pub fn refusals_since(
        &self,
        gateway: &GatewayId,
        sequence: u64,
        limit: u32,
    ) -> Result<Vec<Refusal>> {
        use refused_readings::dsl;
        let batches = reading_batches::table
            .filter(reading_batches::gateway.eq(Blob(*gateway)))
            .filter(reading_batches::sequence.ge(Big(sequence)))
            .select(reading_batches::id);
        let rows: Vec<(Blob<MeterId>, Big<u64>, Big<RefusalReason>)> = self.read(|c| {
            Ok(dsl::refused_readings
                .filter(dsl::batch.eq_any(batches))
                .filter(dsl::reason.is_not_null())
                .order((dsl::batch, dsl::place))
                .limit(i64::from(limit))
                .select((dsl::meter, dsl::sequence, dsl::reason.assume_not_null()))
                .load(c)?)
        })?;
        let refusal =
            |(meter, sequence, reason): (Blob<MeterId>, Big<u64>, Big<RefusalReason>)| Refusal {
                meter: meter.0,
                sequence: sequence.0,
                reason: reason.0,
            };
        Ok(rows.into_iter().map(refusal).collect())
    }

    /// All equivocations, newest first.
    ///
    /// # Errors
    /// [`crate::StoreError::Database`].
    pub fn equivocations(&self) -> Result<Vec<Equivocation>> {
        use equivocations::dsl;
        self.read(|c| {
            Ok(dsl::equivocations
                .order((dsl::found_ms.desc(), dsl::meter, dsl::sequence))
                .load(c)?)
        })
    }

    /// Keeps a message that was not authentic, with the reason. The same bytes are kept once.
    ///
    /// # Errors
    /// [`crate::StoreError::Database`].
    pub fn record_rejected(&self, message: &RejectedMessage) -> Result<Written> {
        use rejected_messages::dsl;
        let hash = keccak(&[&message.bytes]);
        self.write(|c| {
            let id: Option<i64> = diesel::insert_into(dsl::rejected_messages)
                .values((
                    dsl::hash.eq(Blob(hash)),
                    dsl::received_ms.eq(message.received_ms),
                    dsl::source.eq(&message.source),
                    dsl::reason.eq(&message.reason),
                    dsl::bytes.eq(&message.bytes),
                ))
                .on_conflict(dsl::hash)
                .do_nothing()
                .returning(dsl::id)
                .get_result(c)
                .optional()?;
            let Some(id) = id else {
                return Ok(Written::Already);
            };
            diesel::delete(
                dsl::rejected_messages.filter(dsl::id.le(id.saturating_sub(REJECTED_MAX))),
            )
            .execute(c)?;
            Ok(Written::New)
        })
    }

    /// The newest messages that were not authentic, newest first.
    ///
    /// # Errors
    /// [`crate::StoreError::Database`].
    pub fn rejected_messages(&self, limit: u32) -> Result<Vec<RejectedMessage>> {
        use rejected_messages::dsl;
        self.read(|c| {
            Ok(dsl::rejected_messages
                .order(dsl::id.desc())
                .limit(i64::from(limit))
                .select((dsl::received_ms, dsl::source, dsl::reason, dsl::bytes))
                .load(c)?)
        })
    }

    /// How the meters of a zone are doing, by home and role.
    ///
    /// # Errors
    /// [`crate::StoreError::Database`].
    pub fn meter_health(&self, zone: &ZoneId) -> Result<Vec<MeterHealth>> {
        self.read(|c| {
            let mut health = Vec::new();
            for meter in meters_of_zone(c, zone)? {
                let (refused, refused_last) = refusals(c, &meter.meter)?;
                let of_meter = readings::table.filter(readings::meter.eq(Blob(meter.meter)));
                let newest_ms = of_meter.select(max(readings::time_ms)).first(c)?;
                health.push(MeterHealth {
                    meter: meter.meter,
                    newest_ms,
                    refused,
                    refused_last,
                    frozen: meter.frozen,
                });
            }
            Ok(health)
        })
    }

    /// How the gateways of a zone are doing, by name.
    ///
    /// # Errors
    /// [`crate::StoreError::Database`].
    pub fn gateway_health(&self, zone: &ZoneId) -> Result<Vec<GatewayHealth>> {
        use reading_batches::dsl;
        self.read(|c| {
            let of_zone = gateways::table
                .filter(gateways::zone.eq(zone.as_str()))
                .order((gateways::name, gateways::gateway));
            let ids: Vec<Blob<GatewayId>> = of_zone.select(gateways::gateway).load(c)?;
            let mut health = Vec::new();
            for Blob(gateway) in ids {
                let batches = dsl::reading_batches.filter(dsl::gateway.eq(Blob(gateway)));
                let waiting: Big<u64> = batches
                    .filter(dsl::complete.eq(Big(false)))
                    .select(count_star())
                    .first(c)?;
                let newest = batches
                    .order(dsl::id.desc())
                    .select(dsl::received_ms)
                    .first(c)
                    .optional()?;
                let through = complete_through(c, &gateway)?;
                health.push(GatewayHealth {
                    gateway,
                    through,
                    waiting: waiting.0,
                    received_ms: newest,
                });
            }
            Ok(health)
        })
    }

    /// How much is kept.
    ///
    /// # Errors
    /// [`crate::StoreError::Database`].
    pub fn ingest_counts(&self) -> Result<IngestCounts> {
        self.read(|c| {
            let batches: Big<u64> = reading_batches::table.count().get_result(c)?;
            let readings: Big<u64> = readings::table.count().get_result(c)?;
            let refused: Big<u64> = refused_readings::table
                .filter(refused_readings::reason.is_not_null())
                .count()
                .get_result(c)?;
            let equivocations: Big<u64> = equivocations::table.count().get_result(c)?;
            let rejected: Big<u64> = rejected_messages::table.count().get_result(c)?;
            Ok(IngestCounts {
                batches: batches.0,
                readings: readings.0,
                refused: refused.0,
                equivocations: equivocations.0,
                rejected: rejected.0,
            })
        })
    }
}

fn refusals(c: &mut SqliteConnection, meter: &MeterId) -> Result<(u64, Option<RefusalReason>)> {
    use refused_readings::dsl;
    let of_meter = dsl::refused_readings
        .filter(dsl::meter.eq(Blob(*meter)))
        .filter(dsl::reason.is_not_null());
    let count: Big<u64> = of_meter.count().get_result(c)?;
    let last: Option<MaybeBig<RefusalReason>> = of_meter
        .order((dsl::sequence.desc(), dsl::batch.desc()))
        .select(dsl::reason)
        .first(c)
        .optional()?;
    Ok((count.0, last.and_then(|reason| reason.0)))
}
