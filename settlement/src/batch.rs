//! A settlement batch with all its leaves, built the same way from the same leaves every time.
//!
//! Order is part of the input and checked, not made: homes stand at their index, meters rise by id,
//! markets by (zone, interval). [`SettlementBatch::build`] refuses what the contract would refuse, and
//! what only the operator can see: a meter twice, an account twice, cash that is not zero in sum.

use std::collections::BTreeMap;

use energy_core::{
    Address, Hash, IntervalStart, MerkleProof, MerkleTree, MeterId, NanoAmount, WattHours, ZoneId,
};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{BatchHeader, EvidenceLeaf, HomeLeaf, MarketLeaf, SumProof, SumTree, TreeError};

/// Leaves do not make a batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A sum does not fit.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// Numbers begin with 1.
    #[error("expected a batch number from 1, got 0")]
    Number,
    /// Not one account.
    #[error("expected at least one home leaf, got none")]
    NoHomes,
    /// More leaves than an index can name.
    #[error("expected at most 2^32 leaves, got {got}")]
    TooMany {
        /// How many came.
        got: usize,
    },
    /// Two leaves with one address: a claim could not tell them apart.
    #[error("account {account} has two leaves, {first} and {second}")]
    AccountTwice {
        /// The account.
        account: Address,
        /// Its first index.
        first: u32,
        /// Its second index.
        second: u32,
    },
    /// More energy retired than credited.
    #[error("account {account}: expected at most {credited} retired, got {retired}")]
    RetiredAboveCredited {
        /// The account.
        account: Address,
        /// What it has.
        credited: WattHours,
        /// What was retired.
        retired: WattHours,
    },
    /// Money was made or lost.
    #[error("expected cash to sum to zero, got {got}")]
    CashSum {
        /// The sum.
        got: NanoAmount,
    },
    /// Energy was made or lost between meters and accounts.
    #[error("expected credited = minted, got {credited} credited and {minted} minted")]
    CreditedIsNotMinted {
        /// Credited to all accounts.
        credited: WattHours,
        /// Minted for all meters.
        minted: WattHours,
    },
    /// A meter's carry exceeds what was minted for it.
    #[error("meter {meter}: expected at most {minted} carry, got {carry}")]
    CarryAboveMinted {
        /// The meter.
        meter: MeterId,
        /// Its minted energy.
        minted: WattHours,
        /// Its carry.
        carry: WattHours,
    },
    /// A meter out of order, or twice.
    #[error("expected meters in rising order, got {got} after {before}")]
    MeterOrder {
        /// The one before.
        before: MeterId,
        /// The one that came.
        got: MeterId,
    },
    /// A meter settled beyond the batch.
    #[error("meter {meter} is settled to {got} s, the batch to {settled_to} s")]
    MeterAhead {
        /// The meter.
        meter: MeterId,
        /// Its end, in s UTC.
        got: u64,
        /// The batch's, in s UTC.
        settled_to: u64,
    },
    /// A market out of order, or twice.
    #[error(
        "expected markets in rising order of zone and interval, got {zone} {interval} s out of order"
    )]
    MarketOrder {
        /// The zone.
        zone: ZoneId,
        /// The interval's start, in s UTC.
        interval: i64,
    },
    /// Something that only ever grows is less than in the batch before.
    #[error("{what} fell: {before} in the batch before, {got} now")]
    Fell {
        /// What.
        what: String,
        /// Its value before.
        before: u64,
        /// Its value now.
        got: u64,
    },
    /// Not the batch after the other.
    #[error("expected batch {expected} next, got {got}")]
    NotNext {
        /// The expected number.
        expected: u64,
        /// The number that came.
        got: u64,
    },
    /// An account that was in the batch before has moved or is gone.
    #[error("account {account} stood at index {index} in the batch before and does not now")]
    AccountMoved {
        /// The account.
        account: Address,
        /// Its index before.
        index: u32,
    },
}

/// A header with all the leaves below it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct SettlementBatch {
    #[n(0)]
    header: BatchHeader,
    #[n(1)]
    homes: Vec<HomeLeaf>,
    #[n(2)]
    evidence: Vec<EvidenceLeaf>,
    #[n(3)]
    markets: Vec<MarketLeaf>,
}

impl SettlementBatch {
    /// Builds batch `number` after the batch with the root `parent_root`.
    ///
    /// `settled_to` is the end of the newest interval in it, in s UTC. `homes` stand at their index;
    /// `evidence` rises by meter, `markets` by (zone, interval).
    ///
    /// # Errors
    /// [`BuildError`] for anything that does not add up or is out of order.
    pub fn build(
        number: u64,
        parent_root: Hash,
        settled_to: u64,
        homes: Vec<HomeLeaf>,
        evidence: Vec<EvidenceLeaf>,
        markets: Vec<MarketLeaf>,
    ) -> Result<Self, BuildError> {
        if number == 0 {
            return Err(BuildError::Number);
        }
        check_homes(&homes)?;
        check_evidence(&evidence, settled_to)?;
        check_markets(&markets)?;

        let home_sums = home_tree(&homes)?.root();
        let evidence_sums = evidence_tree(&evidence)?.root();
        let (credited, minted) = (WattHours::new(home_sums.a), WattHours::new(evidence_sums.a));
        if home_sums.b != 0 {
            return Err(BuildError::CashSum {
                got: NanoAmount::new(home_sums.b),
            });
        }
        if credited != minted {
            return Err(BuildError::CreditedIsNotMinted { credited, minted });
        }
        let header = BatchHeader {
            number,
            parent_root,
            settled_to,
            home_root: home_sums.hash,
            credited,
            evidence_root: evidence_sums.hash,
            minted,
            carry: WattHours::new(evidence_sums.b),
            market_root: market_tree(&markets).root(),
        };
        Ok(Self {
            header,
            homes,
            evidence,
            markets,
        })
    }

    /// Whether the header is the one that follows from the leaves: for a batch that came from
    /// elsewhere.
    ///
    /// # Errors
    /// [`BuildError`] when the leaves make no batch.
    pub fn is_consistent(&self) -> Result<bool, BuildError> {
        let BatchHeader {
            number,
            parent_root,
            settled_to,
            ..
        } = self.header;
        let (homes, evidence) = (self.homes.clone(), self.evidence.clone());
        let rebuilt = Self::build(
            number,
            parent_root,
            settled_to,
            homes,
            evidence,
            self.markets.clone(),
        )?;
        Ok(rebuilt.header == self.header)
    }

    /// Whether this batch may follow `previous`: the next number, a later end, every account where it
    /// was, and nothing that fell.
    ///
    /// # Errors
    /// [`BuildError::NotNext`], [`BuildError::AccountMoved`] or [`BuildError::Fell`].
    pub fn follows(&self, previous: &Self) -> Result<(), BuildError> {
        let expected = previous.header.number.saturating_add(1);
        if self.header.number != expected {
            return Err(BuildError::NotNext {
                expected,
                got: self.header.number,
            });
        }
        not_below(
            "the settled time",
            previous.header.settled_to.saturating_add(1),
            self.header.settled_to,
        )?;
        for (index, before) in (0_u32..).zip(&previous.homes) {
            let account = before.account;
            let now = usize::try_from(index)
                .ok()
                .and_then(|i| self.homes.get(i))
                .filter(|l| l.account == account);
            let now = now.ok_or(BuildError::AccountMoved { account, index })?;
            not_below(
                &format!("credited energy of {account}"),
                before.credited.get(),
                now.credited.get(),
            )?;
            not_below(
                &format!("retired energy of {account}"),
                before.retired.get(),
                now.retired.get(),
            )?;
        }
        let meters: BTreeMap<MeterId, &EvidenceLeaf> = self
            .evidence
            .iter()
            .map(|leaf| (leaf.meter, leaf))
            .collect();
        for before in &previous.evidence {
            let minted = meters
                .get(&before.meter)
                .map_or(0, |leaf| leaf.minted.get());
            not_below(
                &format!("minted energy of meter {}", before.meter),
                before.minted.get(),
                minted,
            )?;
        }
        Ok(())
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The home leaves; the index is the place.
    #[must_use]
    pub fn homes(&self) -> &[HomeLeaf] {
        &self.homes
    }

    /// The evidence leaves, by meter.
    #[must_use]
    pub fn evidence(&self) -> &[EvidenceLeaf] {
        &self.evidence
    }

    /// The market leaves, by zone and interval.
    #[must_use]
    pub fn markets(&self) -> &[MarketLeaf] {
        &self.markets
    }

    /// The leaf at `index` and its path.
    #[must_use]
    pub fn home_proof(&self, index: u32) -> Option<(HomeLeaf, SumProof<i64>)> {
        let place = usize::try_from(index).ok()?;
        let leaf = *self.homes.get(place)?;
        Some((leaf, home_tree(&self.homes).ok()?.proof(place)?))
    }

    /// The path above the aligned range of 2^`height` home leaves that begins at `first`, and the
    /// leaves in it: what `Settlement.sync` takes. None unless `first` is a multiple of the width.
    #[must_use]
    pub fn home_range(&self, first: u32, height: u32) -> Option<(Vec<HomeLeaf>, SumProof<i64>)> {
        let width = 1_usize.checked_shl(height)?;
        let start = usize::try_from(first).ok()?;
        if !start.is_multiple_of(width) || start >= self.homes.len() {
            return None;
        }
        let end = start.saturating_add(width).min(self.homes.len());
        let proof = home_tree(&self.homes)
            .ok()?
            .range_proof(start, usize::try_from(height).ok()?)?;
        Some((self.homes.get(start..end)?.to_vec(), proof))
    }

    /// A meter's leaf and its path.
    #[must_use]
    pub fn evidence_proof(&self, meter: MeterId) -> Option<(EvidenceLeaf, SumProof<u64>)> {
        let place = self
            .evidence
            .binary_search_by_key(&meter, |leaf| leaf.meter)
            .ok()?;
        Some((
            *self.evidence.get(place)?,
            evidence_tree(&self.evidence).ok()?.proof(place)?,
        ))
    }

    /// A market's leaf and its path.
    #[must_use]
    pub fn market_proof(
        &self,
        zone: &ZoneId,
        interval: IntervalStart,
    ) -> Option<(MarketLeaf, MerkleProof)> {
        let place = self
            .markets
            .binary_search_by_key(&(zone, interval), |leaf| (&leaf.zone, leaf.interval))
            .ok()?;
        Some((
            self.markets.get(place)?.clone(),
            market_tree(&self.markets).proof(place)?,
        ))
    }
}

fn home_tree(homes: &[HomeLeaf]) -> Result<SumTree<i64>, TreeError> {
    SumTree::new(
        (0_u32..)
            .zip(homes)
            .map(|(index, leaf)| leaf.node(index))
            .collect(),
    )
}

fn evidence_tree(evidence: &[EvidenceLeaf]) -> Result<SumTree<u64>, TreeError> {
    SumTree::new(evidence.iter().map(EvidenceLeaf::node).collect())
}

fn market_tree(markets: &[MarketLeaf]) -> MerkleTree {
    MerkleTree::new(markets.iter().map(MarketLeaf::hash).collect())
}

fn check_homes(homes: &[HomeLeaf]) -> Result<(), BuildError> {
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

fn check_evidence(evidence: &[EvidenceLeaf], settled_to: u64) -> Result<(), BuildError> {
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

fn check_markets(markets: &[MarketLeaf]) -> Result<(), BuildError> {
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

fn not_below(what: &str, before: u64, got: u64) -> Result<(), BuildError> {
    if got < before {
        Err(BuildError::Fell {
            what: what.to_owned(),
            before,
            got,
        })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use energy_core::{IntervalLength, from_canonical, to_canonical};

    use super::*;

    fn home(n: u8, credited: u64, cash: i64) -> HomeLeaf {
        HomeLeaf {
            account: Address::new([n; 20]),
            credited: WattHours::new(credited),
            retired: WattHours::ZERO,
            cash: NanoAmount::new(cash),
        }
    }

    fn meter(n: u8, minted: u64) -> EvidenceLeaf {
        EvidenceLeaf {
            meter: MeterId::new([n; 16]),
            settled_to: 900,
            minted: WattHours::new(minted),
            carry: WattHours::ZERO,
            sequence: 1,
            reading: Hash::ZERO,
        }
    }

    fn market(zone: &str, start: i64) -> MarketLeaf {
        MarketLeaf {
            zone: ZoneId::new(zone).expect("a zone"),
            interval: IntervalLength::QUARTER_HOUR
                .start_at(start)
                .expect("aligned"),
            certificate: Hash::ZERO,
            order_rows: Hash::ZERO,
        }
    }

    fn build(
        homes: Vec<HomeLeaf>,
        evidence: Vec<EvidenceLeaf>,
    ) -> Result<SettlementBatch, BuildError> {
        SettlementBatch::build(
            1,
            Hash::ZERO,
            900,
            homes,
            evidence,
            vec![market("elm-street", 0)],
        )
    }

    fn small() -> SettlementBatch {
        build(
            vec![home(1, 0, 40), home(2, 7, -30), home(3, 3, -10)],
            vec![meter(1, 4), meter(2, 6)],
        )
        .expect("adds up")
    }

    #[test]
    fn every_leaf_is_proved_by_the_header() {
        let batch = small();
        let header = *batch.header();
        for index in 0..3 {
            let (leaf, proof) = batch.home_proof(index).expect("inside");
            let root = proof.root(leaf.node(index)).expect("fits");
            assert_eq!(
                (root.hash, root.a, root.b),
                (header.home_root, header.credited.get(), 0)
            );
        }
        let (leaf, proof) = batch.evidence_proof(MeterId::new([2; 16])).expect("inside");
        let root = proof.root(leaf.node()).expect("fits");
        assert_eq!((root.hash, root.a, root.b), (header.evidence_root, 10, 0));
        let (leaf, proof) = batch
            .market_proof(&leaf_zone(), leaf_interval())
            .expect("inside");
        assert_eq!(proof.root(leaf.hash()), Some(header.market_root));
        assert!(batch.home_proof(3).is_none());
    }

    fn leaf_zone() -> ZoneId {
        market("elm-street", 0).zone
    }

    fn leaf_interval() -> IntervalStart {
        market("elm-street", 0).interval
    }

    #[test]
    fn a_batch_survives_its_encoding() {
        let batch = small();
        assert_eq!(
            from_canonical::<SettlementBatch>(&to_canonical(&batch)),
            Ok(batch.clone())
        );
        assert_eq!(batch.is_consistent(), Ok(true));
        let (_, proof) = batch.home_proof(1).expect("inside");
        assert_eq!(
            from_canonical::<SumProof<i64>>(&to_canonical(&proof)),
            Ok(proof)
        );
        let mut other = batch;
        other.header.carry = WattHours::new(1);
        assert_eq!(other.is_consistent(), Ok(false));
    }

    #[test]
    fn what_does_not_add_up_is_refused() {
        let meters = vec![meter(1, 10)];
        let cash = build(vec![home(1, 10, 1), home(2, 0, -2)], meters.clone());
        assert_eq!(
            cash,
            Err(BuildError::CashSum {
                got: NanoAmount::new(-1)
            })
        );
        let energy = build(vec![home(1, 9, 0)], meters.clone());
        let (credited, minted) = (WattHours::new(9), WattHours::new(10));
        assert_eq!(
            energy,
            Err(BuildError::CreditedIsNotMinted { credited, minted })
        );
        assert_eq!(build(vec![], meters.clone()), Err(BuildError::NoHomes));
        let twice = build(vec![home(1, 10, 0), home(1, 0, 0)], meters);
        assert!(matches!(
            twice,
            Err(BuildError::AccountTwice {
                first: 0,
                second: 1,
                ..
            })
        ));
        let order = build(vec![home(1, 20, 0)], vec![meter(2, 10), meter(1, 10)]);
        assert!(matches!(order, Err(BuildError::MeterOrder { .. })));
        let overflow = build(vec![home(1, u64::MAX, 0), home(2, 1, 0)], vec![]);
        assert_eq!(overflow, Err(BuildError::Tree(TreeError::Overflow)));
        let ahead = EvidenceLeaf {
            settled_to: 901,
            ..meter(1, 10)
        };
        assert!(matches!(
            build(vec![home(1, 10, 0)], vec![ahead]),
            Err(BuildError::MeterAhead { .. })
        ));
        let markets = vec![market("elm-street", 900), market("elm-street", 0)];
        let unsorted =
            SettlementBatch::build(1, Hash::ZERO, 900, vec![home(1, 0, 0)], vec![], markets);
        assert!(matches!(unsorted, Err(BuildError::MarketOrder { .. })));
    }

    #[test]
    fn the_next_batch_keeps_everybody_in_place_and_lets_nothing_fall() {
        let next =
            |homes, evidence| SettlementBatch::build(2, Hash::ZERO, 1800, homes, evidence, vec![]);
        let meters = vec![meter(1, 4), meter(2, 7)];
        let first = [home(1, 0, 40), home(2, 7, -30), home(3, 3, -10)];
        let mut homes = first.to_vec();
        homes.push(home(4, 1, 0));
        let good = next(homes.clone(), meters.clone()).expect("adds up");
        assert_eq!(good.follows(&small()), Ok(()));
        assert!(matches!(
            small().follows(&good),
            Err(BuildError::NotNext {
                expected: 3,
                got: 1
            })
        ));

        homes.swap(1, 2);
        let moved = next(homes, meters.clone()).expect("adds up");
        assert!(matches!(
            moved.follows(&small()),
            Err(BuildError::AccountMoved { index: 1, .. })
        ));
        let fell = next(
            vec![home(1, 1, 40), home(2, 6, -30), home(3, 4, -10)],
            meters,
        )
        .expect("adds up");
        assert!(matches!(
            fell.follows(&small()),
            Err(BuildError::Fell {
                before: 7,
                got: 6,
                ..
            })
        ));
        let lost = next(
            vec![home(1, 0, 40), home(2, 7, -30), home(3, 3, -10)],
            vec![meter(2, 10)],
        )
        .expect("adds up");
        assert!(matches!(
            lost.follows(&small()),
            Err(BuildError::Fell {
                before: 4,
                got: 0,
                ..
            })
        ));
    }
}
