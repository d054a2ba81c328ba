//! Where the facts of a profile come from, and how sure that makes them.

/// How sure the facts of a profile are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProvenanceStatus {
    /// One source says so.
    OneSource,
    /// Two sources that do not copy each other agree.
    TwoSources,
    /// Somebody has compared it with the display of such a device.
    Hardware,
}

impl ProvenanceStatus {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::OneSource, Self::TwoSources, Self::Hardware];

    /// Its words in a profile.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::OneSource => "one source",
            Self::TwoSources => "two sources agree",
            Self::Hardware => "verified on hardware",
        }
    }
}

impl std::fmt::Display for ProvenanceStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.words())
    }
}

/// Where the facts of a profile come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// Documents or programs that say so.
    pub sources: Vec<String>,
    /// How sure that is.
    pub status: ProvenanceStatus,
}
