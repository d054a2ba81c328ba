//! The table at the end of a run.

use std::time::Duration;

/// What became of one step.
pub(crate) struct Outcome {
    /// The step's name.
    pub(crate) name: &'static str,
    /// How long it took.
    pub(crate) took: Duration,
    /// `None` when it passed, else what went wrong.
    pub(crate) error: Option<String>,
    /// What to do about a failure.
    pub(crate) remedy: &'static str,
}

/// Prints the table, what to do about each failure, and the closing line. True when nothing failed.
pub(crate) fn print(chore: &str, outcomes: &[Outcome]) -> bool {
    let width = outcomes
        .iter()
        .map(|outcome| outcome.name.len())
        .max()
        .unwrap_or(0);
    println!("\n== {chore}: summary");
    for outcome in outcomes {
        let verdict = if outcome.error.is_some() {
            "FAILED"
        } else {
            "ok"
        };
        println!(
            "{:width$}  {verdict:6}  {:>8.1} s",
            outcome.name,
            outcome.took.as_secs_f64()
        );
    }
    let total: Duration = outcomes.iter().map(|outcome| outcome.took).sum();
    println!(
        "{:width$}  {:6}  {:>8.1} s",
        "total",
        "",
        total.as_secs_f64()
    );
    for outcome in outcomes {
        if let Some(error) = &outcome.error {
            println!(
                "\n{} failed: {error}\n  what to do: {}",
                outcome.name, outcome.remedy
            );
            println!("  again:      cargo xtask {chore} --only {}", outcome.name);
        }
    }
    let failed = outcomes
        .iter()
        .filter(|outcome| outcome.error.is_some())
        .count();
    println!("\n{} passed, {failed} failed", outcomes.len() - failed);
    failed == 0
}
