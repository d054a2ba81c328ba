//! The chain's part of an interval: what is pending becomes final and is brought into the accounts,
//! and what was cleared since is proposed as the next settlement batch.
//!
//! Every transaction has a purpose (`propose/7`), is signed once, kept, and only then sent; after a
//! crash the same bytes go out again. So every step here may be repeated.

use anyhow::Context as _;
use clearing_house::{Account, Ledger};
use energy_core::{
    Address, Hash, HomeId, NanoAmount, WattHours, ZoneId, from_canonical, to_canonical,
};
use settlement::chain::{ChainLog, Contracts, CursorPosition, LogBatch, SettlementEvent};
use settlement::{BatchPeriod, EvidenceLeaf, HomeLeaf, MarketLeaf, SettlementBatch};
use store::{
    BatchState, ChainCursor, EscrowEvent, EscrowKind, FinalRoot, SettlementBatchRecord, Store,
    TransactionState,
};

use super::market::TradingHome;
use super::tx_journal::StoredJournal;

/// The cursor under which the escrow's events are read.
const CURSOR: &str = "settlement";

/// What changed on the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainNews {
    /// A batch was proposed, with this much gas.
    Pending(u64, u64),
    /// A batch is final.
    Final(u64),
}

/// Drives one settlement contract.
pub struct ChainPump {
    plan: PumpPlan,
    journal: StoredJournal,
}

/// What a pump works with.
pub struct PumpPlan {
    /// What is kept.
    pub store: Store,
    /// The contracts.
    pub contracts: Contracts,
    /// The zone that is settled.
    pub zone: ZoneId,
    /// How much a batch spans.
    pub period: BatchPeriod,
    /// The homes, in the order of their leaves.
    pub homes: Vec<TradingHome>,
    /// The account of the first leaf: the grid operator's fees.
    pub operator: Address,
    /// The account of the second: energy that no home bought.
    pub utility: Address,
}

impl ChainPump {
    /// A pump that works by this plan.
    #[must_use]
    pub fn new(plan: PumpPlan) -> Self {
        let journal = StoredJournal(plan.store.clone());
        Self { plan, journal }
    }

    /// Does what is due at grid time `now_s`.
    ///
    /// # Errors
    /// If the store fails or the chain refuses what it must accept. When the chain cannot be reached
    /// the step is left for the next call.
    pub async fn pump(&mut self, now_s: i64) -> anyhow::Result<Vec<ChainNews>> {
        let mut news = Vec::new();
        let unix = u64::try_from(now_s).context("grid time before 1970")?;
        self.plan.contracts.chain().set_time(unix).await?;
        self.settle_transactions().await?;
        if let Some(number) = self.finalize().await? {
            news.push(ChainNews::Final(number));
        }
        self.read_escrow().await?;
        if self.serve_withdrawals().await? {
            self.read_escrow().await?;
        }
        if let Some((number, gas)) = self.propose().await? {
            news.push(ChainNews::Pending(number, gas));
        }
        Ok(news)
    }

    /// The newest block, and the stablecoin units (10⁻⁶) that the settlement holds.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn overview(&self) -> anyhow::Result<(u64, u64)> {
        let block = self.plan.contracts.chain().block_number().await?;
        let held = self
            .plan
            .contracts
            .stablecoins(self.plan.contracts.addresses().settlement)
            .await?;
        Ok((block, held))
    }

    /// The second at which the pending batch becomes final, if there is one.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn final_at(&self) -> anyhow::Result<Option<i64>> {
        match self.plan.contracts.pending().await? {
            Some(pending) => Ok(Some(i64::try_from(pending.final_at)?)),
            None => Ok(None),
        }
    }

    async fn finalize(&mut self) -> anyhow::Result<Option<u64>> {
        let Some(record) = self
            .plan
            .store
            .newest_settlement_batch_in(BatchState::Pending)?
        else {
            return Ok(None);
        };
        let Some(accepted) = self.plan.contracts.final_batch().await? else {
            return Ok(None);
        };
        if accepted.number < record.number {
            return Ok(None);
        }
        anyhow::ensure!(
            accepted.root == record.root,
            "batch {}: expected the root {} on the chain, got {}",
            record.number,
            record.root,
            accepted.root
        );
        anyhow::ensure!(
            accepted.number > record.number
                || (accepted.minted, accepted.carry) == (record.minted, record.carry),
            "batch {}: expected {} minted and {} carried on the chain, got {} and {}",
            record.number,
            record.minted,
            record.carry,
            accepted.minted,
            accepted.carry
        );
        let batch = batch_of(&record)?;
        // Kept before it is marked, so that a crash in between syncs again.
        self.plan
            .contracts
            .sync(&format!("sync/{}", record.number), &batch, &self.journal)
            .await?;
        let block = self.block_of(&record).await?;
        let (number, root, settled_to_s) = (record.number, record.root, record.settled_to_s);
        self.plan.store.put_final_root(&FinalRoot {
            number,
            root,
            settled_to_s,
            block,
        })?;
        let at = i64::try_from(self.plan.contracts.chain().time().await?)?;
        self.plan
            .store
            .set_settlement_batch(number, BatchState::Final, None, Some(at))?;
        Ok(Some(number))
    }

    /// Pays out the open requests that the newest final batch covers, so that no household has to send
    /// the second step itself. Says whether there was one.
    async fn serve_withdrawals(&mut self) -> anyhow::Result<bool> {
        let mut waiting = Vec::new();
        for home in &self.plan.homes {
            if self.plan.store.escrow(&home.address, None)?.requested > 0 {
                waiting.push(home.clone());
            }
        }
        if waiting.is_empty() {
            return Ok(false);
        }
        let Some(record) = self
            .plan
            .store
            .newest_settlement_batch_in(BatchState::Final)?
        else {
            return Ok(false);
        };
        let batch = batch_of(&record)?;
        let mut served = false;
        for home in waiting {
            let request = self.plan.contracts.withdrawal_request(home.address).await?;
            let Some(request) = request.filter(|r| r.after_batch < record.number) else {
                continue;
            };
            let purpose =
                self.purpose(&format!("withdraw/{}/{}", home.home, request.after_batch))?;
            let index = Account::Home(home.home)
                .leaf_index()
                .context("a home has a leaf")?;
            let operator = self.plan.contracts.chain().operator().clone();
            let paid = self
                .plan
                .contracts
                .complete_withdrawal(&purpose, &operator, &batch, index, &self.journal)
                .await;
            match paid {
                Ok(_) => served = true,
                // A request that cannot be paid stays open and stops nobody else.
                Err(error) => {
                    tracing::warn!(home.id = %home.home, %error, "a withdrawal was not paid")
                }
            }
        }
        Ok(served)
    }

    /// Proposes what was cleared since the newest batch, unless one is pending.
    async fn propose(&mut self) -> anyhow::Result<Option<(u64, u64)>> {
        if self
            .plan
            .store
            .newest_settlement_batch_in(BatchState::Pending)?
            .is_some()
        {
            return Ok(None);
        }
        let record = match self
            .plan
            .store
            .newest_settlement_batch_in(BatchState::Built)?
        {
            Some(built) => built,
            None => match self.build()? {
                Some(built) => {
                    self.plan.store.put_settlement_batch(&built)?;
                    built
                }
                None => return Ok(None),
            },
        };
        let batch = batch_of(&record)?;
        let number = record.number;
        let outcome = self
            .plan
            .contracts
            .propose(
                &self.purpose(&format!("propose/{number}"))?,
                batch.header(),
                &self.journal,
            )
            .await?;
        self.plan.store.set_settlement_batch(
            number,
            BatchState::Pending,
            Some(outcome.hash),
            None,
        )?;
        tracing::debug!(batch.number = number, gas = outcome.gas_used, "proposed");
        Ok(Some((number, outcome.gas_used)))
    }

    /// The next batch, none when nothing was cleared since the last.
    fn build(&self) -> anyhow::Result<Option<SettlementBatchRecord>> {
        let Some(newest) = self.plan.store.newest_interval(&self.plan.zone)? else {
            return Ok(None);
        };
        let parent = self
            .plan
            .store
            .newest_settlement_batches(1)?
            .into_iter()
            .next();
        let (from_s, number, parent_root) =
            parent.as_ref().map_or((i64::MIN, 1, Hash::ZERO), |p| {
                (p.settled_to_s, p.number + 1, p.root)
            });
        let settled_to = parent.as_ref().map(|p| p.settled_to_s);
        if !self.plan.period.is_due(settled_to, newest.end.seconds()) {
            return Ok(None);
        }
        let (journal_through, _) = self
            .plan
            .store
            .journal_head(&self.plan.zone)?
            .context("a cleared interval has an entry")?;
        let ledger = self
            .plan
            .store
            .ledger_after(&self.plan.zone, journal_through)?;
        let markets = self
            .plan
            .store
            .intervals(&self.plan.zone, from_s, newest.end.seconds())?
            .into_iter()
            .map(|row| MarketLeaf {
                zone: row.zone,
                interval: row.start,
                certificate: row.certificate_hash,
                order_rows: row.rows_root,
            })
            .collect();
        let settled_to = u64::try_from(newest.end.seconds())?;
        let batch = SettlementBatch::build(
            number,
            parent_root,
            settled_to,
            self.home_leaves(&ledger)?,
            self.evidence_leaves(&ledger, newest.end.seconds())?,
            markets,
        )
        .with_context(|| format!("building settlement batch {number}"))?;
        if let Some(parent) = &parent {
            batch.follows(&batch_of(parent)?)?;
        }
        let header = batch.header();
        let chain_id = self.plan.contracts.chain().chain_id();
        Ok(Some(SettlementBatchRecord {
            number,
            settled_to_s: newest.end.seconds(),
            root: header.root(chain_id, &self.plan.contracts.addresses().settlement),
            parent_root,
            header: to_canonical(header),
            home_leaves: to_canonical(&batch.homes().to_vec()),
            evidence_leaves: to_canonical(&batch.evidence().to_vec()),
            market_leaves: to_canonical(&batch.markets().to_vec()),
            credited: header.credited,
            minted: header.minted,
            carry: header.carry,
            journal_through: [(self.plan.zone.clone(), journal_through)].into(),
            state: BatchState::Built,
            tx_hash: None,
            final_at_s: None,
        }))
    }

    fn home_leaves(&self, ledger: &Ledger) -> anyhow::Result<Vec<HomeLeaf>> {
        let mut leaves = vec![
            HomeLeaf {
                account: self.plan.operator,
                credited: WattHours::ZERO,
                retired: WattHours::ZERO,
                // The zone has no leaf; what a mechanism left to it is here in trust.
                cash: ledger.operator_cash.plus(ledger.zone_cash)?,
            },
            HomeLeaf {
                account: self.plan.utility,
                credited: ledger.utility_credited,
                retired: ledger.utility_credited,
                cash: NanoAmount::ZERO,
            },
        ];
        for (place, home) in self.plan.homes.iter().enumerate() {
            anyhow::ensure!(
                HomeId::new(u32::try_from(place + 1)?) == home.home,
                "expected home {} at its place, got home {}",
                place + 1,
                home.home
            );
            let account = ledger.home(home.home);
            leaves.push(HomeLeaf {
                account: home.address,
                credited: account.credited,
                retired: account.retired,
                cash: account.cash,
            });
        }
        Ok(leaves)
    }

    fn evidence_leaves(&self, ledger: &Ledger, to_s: i64) -> anyhow::Result<Vec<EvidenceLeaf>> {
        let closings = self.plan.store.closings(&self.plan.zone, to_s)?;
        let mut leaves = Vec::new();
        for home in &self.plan.homes {
            // A home that never had a part can have tokens all the same, from a correction.
            let kept = match closings.get(&home.home) {
                Some(closing) => self.plan.store.reading(&home.meter, closing.sequence)?,
                None => self
                    .plan
                    .store
                    .reading_before(&home.meter, to_s.saturating_mul(1_000) + 1)?,
            };
            let Some(kept) = kept else { continue };
            let account = ledger.home(home.home);
            leaves.push(EvidenceLeaf {
                meter: home.meter,
                settled_to: kept.reading.time_ms / 1_000,
                minted: account.minted()?,
                carry: account.carry,
                sequence: kept.reading.sequence,
                reading: kept.hash,
            });
        }
        leaves.sort_unstable_by_key(|leaf| leaf.meter);
        Ok(leaves)
    }

    /// Reads what happened to the escrow since it was last read.
    ///
    /// # Errors
    /// If the store fails or the chain does not answer.
    pub async fn read_escrow(&mut self) -> anyhow::Result<()> {
        let events = self.plan.contracts.events(0);
        loop {
            let since = self
                .plan
                .store
                .chain_cursor(CURSOR)?
                .map(|c| CursorPosition {
                    block: c.block,
                    hash: c.block_hash,
                });
            match events.read(since).await? {
                LogBatch::UpToDate => return Ok(()),
                LogBatch::Read {
                    logs,
                    position,
                    at_head,
                } => {
                    let escrow: Vec<EscrowEvent> = logs
                        .iter()
                        .filter_map(|log| self.escrow_event(log))
                        .collect();
                    let through = ChainCursor {
                        block: position.block,
                        block_hash: position.hash,
                    };
                    self.plan
                        .store
                        .record_escrow_events(CURSOR, &escrow, through)?;
                    if at_head {
                        return Ok(());
                    }
                }
                LogBatch::Reorganized { lost } => {
                    tracing::warn!(
                        block = lost.block,
                        "the chain dropped a block; its events are read again"
                    );
                    self.plan.store.rewind_escrow_events(CURSOR, None)?;
                }
            }
        }
    }

    fn escrow_event(&self, log: &ChainLog) -> Option<EscrowEvent> {
        let (address, kind, units) = match self.plan.contracts.event(log)? {
            SettlementEvent::Deposited { account, units, .. } => {
                (account, EscrowKind::Deposit, units)
            }
            SettlementEvent::WithdrawalRequested { account, units, .. } => {
                (account, EscrowKind::WithdrawRequest, units)
            }
            SettlementEvent::Withdrawn { account, units, .. } => {
                (account, EscrowKind::Withdrawn, units)
            }
            _ => return None,
        };
        Some(EscrowEvent {
            block: log.block,
            log_index: log.index,
            tx_hash: log.transaction,
            address,
            kind,
            units,
        })
    }

    /// The block in which a batch was proposed.
    async fn block_of(&self, record: &SettlementBatchRecord) -> anyhow::Result<u64> {
        let hash = record
            .tx_hash
            .context("a pending batch has a transaction")?;
        let sender = self.plan.contracts.chain().operator();
        let outcome = sender.confirm(&hash, 0).await?;
        Ok(outcome.context("a proposed batch is in a block")?.block)
    }

    /// Notes what became of the transactions that were sent.
    async fn settle_transactions(&self) -> anyhow::Result<()> {
        for state in [
            TransactionState::Signed,
            TransactionState::Sent,
            TransactionState::Mined,
        ] {
            for row in self.plan.store.transactions_in(state)? {
                let sender = self.plan.contracts.chain().operator();
                let Some(outcome) = sender.confirm(&row.hash, 0).await? else {
                    continue;
                };
                let state = if outcome.success {
                    TransactionState::Final
                } else {
                    TransactionState::Failed
                };
                self.plan.store.set_transaction(
                    &row.hash,
                    state,
                    Some(outcome.block),
                    outcome.revert_reason.as_deref(),
                )?;
            }
        }
        Ok(())
    }

    /// A purpose that is not used up by a transaction that failed on the chain.
    fn purpose(&self, base: &str) -> anyhow::Result<String> {
        let mut purpose = base.to_owned();
        let mut again = 0_u32;
        while let Some(row) = self.plan.store.transaction(&purpose)? {
            if row.state != TransactionState::Failed {
                break;
            }
            again += 1;
            purpose = format!("{base}/again-{again}");
        }
        Ok(purpose)
    }
}

/// The batch with its leaves, as it was built.
///
/// # Errors
/// If what is kept is not what was built.
pub fn batch_of(record: &SettlementBatchRecord) -> anyhow::Result<SettlementBatch> {
    let batch = SettlementBatch::build(
        record.number,
        record.parent_root,
        u64::try_from(record.settled_to_s)?,
        from_canonical(&record.home_leaves)?,
        from_canonical(&record.evidence_leaves)?,
        from_canonical(&record.market_leaves)?,
    )?;
    anyhow::ensure!(
        to_canonical(batch.header()) == record.header,
        "batch {} is not what was built",
        record.number
    );
    Ok(batch)
}
