//! Intervals, statement lines, books, settlement batches.

use std::collections::BTreeMap;

use clearing_house::state::IntervalState as Kept;
use clearing_house::statement::reasons;
use clearing_house::{CutReason, HomeResult};
use energy_core::{IntervalStart, NanoAmount, WattHours};
use store::{BatchState, HomeInterval, IntervalRow};

use super::StoreSource;
use crate::facts::{
    BatchFacts, BookFacts, HomeIntervalFacts, IntervalFacts, IntervalState, OrderFacts,
};
use crate::source::SourceError;

/// Sums over the homes of a cleared interval.
#[derive(Debug, Clone, Copy)]
pub(super) struct Totals {
    from_utility: WattHours,
    to_utility: WattHours,
    saved: NanoAmount,
    homes: u32,
}

pub(super) fn state(kept: Kept) -> IntervalState {
    match kept {
        Kept::Open => IntervalState::Open,
        Kept::Closed | Kept::Delivered => IntervalState::Delivered,
        Kept::Metered => IntervalState::Metered,
        Kept::Cleared => IntervalState::Cleared,
        Kept::Settled => IntervalState::Settled,
        Kept::Final => IntervalState::Final,
    }
}

impl StoreSource {
    fn totals_of(&self, start: IntervalStart) -> Result<Totals, SourceError> {
        if let Some(known) = self.totals().get(&start).copied() {
            return Ok(known);
        }
        let parts = self.store.interval_results(&self.zone.zone, start)?;
        let (mut saved, mut homes) = (NanoAmount::ZERO, 0_u32);
        for part in parts
            .iter()
            .map(|p| &p.result)
            .filter(|r| r.energy.is_some())
        {
            saved = saved.plus(part.without_market.less(part.cost()?)?)?;
            homes += 1;
        }
        let totals = Totals {
            from_utility: WattHours::sum(parts.iter().map(|p| p.result.residual_import))?,
            to_utility: WattHours::sum(parts.iter().map(|p| p.result.residual_export))?,
            saved,
            homes,
        };
        self.totals().insert(start, totals);
        Ok(totals)
    }

    /// Ends of settlement batches with their numbers.
    fn batch_ends(&self) -> Result<BTreeMap<i64, u64>, SourceError> {
        let mut ends: BTreeMap<i64, u64> = self
            .store
            .final_roots()?
            .into_iter()
            .map(|r| (r.settled_to_s, r.number))
            .collect();
        let newest = self.store.newest_settlement_batches(8)?;
        ends.extend(
            newest
                .iter()
                .filter(|b| b.state != BatchState::Voided)
                .map(|b| (b.settled_to_s, b.number)),
        );
        Ok(ends)
    }

    pub(super) fn interval_facts(
        &self,
        rows: Vec<IntervalRow>,
    ) -> Result<Vec<IntervalFacts>, SourceError> {
        let ends = self.batch_ends()?;
        let mut facts = Vec::with_capacity(rows.len());
        for row in rows {
            let totals = self.totals_of(row.start)?;
            facts.push(IntervalFacts {
                start: row.start,
                state: state(row.state),
                price: row.price,
                price_lo: row.price.and(row.price_lo),
                price_hi: row.price.and(row.price_hi),
                traded: row.quantity,
                from_utility: totals.from_utility,
                to_utility: totals.to_utility,
                saved: totals.saved,
                homes: totals.homes,
                batch: batch_of(&ends, row.end),
            });
        }
        Ok(facts)
    }

    pub(super) fn lines(
        &self,
        parts: Vec<HomeInterval>,
        from_s: i64,
        to_s: i64,
    ) -> Result<Vec<HomeIntervalFacts>, SourceError> {
        let rows = self.store.intervals(&self.zone.zone, from_s, to_s)?;
        let rows: BTreeMap<_, _> = rows
            .into_iter()
            .map(|r| (r.start, (r.end, r.state)))
            .collect();
        let ends = self.batch_ends()?;
        let line = |part: HomeInterval| {
            let (end, kept) = rows.get(&part.result.interval).copied()?;
            Some(line(&part, state(kept), batch_of(&ends, end)))
        };
        Ok(parts.into_iter().filter_map(line).collect())
    }

    pub(super) fn book_of(&self, start: IntervalStart) -> Result<Option<BookFacts>, SourceError> {
        let Some(row) = self.store.interval(&self.zone.zone, start)? else {
            return Ok(None);
        };
        let orders = self
            .store
            .order_rows(&self.zone.zone, start)?
            .iter()
            .map(store::HomeOrder::order)
            .collect::<Result<_, _>>()?;
        Ok(Some(BookFacts {
            start,
            orders,
            price: row.price,
            price_lo: row.price.and(row.price_lo),
            price_hi: row.price.and(row.price_hi),
            traded: row.quantity,
        }))
    }

    pub(super) fn newest_batches(&self, at_most: u32) -> Result<Vec<BatchFacts>, SourceError> {
        let mut facts = Vec::new();
        for batch in self.store.newest_settlement_batches(at_most)? {
            let word = match batch.state {
                BatchState::Built => "built",
                BatchState::Pending => "pending",
                BatchState::Final => "final",
                BatchState::Voided => "voided",
            };
            facts.push(BatchFacts {
                number: batch.number,
                settled_to: self.zone.interval.containing(batch.settled_to_s),
                root: batch.root,
                state: word.to_owned(),
                is_final: batch.state == BatchState::Final,
                gas: None,
                tx: batch.tx_hash,
            });
        }
        Ok(facts)
    }
}

fn batch_of(ends: &BTreeMap<i64, u64>, end: IntervalStart) -> Option<u64> {
    ends.range(end.seconds()..)
        .next()
        .map(|(_, number)| *number)
}

/// Corrections belong to the home and the utility: they change its energy, its bill and what it
/// would have cost without the market by the same amount.
fn line(part: &HomeInterval, state: IntervalState, batch: Option<u64>) -> HomeIntervalFacts {
    let HomeInterval {
        result,
        corrections,
    } = part;
    let corrected =
        |energy: WattHours, f: fn(&clearing_house::corrections::HomeCorrection) -> i64| {
            WattHours::new(
                corrections
                    .iter()
                    .map(f)
                    .fold(energy.get(), u64::saturating_add_signed),
            )
        };
    let late_bill = corrections
        .iter()
        .map(|c| c.bill.get())
        .fold(0_i64, i64::saturating_add);
    let known = result.energy.is_some() || !corrections.is_empty();
    let (import, export, substituted) = result
        .energy
        .map_or((WattHours::ZERO, WattHours::ZERO, false), |energy| {
            (energy.import, energy.export, energy.substituted)
        });
    HomeIntervalFacts {
        home: result.home,
        start: result.interval,
        state,
        import: known.then(|| corrected(import, |c| c.import.get())),
        export: known.then(|| corrected(export, |c| c.export.get())),
        substituted,
        order: order(result),
        from_utility: corrected(result.residual_import, |c| c.import.get()),
        to_utility: corrected(result.residual_export, |c| c.export.get()),
        bill: NanoAmount::new(result.utility_bill.get().saturating_add(late_bill)),
        without_market: NanoAmount::new(result.without_market.get().saturating_add(late_bill)),
        minted: result.minted,
        credited: result.credited,
        reason: reasons(result).join(" "),
        cut: result.cut.map(|CutReason::Funds| cut(result)),
        batch,
    }
}

fn order(result: &HomeResult) -> Option<OrderFacts> {
    result.order.map(|o| OrderFacts {
        side: o.side,
        quantity: o.quantity,
        limit: o.limit,
        price: o.price,
        fill: o.fill,
        amount: o.amount,
        fee: o.fee,
    })
}

fn cut(result: &HomeResult) -> String {
    let offered = result.order.map_or(WattHours::ZERO, |o| o.quantity);
    format!(
        "The money available covered {} kWh at the home's price, and no more was offered.",
        crate::format::kwh_exact(offered)
    )
}
