//! What every account holds: the whole ledger of a zone after every journal entry, so that it can be
//! read as it was at any interval.

use clearing_house::{Account, HomeAccount, Ledger};
use diesel::prelude::*;
use energy_core::{Hash, IntervalStart, NanoAmount, WattHours, ZoneId};

use crate::columns::{Big, Blob};
use crate::schema::{account_states, intervals, journal_entries};
use crate::{Result, Store, StoreError, journal};

impl Store {
    /// The ledger of a zone as the next interval finds it: after its newest journal entry, empty
    /// before the first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn ledger(&self, zone: &ZoneId) -> Result<Ledger> {
        self.read(|c| newest(c, zone))
    }

    /// The ledger of a zone as it was after the journal entry with this number; empty for 0.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] for an entry that is not there.
    pub fn ledger_after(&self, zone: &ZoneId, number: u64) -> Result<Ledger> {
        if number == 0 {
            return Ok(Ledger::default());
        }
        self.read(|c| {
            let hash: Option<Blob<Hash>> = journal_entries::table
                .find((zone.as_str(), Big(number)))
                .select(journal_entries::hash)
                .first(c)
                .optional()?;
            let hash = hash.ok_or_else(|| StoreError::Unknown {
                what: "journal entry",
                key: format!("{zone} {number}"),
            })?;
            ledger_after(c, zone, number, hash.0)
        })
    }

    /// The ledger of a zone as it was right after an interval was cleared, none if it was not.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn ledger_at(&self, zone: &ZoneId, start: IntervalStart) -> Result<Option<Ledger>> {
        let number: Option<Big<u64>> = self.read(|c| {
            let interval = intervals::table.find((zone.as_str(), Big(start)));
            Ok(interval
                .select(intervals::journal_number)
                .first(c)
                .optional()?)
        })?;
        number
            .map(|number| self.ledger_after(zone, number.0))
            .transpose()
    }
}

/// The ledger after the newest journal entry.
pub(crate) fn newest(c: &mut SqliteConnection, zone: &ZoneId) -> Result<Ledger> {
    match journal::head(c, zone)? {
        Some((number, hash)) => ledger_after(c, zone, number, hash),
        None => Ok(Ledger::default()),
    }
}

/// Keeps the whole ledger as the state after an entry.
pub(crate) fn keep(
    c: &mut SqliteConnection,
    zone: &ZoneId,
    number: u64,
    ledger: &Ledger,
) -> Result<()> {
    let wh = WattHours::ZERO;
    keep_account(
        c,
        zone,
        number,
        Account::Operator,
        [wh; 4],
        ledger.operator_cash,
    )?;
    // The utility's tokens are retired in its name at once.
    let credited = ledger.utility_credited;
    keep_account(
        c,
        zone,
        number,
        Account::Utility,
        [wh, wh, credited, credited],
        NanoAmount::ZERO,
    )?;
    if ledger.zone_cash != NanoAmount::ZERO {
        keep_account(c, zone, number, Account::Zone, [wh; 4], ledger.zone_cash)?;
    }
    for (home, account) in &ledger.homes {
        let energy = [
            account.verified,
            account.carry,
            account.credited,
            account.retired,
        ];
        keep_account(c, zone, number, Account::Home(*home), energy, account.cash)?;
    }
    Ok(())
}

fn keep_account(
    c: &mut SqliteConnection,
    zone: &ZoneId,
    number: u64,
    account: Account,
    [verified, carry, credited, retired]: [WattHours; 4],
    cash: NanoAmount,
) -> Result<()> {
    use account_states::dsl;
    diesel::insert_into(dsl::account_states)
        .values((
            dsl::zone.eq(zone.as_str()),
            dsl::account.eq(Big(account)),
            dsl::number.eq(Big(number)),
            dsl::verified_wh.eq(Big(verified)),
            dsl::carry_wh.eq(Big(carry)),
            dsl::credited_wh.eq(Big(credited)),
            dsl::retired_wh.eq(Big(retired)),
            dsl::cash.eq(Big(cash)),
        ))
        .execute(c)?;
    Ok(())
}

/// The ledger after the entry with this number and hash.
fn ledger_after(
    c: &mut SqliteConnection,
    zone: &ZoneId,
    number: u64,
    journal_head: Hash,
) -> Result<Ledger> {
    use account_states::dsl;
    type Row = (
        Big<Account>,
        Big<WattHours>,
        Big<WattHours>,
        Big<WattHours>,
        Big<WattHours>,
        Big<NanoAmount>,
    );
    let rows: Vec<Row> = dsl::account_states
        .filter(dsl::zone.eq(zone.as_str()))
        .filter(dsl::number.eq(Big(number)))
        .order(dsl::account)
        .select((
            dsl::account,
            dsl::verified_wh,
            dsl::carry_wh,
            dsl::credited_wh,
            dsl::retired_wh,
            dsl::cash,
        ))
        .load(c)?;
    let mut ledger = Ledger {
        journal_head,
        ..Ledger::default()
    };
    for (account, verified, carry, credited, retired, cash) in rows {
        match account.0 {
            Account::Operator => ledger.operator_cash = cash.0,
            Account::Utility => ledger.utility_credited = credited.0,
            Account::Home(home) => {
                let (verified, carry) = (verified.0, carry.0);
                let (credited, retired, cash) = (credited.0, retired.0, cash.0);
                ledger.homes.insert(
                    home,
                    HomeAccount {
                        home,
                        verified,
                        carry,
                        credited,
                        retired,
                        cash,
                    },
                );
            }
            Account::Zone => ledger.zone_cash = cash.0,
            Account::Mint => {}
        }
    }
    Ok(ledger)
}
