//! Deposits and withdrawals as the chain told of them, with the place up to which it was read.
//!
//! Invariant: events and cursor move in one transaction, so that none is counted twice or missed.
//! When blocks go, what they told goes with them.

use diesel::prelude::*;
use energy_core::{Address, Hash};
use serde::{Deserialize, Serialize};

use crate::columns::{Big, Blob, coded};
use crate::schema::{chain_cursors, escrow_events};
use crate::{Result, Store, StoreError};

/// What happened to the escrow of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EscrowKind {
    /// Coins came in.
    Deposit,
    /// The account asked for coins: they no longer count as free funds.
    WithdrawRequest,
    /// Coins went out; the request is done.
    Withdrawn,
}

coded!(EscrowKind, "a kind of escrow event": Deposit = 0, WithdrawRequest = 1, Withdrawn = 2);

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = escrow_events)]
pub struct EscrowEvent {
    /// Its block.
    #[diesel(serialize_as = Big<u64>, deserialize_as = Big<u64>)]
    pub block: u64,
    /// Its index in the block.
    #[diesel(serialize_as = Big<u64>, deserialize_as = Big<u64>)]
    pub log_index: u64,
    /// Its transaction.
    #[diesel(serialize_as = Blob<Hash>, deserialize_as = Blob<Hash>)]
    pub tx_hash: Hash,
    /// Whose escrow.
    #[diesel(serialize_as = Blob<Address>, deserialize_as = Blob<Address>)]
    pub address: Address,
    /// What happened.
    #[diesel(serialize_as = Big<EscrowKind>, deserialize_as = Big<EscrowKind>)]
    pub kind: EscrowKind,
    /// Coins in the stablecoin's smallest unit, 10⁻⁶.
    #[diesel(serialize_as = Big<u64>, deserialize_as = Big<u64>)]
    pub units: u64,
}

/// What an account has in escrow, in units of 10⁻⁶.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escrow {
    /// All deposits.
    pub deposited: u64,
    /// All withdrawals.
    pub withdrawn: u64,
    /// The open request: the newest one, unless a withdrawal came after it.
    pub requested: u64,
}

/// How far the chain's events have been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainCursor {
    /// Up to and with this block.
    pub block: u64,
    /// Its hash, to notice when it goes.
    pub block_hash: Hash,
}

impl Store {
    /// Keeps the events up to a block together with the cursor `name`. Events that are kept already
    /// change nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another event has the same block and index.
    pub fn record_escrow_events(
        &self,
        name: &str,
        events: &[EscrowEvent],
        through: ChainCursor,
    ) -> Result<()> {
        self.write(|c| {
            for event in events {
                keep(c, event)?;
            }
            set_cursor(c, name, Some(through))
        })
    }

    /// Forgets all events after `last` and sets the cursor back to it: those blocks are gone. With
    /// none everything is read again.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn rewind_escrow_events(&self, name: &str, last: Option<ChainCursor>) -> Result<()> {
        self.write(|c| {
            match last {
                Some(last) => diesel::delete(
                    escrow_events::table.filter(escrow_events::block.gt(Big(last.block))),
                )
                .execute(c)?,
                None => diesel::delete(escrow_events::table).execute(c)?,
            };
            set_cursor(c, name, last)
        })
    }

    /// How far events have been read under a cursor, none before the first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn chain_cursor(&self, name: &str) -> Result<Option<ChainCursor>> {
        self.read(|c| {
            let row: Option<(Big<u64>, Blob<Hash>)> = chain_cursors::table
                .find(name)
                .select((chain_cursors::block, chain_cursors::block_hash))
                .first(c)
                .optional()?;
            Ok(row.map(|(block, hash)| ChainCursor {
                block: block.0,
                block_hash: hash.0,
            }))
        })
    }

    /// What an account has in escrow as of a block, that block included; everything read so far with
    /// none.
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`] when the sums leave 64 bits.
    pub fn escrow(&self, address: &Address, through_block: Option<u64>) -> Result<Escrow> {
        self.escrow_events(address, through_block)?
            .iter()
            .try_fold(Escrow::default(), after)
    }

    /// The events of an account in order, up to a block.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn escrow_events(
        &self,
        address: &Address,
        through_block: Option<u64>,
    ) -> Result<Vec<EscrowEvent>> {
        use escrow_events::dsl;
        let last = through_block.unwrap_or(u64::MAX >> 1);
        self.read(|c| {
            Ok(dsl::escrow_events
                .filter(dsl::address.eq(Blob(*address)))
                .filter(dsl::block.le(Big(last)))
                .order((dsl::block, dsl::log_index))
                .load(c)?)
        })
    }
}

fn after(escrow: Escrow, event: &EscrowEvent) -> Result<Escrow> {
    let sum = |so_far: u64| {
        so_far
            .checked_add(event.units)
            .ok_or_else(|| StoreError::Inconsistent {
                what: "escrow of",
                key: event.address.to_string(),
                problem: "its sum leaves 64 bits".to_owned(),
            })
    };
    Ok(match event.kind {
        EscrowKind::Deposit => Escrow {
            deposited: sum(escrow.deposited)?,
            ..escrow
        },
        EscrowKind::WithdrawRequest => Escrow {
            requested: event.units,
            ..escrow
        },
        EscrowKind::Withdrawn => Escrow {
            withdrawn: sum(escrow.withdrawn)?,
            requested: 0,
            ..escrow
        },
    })
}

fn keep(c: &mut SqliteConnection, event: &EscrowEvent) -> Result<()> {
    let new = diesel::insert_into(escrow_events::table)
        .values(event.clone())
        .on_conflict((escrow_events::block, escrow_events::log_index))
        .do_nothing()
        .execute(c)?;
    if new == 0 {
        let kept: EscrowEvent = escrow_events::table
            .find((Big(event.block), Big(event.log_index)))
            .first(c)?;
        crate::error::same(
            "escrow event",
            format!("{} {}", event.block, event.log_index),
            &kept,
            event,
        )?;
    }
    Ok(())
}

fn set_cursor(c: &mut SqliteConnection, name: &str, cursor: Option<ChainCursor>) -> Result<()> {
    let Some(ChainCursor { block, block_hash }) = cursor else {
        diesel::delete(chain_cursors::table.find(name)).execute(c)?;
        return Ok(());
    };
    let place = (
        chain_cursors::block.eq(Big(block)),
        chain_cursors::block_hash.eq(Blob(block_hash)),
    );
    diesel::insert_into(chain_cursors::table)
        .values((chain_cursors::name.eq(name), place))
        .on_conflict(chain_cursors::name)
        .do_update()
        .set(place)
        .execute(c)?;
    Ok(())
}
