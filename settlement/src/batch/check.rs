//! What each kind of leaf must keep to before it goes into a tree.

use std::collections::BTreeMap;

use super::BuildError;
use crate::{EvidenceLeaf, HomeLeaf, MarketLeaf};

pub(super) fn check_homes(homes: &[HomeLeaf]) -> Result<(), BuildError> {
    if homes.is_empty() {
        return Err(BuildError::NoHomes);
    }
    if u32::try_from(homes.len()).is_err() {
        return Err(BuildError::TooMany { got: homes.len() });
    }
    let mut seen = BTreeMap::new();
    for (second, leaf) in (0_u32..).zip(homes) {
        let HomeLeaf {
            account,
            credited,
            retired,
            ..
        } = *leaf;
        if retired > credited {
            return Err(BuildError::RetiredAboveCredited {
                account,
                credited,
                retired,
            });
        }
        if let Some(first) = seen.insert(account, second) {
            return Err(BuildError::AccountTwice {
                account,
                first,
                second,
            });
        }
    }
    Ok(())
}

pub(super) fn check_evidence(evidence: &[EvidenceLeaf], settled_to: u64) -> Result<(), BuildError> {
    for leaf in evidence {
        let EvidenceLeaf {
            meter,
            minted,
            carry,
            settled_to: got,
            ..
        } = *leaf;
        if carry > minted {
            return Err(BuildError::CarryAboveMinted {
                meter,
                minted,
                carry,
            });
        }
        if got > settled_to {
            return Err(BuildError::MeterAhead {
                meter,
                got,
                settled_to,
            });
        }
    }
    match evidence
        .windows(2)
        .find(|pair| pair[0].meter >= pair[1].meter)
    {
        Some(pair) => Err(BuildError::MeterOrder {
            before: pair[0].meter,
            got: pair[1].meter,
        }),
        None => Ok(()),
    }
}

pub(super) fn check_markets(markets: &[MarketLeaf]) -> Result<(), BuildError> {
    let key = |leaf: &MarketLeaf| (leaf.zone.clone(), leaf.interval);
    match markets
        .windows(2)
        .find(|pair| key(&pair[0]) >= key(&pair[1]))
    {
        Some(pair) => Err(BuildError::MarketOrder {
            zone: pair[1].zone.clone(),
            interval: pair[1].interval.seconds(),
        }),
        None => Ok(()),
    }
}
