//! Log-ins, sessions, and what homes hold.

use energy_core::{Hash, HomeId, NanoAmount};
use store::{BatchState, SettlementBatchRecord, UserRecord, UserRole};

use super::StoreSource;
use crate::facts::{AccountFacts, BalanceFacts, Role, UserFacts};
use crate::source::SourceError;

fn role(user: &UserRecord) -> Result<Role, SourceError> {
    let homeless = || {
        SourceError::Failed(format!(
            "expected a home for the household log-in {}, got none",
            user.login
        ))
    };
    match user.role {
        UserRole::Household => user.home.map(Role::Household).ok_or_else(homeless),
        UserRole::Operator => Ok(Role::Operator),
        UserRole::Researcher => Ok(Role::Researcher),
    }
}

impl StoreSource {
    pub(super) fn user_facts(&self, login: &str) -> Result<Option<UserFacts>, SourceError> {
        let Some(user) = self.store.user(login)? else {
            return Ok(None);
        };
        Ok(Some(UserFacts {
            role: role(&user)?,
            login: user.login,
            password_hash: user.password_hash,
        }))
    }

    pub(super) fn session_of(
        &self,
        hash: [u8; 32],
        now_s: i64,
    ) -> Result<Option<(String, Role)>, SourceError> {
        let Some(user) = self.store.session_user(&Hash::new(hash), now_s)? else {
            return Ok(None);
        };
        Ok(Some((user.login.clone(), role(&user)?)))
    }

    pub(super) fn balance_of(
        &self,
        home: HomeId,
        synced: Option<u64>,
    ) -> Result<Option<BalanceFacts>, SourceError> {
        let Some(record) = self.store.home(home)? else {
            return Ok(None);
        };
        let escrow = self.store.escrow(&record.address, None)?;
        let nano = |units: u64| i128::from(units) * 1_000;
        let paid_in = nano(escrow.deposited) - nano(escrow.withdrawn);
        let amount = |n: i128| {
            i64::try_from(n).map_err(|_| SourceError::Failed("a balance left 64 bits".to_owned()))
        };
        let at = |batch: Option<SettlementBatchRecord>| {
            let number = batch.as_ref().map(|b| b.number);
            let through = batch.and_then(|b| b.journal_through.get(&self.zone.zone).copied());
            let Some(through) = through else {
                return Ok(AccountFacts {
                    batch: number,
                    energy_wh: 0,
                    money_nano: amount(paid_in)?,
                });
            };
            let account = self
                .store
                .ledger_after(&self.zone.zone, through)?
                .home(home);
            let energy = i128::from(account.credited.get()) - i128::from(account.retired.get());
            let money_nano = amount(paid_in + i128::from(account.cash.get()))?;
            Ok::<_, SourceError>(AccountFacts {
                batch: number,
                energy_wh: amount(energy)?,
                money_nano,
            })
        };
        let at_final = at(self.store.newest_settlement_batch_in(BatchState::Final)?)?;
        let at_synced = match synced {
            Some(number) => at(self.store.settlement_batch(number)?)?,
            None => at_final,
        };
        let cash = self.store.ledger(&self.zone.zone)?.home(home).cash;
        let free = paid_in - nano(escrow.requested)
            + i128::from(cash.get())
            + i128::from(self.zone.credit_limit.get());
        Ok(Some(BalanceFacts {
            at_final,
            at_synced,
            free_funds: NanoAmount::new(amount(free.max(0))?),
        }))
    }
}
