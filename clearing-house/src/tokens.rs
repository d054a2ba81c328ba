//! Energy tokens: one for each Wh of verified local generation that was exported.
//!
//! A home has *verified* V and *carry* C; what was minted for it is M = V + C, always, so
//! **V = M − C**. In an interval with export e and generation so far G:
//!
//! `v = max(0, min(e, G − V)); V += v; r = min(C, v); C −= r; minted: v − r`
//!
//! so a battery that charges from the grid and discharges mints nothing new, and nothing is minted
//! that was not exported. A correction down by d: `V −= d, C += d`; M never falls. Source: DESIGN §8.

use energy_core::{Overflow, WattHours};

use crate::account::HomeAccount;

/// V and C of one home.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenAccount {
    /// V.
    pub verified: WattHours,
    /// C.
    pub carry: WattHours,
}

impl From<&HomeAccount> for TokenAccount {
    fn from(account: &HomeAccount) -> Self {
        Self {
            verified: account.verified,
            carry: account.carry,
        }
    }
}

/// How much of an export counts as verified generation, given V so far.
///
/// With a generation meter: never more than the generation so far allows, and nothing while that is
/// unknown (pass the newest known value: it only rises, so it is a safe bound). Without one: all of it
/// for a home without a battery, nothing for a home with one.
#[must_use]
pub fn verifiable(
    verified: WattHours,
    export: WattHours,
    generation_so_far: Option<WattHours>,
    has_generation_meter: bool,
    has_battery: bool,
) -> WattHours {
    match (has_generation_meter, has_battery, generation_so_far) {
        (true, _, Some(generation)) => export.min(generation.saturating_less(verified)),
        (true, _, None) | (false, true, _) => WattHours::ZERO,
        (false, false, _) => export,
    }
}

/// Counts `amount` as verified; gives the account after it and the tokens newly minted.
///
/// # Errors
/// [`Overflow`].
pub fn verify(
    account: TokenAccount,
    amount: WattHours,
) -> Result<(TokenAccount, WattHours), Overflow> {
    let repaid = account.carry.min(amount);
    let after = TokenAccount {
        verified: account.verified.plus(amount)?,
        carry: account.carry.less(repaid)?,
    };
    Ok((after, amount.less(repaid)?))
}

/// One interval: the account after it and the tokens newly minted.
///
/// # Errors
/// [`Overflow`].
pub fn generate(
    account: TokenAccount,
    export: WattHours,
    generation_so_far: Option<WattHours>,
    has_generation_meter: bool,
    has_battery: bool,
) -> Result<(TokenAccount, WattHours), Overflow> {
    verify(
        account,
        verifiable(
            account.verified,
            export,
            generation_so_far,
            has_generation_meter,
            has_battery,
        ),
    )
}

/// What V should be after these intervals, from the readings alone: each with its export and the
/// generation so far at its end. Starts from V before the first of them.
///
/// The audit compares it with the ledger, and a correction brings the ledger to it.
///
/// # Errors
/// [`Overflow`].
pub fn verified_after(
    start: WattHours,
    intervals: impl IntoIterator<Item = (WattHours, Option<WattHours>)>,
    has_generation_meter: bool,
    has_battery: bool,
) -> Result<WattHours, Overflow> {
    intervals
        .into_iter()
        .try_fold(start, |verified, (export, generation)| {
            verified.plus(verifiable(
                verified,
                export,
                generation,
                has_generation_meter,
                has_battery,
            ))
        })
}

/// Takes `amount` back from what was verified. What was minted stays minted: it becomes carry.
///
/// # Errors
/// [`Overflow`] when more is taken back than was ever verified.
pub fn take_back(account: TokenAccount, amount: WattHours) -> Result<TokenAccount, Overflow> {
    Ok(TokenAccount {
        verified: account.verified.less(amount)?,
        carry: account.carry.plus(amount)?,
    })
}

/// Brings V to what the readings now say it should be, up or down; gives the tokens newly minted.
///
/// # Errors
/// [`Overflow`].
pub fn adjust(
    account: TokenAccount,
    verified: WattHours,
) -> Result<(TokenAccount, WattHours), Overflow> {
    if verified >= account.verified {
        verify(account, verified.less(account.verified)?)
    } else {
        Ok((
            take_back(account, account.verified.less(verified)?)?,
            WattHours::ZERO,
        ))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn wh(n: u64) -> WattHours {
        WattHours::new(n)
    }

    #[test]
    fn a_battery_loop_mints_nothing_new() {
        // 100 Wh generated and exported; then 500 Wh bought, stored and fed back.
        let (account, minted) =
            generate(TokenAccount::default(), wh(100), Some(wh(100)), true, true).expect("small");
        assert_eq!(minted, wh(100));
        let (account, minted) =
            generate(account, wh(500), Some(wh(100)), true, true).expect("small");
        assert_eq!(minted, wh(0));
        assert_eq!(account.verified, wh(100));
    }

    #[test]
    fn what_cannot_be_known_is_not_verified() {
        assert_eq!(verifiable(wh(0), wh(50), None, true, false), wh(0));
        assert_eq!(verifiable(wh(0), wh(50), None, false, true), wh(0));
        assert_eq!(verifiable(wh(0), wh(50), None, false, false), wh(50));
    }

    #[test]
    fn carry_is_paid_off_before_anything_is_minted() {
        let (account, _) = verify(TokenAccount::default(), wh(100)).expect("small");
        let account = take_back(account, wh(30)).expect("small");
        assert_eq!(
            account,
            TokenAccount {
                verified: wh(70),
                carry: wh(30)
            }
        );
        let (account, minted) = verify(account, wh(40)).expect("small");
        assert_eq!(
            (account.verified, account.carry, minted),
            (wh(110), wh(0), wh(10))
        );
        assert!(take_back(account, wh(111)).is_err());
    }

    proptest! {
        #[test]
        fn verified_is_minted_less_carry(steps in prop::collection::vec((any::<bool>(), 0_u64..1_000), 1..40)) {
            let mut account = TokenAccount::default();
            let mut minted = 0;
            for (up, amount) in steps {
                if up {
                    let (after, new) = verify(account, wh(amount)).expect("small");
                    minted += new.get();
                    account = after;
                } else {
                    let target = account.verified.saturating_less(wh(amount));
                    let (after, new) = adjust(account, target).expect("small");
                    prop_assert_eq!(new, WattHours::ZERO);
                    account = after;
                }
                prop_assert_eq!(account.verified.get(), minted - account.carry.get());
            }
        }
    }
}
