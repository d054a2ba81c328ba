//! The steps of a check, in order; the first that does not hold ends it.

use std::collections::BTreeSet;

use energy_core::Hash;

use super::bundle::{Bundle, MeterProof};
use super::report::{Outcome, Report, Step, StepResult};
use super::{Trust, certificate, meter, statement};

/// Checks a bundle against itself and against what is trusted.
///
/// `roots` are accepted roots from elsewhere, the contract itself for instance, besides those of the
/// trust file.
#[must_use]
pub fn verify(bundle: &Bundle, trust: Option<&Trust>, roots: &BTreeSet<Hash>) -> Report {
    let mut taken = Taken { steps: Vec::new() };
    let outcome = match taken.all(bundle, trust, roots) {
        Ok(outcome) => outcome,
        Err(step) => Outcome::Wrong(step),
    };
    Report {
        steps: taken.steps,
        outcome,
    }
}

struct Taken {
    steps: Vec<StepResult>,
}

impl Taken {
    fn take(&mut self, step: Step, result: Result<String, String>) -> Result<(), Step> {
        let holds = result.is_ok();
        let text = result.unwrap_or_else(|wrong| wrong);
        self.steps.push(StepResult { step, holds, text });
        if holds { Ok(()) } else { Err(step) }
    }

    fn all(
        &mut self,
        bundle: &Bundle,
        trust: Option<&Trust>,
        roots: &BTreeSet<Hash>,
    ) -> Result<Outcome, Step> {
        if let Some(trust) = trust {
            self.take(Step::Enrolment, enrolment(bundle, trust))?;
        }
        self.meter(bundle, &bundle.connection)?;
        if let Some(generation) = &bundle.generation {
            self.meter(bundle, generation)?;
        }
        self.take(
            Step::Metering,
            statement::metering(bundle, bundle.zone.interval),
        )?;
        for market in &bundle.markets {
            self.take(Step::Certificate, certificate::certificate(market))?;
            let header = &bundle.account.header;
            self.take(
                Step::MarketPath,
                certificate::market_path(market, &bundle.zone.zone, header),
            )?;
        }
        self.take(Step::Statement, statement::lines(bundle))?;
        self.take(Step::Leaf, statement::leaf(bundle))?;
        for account in bundle.parent.iter().chain([&bundle.account]) {
            self.take(Step::LeafPath, statement::leaf_path(account, bundle.home))?;
        }
        self.take(Step::Evidence, evidence(bundle))?;
        self.take(Step::Root, root(bundle))?;
        let trusted =
            roots.contains(&bundle.root) || trust.is_some_and(|t| t.roots.contains(&bundle.root));
        let text = if trusted {
            "the root is one that the chain accepted"
        } else {
            "the root is not among the trusted ones"
        };
        self.steps.push(StepResult {
            step: Step::Chain,
            holds: trusted,
            text: text.to_owned(),
        });
        Ok(if trusted {
            Outcome::Verified
        } else {
            Outcome::UntrustedRoot
        })
    }

    fn meter(&mut self, bundle: &Bundle, proof: &MeterProof) -> Result<(), Step> {
        self.take(
            Step::RawRegisters,
            meter::raw_registers(proof, bundle.interval, bundle.zone.interval),
        )?;
        self.take(Step::HashChain, meter::hash_chain(proof, bundle.interval))?;
        let signed = meter::batch_signature(proof, &bundle.zone);
        self.take(
            Step::BatchSignature,
            signed
                .as_ref()
                .map(|(_, text)| text.clone())
                .map_err(String::clone),
        )?;
        let Ok((header, _)) = signed else {
            return Err(Step::BatchSignature);
        };
        self.take(Step::ReadingPath, meter::reading_path(proof, &header))
    }
}

/// Chain, contract and gateway key are those that the household was given at enrolment.
fn enrolment(bundle: &Bundle, trust: &Trust) -> Result<String, String> {
    let zone = &bundle.zone;
    if (zone.chain_id, zone.settlement) != (trust.chain_id, trust.contract) {
        return Err(format!(
            "expected chain {} and contract 0x{}, got {} and 0x{}",
            trust.chain_id, trust.contract, zone.chain_id, zone.settlement
        ));
    }
    for proof in [Some(&bundle.connection), bundle.generation.as_ref()]
        .into_iter()
        .flatten()
    {
        if proof.gateway_key != trust.gateway_key.bytes() {
            return Err(format!(
                "expected the gateway key {}, got {}",
                hex::encode(trust.gateway_key.bytes()),
                hex::encode(proof.gateway_key)
            ));
        }
    }
    if (bundle.home, bundle.account.leaf.account) != (trust.home, trust.account) {
        return Err(format!(
            "expected home {} with account 0x{}, got home {} with 0x{}",
            trust.home, trust.account, bundle.home, bundle.account.leaf.account
        ));
    }
    let meter = |proof: &MeterProof| meter::last(proof).map(|reading| reading.meter);
    let shown = (
        meter(&bundle.connection)?,
        bundle.generation.as_ref().map(meter).transpose()?,
    );
    if shown != (trust.connection_meter, trust.generation_meter) {
        return Err(format!(
            "expected readings of the meters {} and {:?}, got {} and {:?}",
            trust.connection_meter, trust.generation_meter, shown.0, shown.1
        ));
    }
    Ok("chain, contract, home, meters and gateway key are those from enrolment".to_owned())
}

/// The evidence leaf names the newest reading and is under the header.
fn evidence(bundle: &Bundle) -> Result<String, String> {
    let leaf = &bundle.evidence;
    let last = meter::last(&bundle.connection)?;
    let named = (last.meter, last.sequence, last.hash(), last.time_ms);
    if named
        != (
            leaf.meter,
            leaf.sequence,
            leaf.reading,
            leaf.settled_to.saturating_mul(1_000),
        )
    {
        return Err(format!(
            "the evidence names another reading than the one that was shown: {leaf:?}"
        ));
    }
    let root = bundle
        .evidence_path
        .root(leaf.node())
        .map_err(|e| e.to_string())?;
    let header = &bundle.account.header;
    if root.hash != header.evidence_root
        || root.a != header.minted.get()
        || root.b != header.carry.get()
    {
        return Err(format!(
            "the path leads to {}, the header says {}",
            root.hash, header.evidence_root
        ));
    }
    Ok(format!(
        "meter {}: {} minted, {} carried",
        leaf.meter, leaf.minted, leaf.carry
    ))
}

/// The header hashes to the root and names the parent's.
fn root(bundle: &Bundle) -> Result<String, String> {
    let zone = &bundle.zone;
    let header = &bundle.account.header;
    let got = header.root(zone.chain_id, &zone.settlement);
    if got != bundle.root {
        return Err(format!(
            "the header hashes to {got}, the root is {}",
            bundle.root
        ));
    }
    let (number, parent) = bundle.parent.as_ref().map_or((0, Hash::ZERO), |p| {
        (
            p.header.number,
            p.header.root(zone.chain_id, &zone.settlement),
        )
    });
    if header.parent_root != parent || header.number != number + 1 {
        return Err(format!(
            "batch {} follows {}, the parent that was shown is batch {number} with {parent}",
            header.number, header.parent_root
        ));
    }
    Ok(format!(
        "batch {} on chain {}: {}",
        header.number, zone.chain_id, bundle.root
    ))
}
