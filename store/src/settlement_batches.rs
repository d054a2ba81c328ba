//! Settlement batches: what is proposed to the chain, with the leaves to prove everything from.
//!
//! Invariants: a batch is kept before it is proposed and its content never changes; at most one is
//! pending; what is final stays so. The market's intervals follow: settled when they are in a batch,
//! final when it is.

use std::collections::BTreeMap;

use clearing_house::state::IntervalState;
use diesel::dsl::max;
use diesel::prelude::*;
use energy_core::{Hash, WattHours, ZoneId};
use serde::{Deserialize, Serialize};

use crate::columns::{Big, Blob, MaybeBlob, coded};
use crate::error::{from_json, same, to_json};
use crate::schema::{final_roots, intervals, settlement_batches};
use crate::{Result, Store, StoreError, Written};

/// How far a settlement batch has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BatchState {
    /// Kept here, not on the chain.
    Built,
    /// Proposed, its challenge window runs.
    Pending,
    /// Its window has passed.
    Final,
    /// A challenge succeeded.
    Voided,
}

coded!(BatchState, "the state of a settlement batch": Built = 0, Pending = 1, Final = 2, Voided = 3);

/// A settlement batch. Headers and leaves are bytes of the `settlement` crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettlementBatchRecord {
    /// Its number, from 1.
    pub number: u64,
    /// The end of the newest interval in it, seconds UTC.
    pub settled_to_s: i64,
    /// Its hash, the root on the chain.
    pub root: Hash,
    /// The root of the batch before, zero for the first.
    pub parent_root: Hash,
    /// The header.
    pub header: Vec<u8>,
    /// All leaves of the home tree.
    pub home_leaves: Vec<u8>,
    /// All leaves of the evidence tree.
    pub evidence_leaves: Vec<u8>,
    /// All leaves of the market tree.
    pub market_leaves: Vec<u8>,
    /// Lifetime tokens credited.
    pub credited: WattHours,
    /// Lifetime tokens minted.
    pub minted: WattHours,
    /// Carry.
    pub carry: WattHours,
    /// For each zone the number of the last journal entry that the leaves contain.
    pub journal_through: BTreeMap<ZoneId, u64>,
    /// How far it has come.
    pub state: BatchState,
    /// The transaction that proposed it.
    pub tx_hash: Option<Hash>,
    /// When it became final, in chain time, seconds UTC.
    pub final_at_s: Option<i64>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = settlement_batches)]
struct Row {
    number: Big<u64>,
    settled_to_s: i64,
    root: Blob<Hash>,
    parent_root: Blob<Hash>,
    header: Vec<u8>,
    home_leaves: Vec<u8>,
    evidence_leaves: Vec<u8>,
    market_leaves: Vec<u8>,
    credited_wh: Big<WattHours>,
    minted_wh: Big<WattHours>,
    carry_wh: Big<WattHours>,
    journal_through: String,
    state: Big<BatchState>,
    tx_hash: MaybeBlob<Hash>,
    final_at_s: Option<i64>,
}

/// A root that the chain calls final.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = final_roots)]
pub struct FinalRoot {
    /// The batch's number.
    #[diesel(serialize_as = Big<u64>, deserialize_as = Big<u64>)]
    pub number: u64,
    /// The root.
    #[diesel(serialize_as = Blob<Hash>, deserialize_as = Blob<Hash>)]
    pub root: Hash,
    /// The end of the newest interval under it, seconds UTC.
    pub settled_to_s: i64,
    /// The block in which it was proposed.
    #[diesel(serialize_as = Big<u64>, deserialize_as = Big<u64>)]
    pub block: u64,
}

impl Store {
    /// Keeps a batch that was built; its `state`, `tx_hash` and `final_at_s` come later. The
    /// intervals in it count as settled.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another batch has this number; a voided one makes room.
    pub fn put_settlement_batch(&self, batch: &SettlementBatchRecord) -> Result<Written> {
        self.write(|c| {
            let voided = settlement_batches::table
                .find(Big(batch.number))
                .filter(settlement_batches::state.eq(Big(BatchState::Voided)));
            diesel::delete(voided).execute(c)?;
            let written = keep(c, batch)?;
            if written == Written::New {
                advance_intervals(c, batch.settled_to_s, IntervalState::Settled)?;
            }
            Ok(written)
        })
    }

    /// Notes how far a batch has come: built → pending → final, or voided while it is pending. With
    /// the state come the proposing transaction and, when final, the chain time.
    ///
    /// # Errors
    /// [`StoreError::Step`] for any other step, [`StoreError::Unknown`].
    pub fn set_settlement_batch(
        &self,
        number: u64,
        state: BatchState,
        tx_hash: Option<Hash>,
        final_at_s: Option<i64>,
    ) -> Result<()> {
        self.write(|c| {
            let kept: Option<(Big<BatchState>, i64)> = settlement_batches::table
                .find(Big(number))
                .select((settlement_batches::state, settlement_batches::settled_to_s))
                .first(c)
                .optional()?;
            let (kept, settled_to_s) = kept.ok_or_else(|| StoreError::Unknown {
                what: "settlement batch",
                key: number.to_string(),
            })?;
            check_step(number, kept.0, state)?;
            let row = settlement_batches::table.find(Big(number));
            diesel::update(row)
                .set(settlement_batches::state.eq(Big(state)))
                .execute(c)?;
            if tx_hash.is_some() {
                diesel::update(row)
                    .set(settlement_batches::tx_hash.eq(MaybeBlob(tx_hash)))
                    .execute(c)?;
            }
            if final_at_s.is_some() {
                diesel::update(row)
                    .set(settlement_batches::final_at_s.eq(final_at_s))
                    .execute(c)?;
            }
            match state {
                BatchState::Final => advance_intervals(c, settled_to_s, IntervalState::Final),
                BatchState::Voided => take_back_intervals(c),
                BatchState::Built | BatchState::Pending => Ok(()),
            }
        })
    }

    /// One batch.
    ///
    /// # Errors
    /// [`StoreError::Database`] or [`StoreError::Unreadable`], as of every question here.
    pub fn settlement_batch(&self, number: u64) -> Result<Option<SettlementBatchRecord>> {
        self.read(|c| {
            let row = settlement_batches::table
                .find(Big(number))
                .select(Row::as_select())
                .first(c)
                .optional()?;
            row.map(Row::record).transpose()
        })
    }

    /// The newest batches, newest first.
    ///
    /// # Errors
    /// As [`Store::settlement_batch`].
    pub fn newest_settlement_batches(&self, limit: u32) -> Result<Vec<SettlementBatchRecord>> {
        self.read(|c| {
            let newest = settlement_batches::table
                .order(settlement_batches::number.desc())
                .limit(i64::from(limit));
            newest
                .select(Row::as_select())
                .load(c)?
                .into_iter()
                .map(Row::record)
                .collect()
        })
    }

    /// The newest batch in a state: the pending one, the last final one, the one to propose.
    ///
    /// # Errors
    /// As [`Store::settlement_batch`].
    pub fn newest_settlement_batch_in(
        &self,
        state: BatchState,
    ) -> Result<Option<SettlementBatchRecord>> {
        self.read(|c| {
            let row = settlement_batches::table
                .filter(settlement_batches::state.eq(Big(state)))
                .order(settlement_batches::number.desc())
                .select(Row::as_select())
                .first(c)
                .optional()?;
            row.map(Row::record).transpose()
        })
    }

    /// The first batch that contains an interval with this end (seconds UTC), voided ones left out.
    ///
    /// # Errors
    /// As [`Store::settlement_batch`].
    pub fn settlement_batch_covering(&self, end_s: i64) -> Result<Option<SettlementBatchRecord>> {
        self.read(|c| {
            let row = settlement_batches::table
                .filter(settlement_batches::settled_to_s.ge(end_s))
                .filter(settlement_batches::state.ne(Big(BatchState::Voided)))
                .order(settlement_batches::number)
                .select(Row::as_select())
                .first(c)
                .optional()?;
            row.map(Row::record).transpose()
        })
    }

    /// The chain's minted − carry at the ends of final batches from `from_s` (exclusive) to `to_s`
    /// (inclusive): `chain_wh` of the audit, by the second at which the batch ends.
    ///
    /// # Errors
    /// As [`Store::settlement_batch`].
    pub fn final_verified(&self, from_s: i64, to_s: i64) -> Result<BTreeMap<i64, WattHours>> {
        use settlement_batches::dsl;
        let rows: Vec<(i64, Big<WattHours>, Big<WattHours>)> = self.read(|c| {
            Ok(dsl::settlement_batches
                .filter(dsl::state.eq(Big(BatchState::Final)))
                .filter(dsl::settled_to_s.gt(from_s))
                .filter(dsl::settled_to_s.le(to_s))
                .order(dsl::number)
                .select((dsl::settled_to_s, dsl::minted_wh, dsl::carry_wh))
                .load(c)?)
        })?;
        let verified = |(end_s, minted, carry): (i64, Big<WattHours>, Big<WattHours>)| {
            let verified = minted
                .0
                .less(carry.0)
                .map_err(|_| StoreError::Inconsistent {
                    what: "settlement batch",
                    key: end_s.to_string(),
                    problem: format!(
                        "its carry {} is more than was minted, {}",
                        carry.0, minted.0
                    ),
                })?;
            Ok((end_s, verified))
        };
        rows.into_iter().map(verified).collect()
    }

    /// Keeps a root that the chain calls final.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another root is final under its number.
    pub fn put_final_root(&self, root: &FinalRoot) -> Result<Written> {
        self.write(|c| {
            let new = diesel::insert_into(final_roots::table)
                .values(root.clone())
                .on_conflict(final_roots::number)
                .do_nothing()
                .execute(c)?;
            if new == 1 {
                return Ok(Written::New);
            }
            same(
                "final root",
                root.number,
                &final_roots::table.find(Big(root.number)).first(c)?,
                root,
            )
        })
    }

    /// All roots that the chain calls final, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn final_roots(&self) -> Result<Vec<FinalRoot>> {
        self.read(|c| Ok(final_roots::table.order(final_roots::number).load(c)?))
    }
}

impl Row {
    fn record(self) -> Result<SettlementBatchRecord> {
        Ok(SettlementBatchRecord {
            number: self.number.0,
            settled_to_s: self.settled_to_s,
            root: self.root.0,
            parent_root: self.parent_root.0,
            header: self.header,
            home_leaves: self.home_leaves,
            evidence_leaves: self.evidence_leaves,
            market_leaves: self.market_leaves,
            credited: self.credited_wh.0,
            minted: self.minted_wh.0,
            carry: self.carry_wh.0,
            journal_through: from_json("settlement batch", self.number.0, &self.journal_through)?,
            state: self.state.0,
            tx_hash: self.tx_hash.0,
            final_at_s: self.final_at_s,
        })
    }
}

fn keep(c: &mut SqliteConnection, batch: &SettlementBatchRecord) -> Result<Written> {
    use settlement_batches::dsl;
    let new = diesel::insert_into(dsl::settlement_batches)
        .values((
            dsl::number.eq(Big(batch.number)),
            dsl::settled_to_s.eq(batch.settled_to_s),
            dsl::root.eq(Blob(batch.root)),
            dsl::parent_root.eq(Blob(batch.parent_root)),
            dsl::header.eq(&batch.header),
            dsl::home_leaves.eq(&batch.home_leaves),
            dsl::evidence_leaves.eq(&batch.evidence_leaves),
            dsl::market_leaves.eq(&batch.market_leaves),
            dsl::credited_wh.eq(Big(batch.credited)),
            dsl::minted_wh.eq(Big(batch.minted)),
            dsl::carry_wh.eq(Big(batch.carry)),
            dsl::journal_through.eq(to_json("settlement batch", &batch.journal_through)?),
            dsl::state.eq(Big(BatchState::Built)),
        ))
        .on_conflict(dsl::number)
        .do_nothing()
        .execute(c)?;
    if new == 1 {
        return Ok(Written::New);
    }
    let kept: Row = dsl::settlement_batches
        .find(Big(batch.number))
        .select(Row::as_select())
        .first(c)?;
    let kept = kept.record()?;
    let got = SettlementBatchRecord {
        state: kept.state,
        tx_hash: kept.tx_hash,
        final_at_s: kept.final_at_s,
        ..batch.clone()
    };
    if kept == got {
        return Ok(Written::Already);
    }
    same("settlement batch", batch.number, &kept.root, &got.root)?;
    Err(StoreError::Inconsistent {
        what: "settlement batch",
        key: batch.number.to_string(),
        problem: "it has the kept root and other leaves".to_owned(),
    })
}

fn check_step(number: u64, kept: BatchState, asked: BatchState) -> Result<()> {
    use BatchState::{Built, Final, Pending, Voided};
    match (kept, asked) {
        (Built, Built | Pending | Final) | (Pending, Pending | Final | Voided | Built) => Ok(()),
        (Final, Final) | (Voided, Voided) => Ok(()),
        _ => Err(StoreError::Step {
            what: "settlement batch",
            key: number.to_string(),
            kept: format!("{kept:?}"),
            asked: format!("{asked:?}"),
        }),
    }
}

/// Every interval that ends by then has come at least this far.
fn advance_intervals(
    c: &mut SqliteConnection,
    settled_to_s: i64,
    state: IntervalState,
) -> Result<()> {
    let behind = intervals::table
        .filter(intervals::state.lt(Big(state)))
        .filter(intervals::end_s.le(settled_to_s));
    diesel::update(behind)
        .set(intervals::state.eq(Big(state)))
        .execute(c)?;
    Ok(())
}

/// After a voided batch only what an earlier one contains counts as settled.
fn take_back_intervals(c: &mut SqliteConnection) -> Result<()> {
    let settled_to_s: Option<i64> = settlement_batches::table
        .filter(settlement_batches::state.ne(Big(BatchState::Voided)))
        .select(max(settlement_batches::settled_to_s))
        .first(c)?;
    let back = intervals::table
        .filter(intervals::state.eq(Big(IntervalState::Settled)))
        .filter(intervals::end_s.gt(settled_to_s.unwrap_or(i64::MIN)));
    diesel::update(back)
        .set(intervals::state.eq(Big(IntervalState::Cleared)))
        .execute(c)?;
    Ok(())
}
