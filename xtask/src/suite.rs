//! Runs a list of steps: chooses, provides what they need, runs all of them even when one fails, prints the table.

use crate::install::{Need, provide};
use crate::place::Place;
use crate::report::{self, Outcome};
use anyhow::{Result, bail};
use std::collections::BTreeMap;
use std::time::Instant;

/// One step of a chore.
pub(crate) struct Step {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// One line: what it shows.
    pub(crate) about: &'static str,
    /// What must be installed first.
    pub(crate) needs: &'static [Need],
    /// What to do when it fails.
    pub(crate) remedy: &'static str,
    /// The work.
    pub(crate) work: fn(&Place) -> Result<()>,
}

/// Runs the chosen steps. True when every one passed.
///
/// # Errors
/// A name in `only` fits no step.
pub(crate) fn run(
    place: &Place,
    chore: &str,
    steps: &[Step],
    only: &[String],
    list: bool,
) -> Result<bool> {
    if list {
        for step in steps {
            println!("{:16} {}", step.name, step.about);
        }
        return Ok(true);
    }
    let chosen = choose(steps, only)?;
    let mut missing: BTreeMap<Need, String> = BTreeMap::new();
    let mut needs: Vec<Need> = chosen
        .iter()
        .flat_map(|step| step.needs.iter().copied())
        .collect();
    needs.sort();
    needs.dedup();
    let start = Instant::now();
    if !needs.is_empty() {
        println!("== install: what the tests need");
        for need in needs {
            if let Err(error) = provide(place, need) {
                println!("cannot be had: {error:#}");
                missing.insert(need, format!("{error:#}"));
            }
        }
        println!("-- install: {:.1} s", start.elapsed().as_secs_f64());
    }
    let outcomes: Vec<Outcome> = chosen
        .into_iter()
        .map(|step| run_step(place, step, &missing))
        .collect();
    Ok(report::print(chore, &outcomes))
}

fn choose<'a>(steps: &'a [Step], only: &[String]) -> Result<Vec<&'a Step>> {
    for wanted in only {
        if !steps
            .iter()
            .any(|step| step.name.starts_with(wanted.as_str()))
        {
            let names: Vec<&str> = steps.iter().map(|step| step.name).collect();
            bail!(
                "no step is called `{wanted}`; there are: {}",
                names.join(", ")
            );
        }
    }
    let is_chosen = |step: &&Step| {
        only.is_empty()
            || only.iter().any(|wanted| step.name == wanted)
            || only.iter().any(|wanted| {
                !steps.iter().any(|other| other.name == wanted)
                    && step.name.starts_with(wanted.as_str())
            })
    };
    Ok(steps.iter().filter(is_chosen).collect())
}

fn run_step(place: &Place, step: &Step, missing: &BTreeMap<Need, String>) -> Outcome {
    println!("\n== {}: {}", step.name, step.about);
    let start = Instant::now();
    let lacks = step.needs.iter().find_map(|need| missing.get(need));
    let error = match lacks {
        Some(reason) => Some(format!("cannot run: {reason}")),
        None => (step.work)(place).err().map(|error| format!("{error:#}")),
    };
    let took = start.elapsed();
    println!(
        "-- {}: {} after {:.1} s",
        step.name,
        if error.is_none() { "ok" } else { "FAILED" },
        took.as_secs_f64()
    );
    Outcome {
        name: step.name,
        took,
        error,
        remedy: step.remedy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &'static str, work: fn(&Place) -> Result<()>) -> Step {
        Step {
            name,
            about: "",
            needs: &[],
            remedy: "",
            work,
        }
    }

    fn names(only: &[&str]) -> Result<Vec<&'static str>> {
        let steps: Vec<Step> = ["fmt", "e2e-kills", "e2e-pages", "e2e"]
            .map(|name| step(name, |_| Ok(())))
            .into();
        let only: Vec<String> = only.iter().map(|&name| name.to_owned()).collect();
        Ok(choose(&steps, &only)?
            .into_iter()
            .map(|step| step.name)
            .collect())
    }

    #[test]
    fn nothing_named_is_everything() {
        assert_eq!(
            names(&[]).unwrap(),
            ["fmt", "e2e-kills", "e2e-pages", "e2e"]
        );
    }

    #[test]
    fn a_whole_name_is_that_step_and_a_beginning_is_all_that_begin_so() {
        assert_eq!(names(&["e2e"]).unwrap(), ["e2e"]);
        assert_eq!(names(&["e2e-"]).unwrap(), ["e2e-kills", "e2e-pages"]);
        assert_eq!(names(&["e2e-p", "fmt"]).unwrap(), ["fmt", "e2e-pages"]);
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        let error = names(&["e2f"]).unwrap_err().to_string();
        assert!(
            error.contains("`e2f`") && error.contains("e2e-kills"),
            "{error}"
        );
    }

    #[test]
    fn a_step_whose_need_is_missing_fails_and_says_so() {
        let place = Place {
            root: ".".into(),
            target: ".".into(),
            cache: ".".into(),
        };
        let mut step = step("pages", |_| Ok(()));
        step.needs = &[Need::Chromium];
        let missing = BTreeMap::from([(Need::Chromium, "no browser here".to_owned())]);
        let outcome = run_step(&place, &step, &missing);
        assert_eq!(
            outcome.error.as_deref(),
            Some("cannot run: no browser here")
        );
        assert!(run_step(&place, &step, &BTreeMap::new()).error.is_none());
    }
}
