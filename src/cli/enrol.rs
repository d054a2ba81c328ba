//! `commonwatt enrol`: the operator's invitation for a household's gateway.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use meter_gateway::node_client::{Invitation, NodeClient};
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

#[derive(Debug, clap::Subcommand)]
pub(super) enum EnrolCommand {
    /// Make a one-time token with which a gateway is let in.
    New(NewArguments),
}

/// Whom to invite, and where.
#[derive(Debug, clap::Args)]
pub(super) struct NewArguments {
    /// The home's number.
    #[arg(long)]
    home: u32,
    /// What its meter is for. A home that has such a meter already gets a new gateway for it: that is how a
    /// lost key is replaced.
    #[arg(long, default_value = "connection-point", value_parser = ["connection-point", "generation", "storage"])]
    role: String,
    /// The node.
    #[arg(long, default_value = "http://127.0.0.1:8080", value_name = "URL")]
    node: String,
    /// The operator's log-in name.
    #[arg(long, default_value = "operator")]
    login: String,
    /// Its password; asked for if it is not in the environment.
    #[arg(long, env = "COMMONWATT_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// Print only the token.
    #[arg(long)]
    plain: bool,
}

pub(super) fn run(command: EnrolCommand) -> anyhow::Result<()> {
    let EnrolCommand::New(arguments) = command;
    let password = match &arguments.password {
        Some(password) => password.clone(),
        None => rpassword::prompt_password(format!("password of {}: ", arguments.login))
            .context("reading the password; it can also stand in COMMONWATT_PASSWORD")?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let invitation = runtime.block_on(async {
        let mut node = NodeClient::new(&arguments.node)?;
        node.log_in(&arguments.login, &password).await?;
        node.invite(arguments.home, &arguments.role).await
    })?;
    if arguments.plain {
        super::say(&invitation.token);
    } else {
        super::say(&card(
            &arguments,
            &invitation,
            std::io::stdout().is_terminal(),
        )?);
    }
    Ok(())
}

/// What the operator gives to the household, on paper or on a screen.
fn card(
    arguments: &NewArguments,
    invitation: &Invitation,
    in_colour: bool,
) -> anyhow::Result<String> {
    let command = format!(
        "commonwatt gateway enrol --node {} --token {}",
        arguments.node, invitation.token
    );
    let code = QrCode::new(command.as_bytes()).context("drawing the token")?;
    let picture = code.render::<Dense1x2>().quiet_zone(true).build();
    let lines = picture
        .lines()
        .map(|line| {
            // Black on white whatever the terminal's colours are: not every camera reads it inverted.
            if in_colour {
                format!("  \x1b[30;107m{line}\x1b[0m\n")
            } else {
                format!("  {line}\n")
            }
        })
        .collect::<String>();
    Ok(format!(
        "\n  Invitation for home {}, {} meter\n\n{lines}\n  token    {}\n  good     once, until {}\n  use it   {command}\n",
        arguments.home, arguments.role, invitation.token, invitation.expires
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_card_names_home_token_and_command() {
        let arguments = NewArguments {
            home: 7,
            role: "connection-point".to_owned(),
            node: "http://node:8080".to_owned(),
            login: "operator".to_owned(),
            password: None,
            plain: false,
        };
        let invitation = Invitation {
            token: "k7qm-2xwd-9f4c-p3nv-8hrt".to_owned(),
            expires: "2026-06-22T09:00:00Z".to_owned(),
        };
        let text = card(&arguments, &invitation, false).expect("drawn");
        for part in [
            "home 7",
            "connection-point",
            "k7qm-2xwd-9f4c-p3nv-8hrt",
            "2026-06-22T09:00:00Z",
            "--node http://node:8080",
            "█",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
}
