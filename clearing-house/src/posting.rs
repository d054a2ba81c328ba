//! Posting a journal entry to the ledger: the only way in which a balance ever changes, so ledger and
//! journal cannot differ.

use energy_core::{NanoAmount, WattHours};

use crate::account::{Account, HomeAccount, Ledger};
use crate::journal::{Asset, JournalEntry, JournalError, JournalLine, LineKind};
use crate::tokens::TokenAccount;

impl Ledger {
    /// The ledger after an entry.
    ///
    /// Energy and bill lines change no balance: energy is used up, bills are paid outside.
    ///
    /// # Errors
    /// [`JournalError`] when the entry is not balanced, does not follow the newest one, or has a line
    /// that no account can take.
    pub fn post(&self, entry: &JournalEntry) -> Result<Self, JournalError> {
        entry.check()?;
        if entry.previous != self.journal_head {
            return Err(JournalError::Chain {
                expected: self.journal_head,
                got: entry.previous,
            });
        }
        let mut after = self.clone();
        for line in &entry.lines {
            after.post_line(line)?;
        }
        after.journal_head = entry.hash();
        Ok(after)
    }

    fn post_line(&mut self, line: &JournalLine) -> Result<(), JournalError> {
        let range = JournalError::Range {
            account: line.account,
            asset: line.asset,
        };
        match (line.account, line.asset, line.kind) {
            (_, Asset::Energy | Asset::Bill, _)
            | (Account::Mint, Asset::Token | Asset::Carry, _) => Ok(()),
            (Account::Operator, Asset::Cash, _) => {
                self.operator_cash = self
                    .operator_cash
                    .plus(NanoAmount::new(line.amount))
                    .map_err(|_| range)?;
                Ok(())
            }
            (Account::Zone, Asset::Cash, LineKind::Surplus) => {
                self.zone_cash = self
                    .zone_cash
                    .plus(NanoAmount::new(line.amount))
                    .map_err(|_| range)?;
                Ok(())
            }
            (Account::Utility, Asset::Token, LineKind::TokensCredited) => {
                self.utility_credited = raised(self.utility_credited, line.amount).ok_or(range)?;
                Ok(())
            }
            (Account::Home(home), asset, kind) => {
                let account = self
                    .homes
                    .entry(home)
                    .or_insert_with(|| HomeAccount::new(home));
                post_to_home(account, asset, kind, line)
            }
            (account, asset, kind) => Err(JournalError::Account {
                account,
                asset,
                kind,
            }),
        }
    }
}

fn post_to_home(
    account: &mut HomeAccount,
    asset: Asset,
    kind: LineKind,
    line: &JournalLine,
) -> Result<(), JournalError> {
    let range = JournalError::Range {
        account: line.account,
        asset,
    };
    match (asset, kind) {
        (Asset::Cash, _) => {
            account.cash = account
                .cash
                .plus(NanoAmount::new(line.amount))
                .map_err(|_| range)?
        }
        (Asset::Token, LineKind::Minted) => {
            account.verified = raised(account.verified, line.amount).ok_or(range)?;
        }
        // Carry up means verified down and the other way round: M = V + C stays.
        (Asset::Carry, _) => {
            account.carry = moved(account.carry, line.amount).ok_or(range)?;
            account.verified =
                moved(account.verified, line.amount.checked_neg().ok_or(range)?).ok_or(range)?;
        }
        (Asset::Token, LineKind::TokensCredited) => {
            account.credited = raised(account.credited, line.amount).ok_or(range)?;
        }
        (Asset::Token, LineKind::TokensPassedOn) => {}
        (asset, kind) => {
            return Err(JournalError::Account {
                account: line.account,
                asset,
                kind,
            });
        }
    }
    Ok(())
}

/// For what never falls.
fn raised(balance: WattHours, amount: i64) -> Option<WattHours> {
    balance
        .get()
        .checked_add(u64::try_from(amount).ok()?)
        .map(WattHours::new)
}

fn moved(balance: WattHours, amount: i64) -> Option<WattHours> {
    balance.get().checked_add_signed(amount).map(WattHours::new)
}

/// The lines of a home's account going from one state of V and C to another, with the tokens that
/// were minted on the way credited to the holders given.
pub(crate) fn token_lines(
    producer: Account,
    before: TokenAccount,
    after: TokenAccount,
    minted: WattHours,
) -> Option<Vec<JournalLine>> {
    let carry =
        i64::try_from(i128::from(after.carry.get()).checked_sub(before.carry.get().into())?)
            .ok()?;
    let minted = signed(minted)?;
    let line = |account, asset, amount, kind| JournalLine {
        account,
        asset,
        amount,
        kind,
    };
    Some(vec![
        line(
            Account::Mint,
            Asset::Token,
            minted.checked_neg()?,
            LineKind::Minted,
        ),
        line(producer, Asset::Token, minted, LineKind::Minted),
        line(
            producer,
            Asset::Token,
            minted.checked_neg()?,
            LineKind::TokensPassedOn,
        ),
        line(producer, Asset::Carry, carry, LineKind::Carry),
        line(
            Account::Mint,
            Asset::Carry,
            carry.checked_neg()?,
            LineKind::Carry,
        ),
    ])
}

/// Energy as a signed amount of a line.
pub(crate) fn signed(energy: WattHours) -> Option<i64> {
    i64::try_from(energy.get()).ok()
}
