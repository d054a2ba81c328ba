//! What came out of a check: one line per step, and one of four endings.

use serde::Serialize;

/// One of the things that are checked, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The keys, the chain and the contract are those from enrolment.
    Enrolment,
    /// The registers follow from the raw words or tokens by the device's profile.
    RawRegisters,
    /// Every reading names the one before it.
    HashChain,
    /// The gateway's key signed the batch of the last reading.
    BatchSignature,
    /// The last reading is in that batch.
    ReadingPath,
    /// The order's quantity is what the meter measured.
    Metering,
    /// The order rows are those of the market, and the clearing is optimal or feasible.
    Certificate,
    /// The market is in the settlement batch.
    MarketPath,
    /// The journal lines follow from the order rows.
    Statement,
    /// Parent leaf + lines = leaf.
    Leaf,
    /// The leaves are under the roots of their headers.
    LeafPath,
    /// The meter's evidence names the last reading and is under the header.
    Evidence,
    /// The header hashes to the root.
    Root,
    /// The root is one that the chain accepted.
    Chain,
}

impl Step {
    /// Its name in the report.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Enrolment => "enrolment",
            Self::RawRegisters => "raw registers",
            Self::HashChain => "hash chain",
            Self::BatchSignature => "batch signature",
            Self::ReadingPath => "path of the reading",
            Self::Metering => "metering",
            Self::Certificate => "certificate",
            Self::MarketPath => "path of the market",
            Self::Statement => "statement",
            Self::Leaf => "leaf",
            Self::LeafPath => "path of the leaf",
            Self::Evidence => "evidence",
            Self::Root => "root",
            Self::Chain => "chain",
        }
    }
}

/// A step that was taken: what was found, or what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepResult {
    /// Which step.
    pub step: Step,
    /// Whether it holds.
    pub holds: bool,
    /// What was seen.
    pub text: String,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Everything holds, and the root is trusted.
    Verified,
    /// A step does not hold.
    Wrong(Step),
    /// Everything holds together, but the root is not among the trusted ones.
    UntrustedRoot,
}

impl Outcome {
    /// The process's exit code: 0 verified, 1 wrong, 3 consistent with an unknown root. (2 is for
    /// files that cannot be read.)
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Verified => 0,
            Self::Wrong(_) => 1,
            Self::UntrustedRoot => 3,
        }
    }
}

/// All steps up to the first that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The steps taken.
    pub steps: Vec<StepResult>,
    /// The ending.
    pub outcome: Outcome,
}
