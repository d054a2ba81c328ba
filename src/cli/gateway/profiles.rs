//! `commonwatt gateway profiles`: which devices can be read, what each gives, and how sure that is.

use std::process::ExitCode;

use meter_gateway::shipped::{self, Listing};

/// List the device profiles that come with the program, or print one of them.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ProfilesArguments {
    /// Print this one, as the TOML file that it is: a start for a profile of one's own.
    name: Option<String>,
}

pub(super) fn run(arguments: &ProfilesArguments) -> ExitCode {
    match &arguments.name {
        None => crate::cli::say(listed(&shipped::list()).trim_end()),
        Some(name) => match shipped::profile(name).map(|_| shipped::text(name)) {
            Ok(text) => crate::cli::say(text.unwrap_or_default().trim_end()),
            Err(error) => return super::bad_arguments(&error.into()),
        },
    }
    ExitCode::SUCCESS
}

fn listed(profiles: &[Listing]) -> String {
    let widest = profiles.iter().map(|p| p.name.len()).max().unwrap_or(0);
    profiles.iter().map(|p| entry(p, widest + 2)).collect()
}

fn entry(profile: &Listing, indent: usize) -> String {
    let settles = match &profile.settlement_refused {
        None => "settles".to_owned(),
        Some(reason) => format!("does not settle: {reason}"),
    };
    let gives: Vec<&str> = profile.quantities.iter().map(|(q, _)| q.name()).collect();
    let mut lines = vec![
        profile.title.clone(),
        format!("{}; {}; {settles}", profile.transport, profile.status),
        gives.join(" "),
    ];
    for (quantity, uncertain) in &profile.quantities {
        if let Some(reason) = uncertain {
            let name = quantity.name();
            lines.push(format!("{name} is uncertain and never signed: {reason}"));
        }
    }
    let mut text = String::new();
    for (i, line) in lines.iter().enumerate() {
        let name = if i == 0 { profile.name.as_str() } else { "" };
        text.push_str(&format!("{name:indent$}{line}\n"));
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_names_what_each_gives_and_what_is_uncertain() {
        let text = listed(&shipped::list());
        for name in shipped::names() {
            assert!(text.contains(&format!("\n{name} ")) || text.starts_with(name));
        }
        for part in [
            "Modbus; two sources agree; settles",
            "import export",
            "power is uncertain and never signed: ",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
}
