//! Puts a home's proof bundle together from what is kept.

use anyhow::Context as _;
use clearing_house::{Account, Asset, JournalLine, LineKind, ZoneRules};
use energy_core::{CertificateKind, HomeId, IntervalStart, MerkleTree, MeterId, ZoneDocument};
use store::{BatchState, SettlementBatchRecord, Store};
use web::{BundleError, BundleSource};

use super::chain_pump::batch_of;
use super::market::TradingHome;
use crate::verify::{AccountProof, Bundle, MarketProof, MeterProof, Parts, Rows};

/// With fewer homes in the book a bundle shows no more than the home's own order.
const BOOK_HOMES_MIN: usize = 10;

/// Bundles of one zone's homes.
pub struct StoredBundles {
    store: Store,
    zone: ZoneDocument,
    homes: Vec<TradingHome>,
}

impl StoredBundles {
    /// Bundles under this zone document.
    #[must_use]
    pub fn new(store: Store, zone: ZoneDocument, homes: Vec<TradingHome>) -> Self {
        Self { store, zone, homes }
    }

    fn put_together(
        &self,
        home: &TradingHome,
        interval: IntervalStart,
    ) -> anyhow::Result<Result<Bundle, String>> {
        let end = interval.next(self.zone.interval);
        let Some(record) = self.store.settlement_batch_covering(end.seconds())? else {
            return Ok(Err(
                "the interval is not in a settlement batch yet".to_owned()
            ));
        };
        if record.state != BatchState::Final {
            return Ok(Err(format!(
                "settlement batch {} is not final yet",
                record.number
            )));
        }
        let batch = batch_of(&record)?;
        let parent = match record.number {
            1 => None,
            number => self.store.settlement_batch(number - 1)?,
        };
        let Some((evidence, evidence_path)) = batch.evidence_proof(home.meter) else {
            return Ok(Err("the home had no reading in this batch".to_owned()));
        };
        let through_ms = i64::try_from(evidence.settled_to)?.saturating_mul(1_000);
        let Some(connection) = self.meter_proof(&home.meter, interval, through_ms)? else {
            return Ok(Err(
                "the interval has no readings at its boundaries: its energy was substituted"
                    .to_owned(),
            ));
        };
        let generation = match &home.generation {
            Some(meter) => match self.meter_proof(meter, interval, through_ms)? {
                Some(proof) => Some(proof),
                None => {
                    return Ok(Err(
                        "the generation meter has no readings at the interval's boundaries"
                            .to_owned(),
                    ));
                }
            },
            None => None,
        };
        let mut markets = Vec::new();
        for leaf in batch.markets() {
            if let Some(market) =
                self.market_proof(home, &batch, leaf.interval, leaf.interval == interval)?
            {
                markets.push(market);
            }
        }
        let parent_proof = match &parent {
            Some(parent) => Some(account_proof(home.home, parent)?),
            None => None,
        };
        let through =
            |record: &SettlementBatchRecord| record.journal_through.get(&self.zone.zone).copied();
        let after = parent.as_ref().and_then(through).unwrap_or(0);
        let lines = self.lines(home.home, after, through(&record).unwrap_or(after))?;
        Ok(Ok(Bundle::from(Parts {
            zone: self.zone.clone(),
            home: home.home,
            interval,
            connection,
            generation,
            markets,
            lines,
            parent: parent_proof,
            account: account_proof(home.home, &record)?,
            evidence,
            evidence_path,
            root: record.root,
        })))
    }

    /// None when there is no reading at the start or at the end.
    fn meter_proof(
        &self,
        meter: &MeterId,
        interval: IntervalStart,
        through_ms: i64,
    ) -> anyhow::Result<Option<MeterProof>> {
        let kept = self
            .store
            .readings_between(meter, interval.millis(), through_ms)?;
        let (Some(first), Some(last)) = (kept.first(), kept.last()) else {
            return Ok(None);
        };
        if first.reading.time_ms != u64::try_from(interval.millis())?
            || i64::try_from(last.reading.time_ms)? != through_ms
        {
            return Ok(None);
        }
        let batch = self.store.batch(last.batch)?;
        let gateway = self
            .store
            .gateway(&batch.gateway)?
            .context("a kept batch has a gateway")?;
        let tree = MerkleTree::new(batch.members.iter().map(|member| member.hash).collect());
        let path = tree
            .proof(usize::try_from(last.place)?)
            .context("a kept reading has a place in its batch")?;
        let readings = chain(kept.into_iter().map(|k| k.reading).collect());
        Ok(Some(MeterProof {
            gateway_key: gateway.public_key,
            signed_header: batch.signed,
            path,
            readings,
        }))
    }

    fn market_proof(
        &self,
        home: &TradingHome,
        batch: &settlement::SettlementBatch,
        interval: IntervalStart,
        is_asked: bool,
    ) -> anyhow::Result<Option<MarketProof>> {
        let rows = self.store.order_rows(&self.zone.zone, interval)?;
        let own = rows.iter().position(|order| order.home == home.home);
        if own.is_none() && !is_asked {
            return Ok(None);
        }
        let clearing = self
            .store
            .clearing(&self.zone.zone, interval)?
            .context("a settled interval has a clearing")?;
        let (_, path) = batch
            .market_proof(&self.zone.zone, interval)
            .context("a settled interval has a leaf in its batch")?;
        let order = own.map(|place| rows[place].row.order);
        let all: Vec<_> = rows.iter().map(|order| order.row).collect();
        let rows = match own {
            _ if is_asked && all.len() >= BOOK_HOMES_MIN => Rows::Book(all),
            Some(place) => {
                let tree = clearing_house::order_rows_tree(&all);
                Rows::Own(
                    all[place],
                    tree.proof(place)
                        .context("a row has a place among the rows")?,
                )
            }
            None => Rows::None(clearing_house::order_rows_tree(&all).root()),
        };
        let mechanism = match clearing.certificate.kind {
            CertificateKind::Optimal => None,
            CertificateKind::Feasible => {
                let rules: ZoneRules = self.store.zone_rules(&self.zone.zone)?;
                Some(rules.mechanism.to_string())
            }
        };
        Ok(Some(MarketProof {
            interval,
            certificate: clearing.certificate,
            order,
            rows,
            path,
            mechanism,
        }))
    }

    /// The home's lines that move its leaf.
    fn lines(&self, home: HomeId, after: u64, through: u64) -> anyhow::Result<Vec<JournalLine>> {
        let lines =
            self.store
                .account_lines(&self.zone.zone, Account::Home(home), after, through)?;
        let moves = |line: &JournalLine| match line.asset {
            Asset::Cash => line.amount != 0,
            Asset::Token => line.kind == LineKind::TokensCredited && line.amount != 0,
            _ => false,
        };
        Ok(lines.into_iter().map(|l| l.line).filter(moves).collect())
    }
}

/// The readings from the newest back along the hashes to the oldest: what a restarted gateway left
/// beside the chain is not in it.
fn chain(mut readings: Vec<energy_core::Reading>) -> Vec<energy_core::Reading> {
    let mut linked = Vec::with_capacity(readings.len());
    while let Some(reading) = readings.pop() {
        let previous = reading.previous;
        linked.push(reading);
        while readings
            .last()
            .is_some_and(|before| before.hash() != previous)
        {
            readings.pop();
        }
    }
    linked.reverse();
    linked
}

fn account_proof(home: HomeId, record: &SettlementBatchRecord) -> anyhow::Result<AccountProof> {
    let batch = batch_of(record)?;
    let index = Account::Home(home)
        .leaf_index()
        .context("a home has a leaf")?;
    let (leaf, path) = batch
        .home_proof(index)
        .context("a home has a leaf in every batch")?;
    Ok(AccountProof {
        leaf,
        path,
        header: *batch.header(),
    })
}

impl BundleSource for StoredBundles {
    fn bundle(&self, home: HomeId, interval: IntervalStart) -> Result<Vec<u8>, BundleError> {
        let Some(setup) = self.homes.iter().find(|setup| setup.home == home) else {
            return Err(BundleError::NotYet(format!("there is no home {home}")));
        };
        match self.put_together(setup, interval) {
            Ok(Ok(bundle)) => Ok(bundle.to_bytes()),
            Ok(Err(why)) => Err(BundleError::NotYet(why)),
            Err(error) => Err(BundleError::Failed(format!("{error:#}"))),
        }
    }
}
