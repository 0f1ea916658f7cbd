//! `claviger client`: which programs may ask for tokens, and for which.

mod add;
mod set;
mod view;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};

use super::secret_input::SecretInput;
use super::{Desk, Error, Output, access_token_lifetime, between, line, moment, word};
use crate::admin;
use crate::config::Seconds;
use crate::grant::GRANTS;
use crate::protocol::ClientId;

use add::Add;
use set::{LISTS, Set};
use view::{COLUMNS, CREDENTIALS, FIELDS, View};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add a client; a secret that is made for it is printed once.
    #[command(override_usage = "claviger client add <ID> --grant <GRANT>... --scope <SCOPE>... [OPTIONS]")]
    Add(Box<Add>),
    /// Change a client; what its users granted before is narrowed when it is renewed.
    #[command(override_usage = "claviger client set <ID> [OPTIONS]", after_help = LISTS)]
    Set(Box<Set>),
    /// List all clients.
    List,
    /// Show a client.
    Show(Named),
    /// Give a client a new secret; the old one stays good for a while (`clients.secret_overlap`).
    RotateSecret(RotateSecret),
    /// Refuse a client everything, at once.
    Disable(Named),
    /// Let a disabled client ask for tokens again.
    Enable(Named),
    /// Remove a client for good, with all it was granted.
    Remove(Named),
}

/// A client, by its id.
#[derive(Debug, Args)]
pub(super) struct Named {
    /// The client's id.
    #[arg(value_parser = word::<ClientId>)]
    id: ClientId,
}

#[derive(Debug, Args)]
pub(super) struct RotateSecret {
    #[command(flatten)]
    client: Named,

    #[command(flatten)]
    secret: SecretInput,
}

fn code_lifetime(text: &str) -> Result<Seconds, String> {
    between(text, Seconds::new(10), Seconds::new(600))
}

fn grant_types() -> PossibleValuesParser {
    PossibleValuesParser::new(GRANTS.iter().map(|grant| grant.grant_type))
}

impl Command {
    pub(super) async fn run(self, desk: &Desk, output: Output) -> Result<(), Error> {
        let vault = &desk.vault;
        match self {
            Self::Add(arguments) => arguments.run(desk, output).await,
            Self::Set(arguments) => arguments.run(desk, output).await,
            Self::List => {
                let clients = vault.store.clients().await?;
                output.list(COLUMNS, &clients.iter().map(View::from).collect::<Vec<_>>())
            }
            Self::Show(Named { id }) => {
                output.show(FIELDS, &View::from(&admin::client::find(vault, &id).await?))
            }
            Self::RotateSecret(arguments) => rotate_secret(arguments, desk, output).await,
            Self::Disable(Named { id }) => {
                let client = admin::client::disable(vault, &id).await?;
                output.done(&format!("disabled the client `{id}`"), &View::from(&client))
            }
            Self::Enable(Named { id }) => {
                let client = admin::client::enable(vault, &id).await?;
                output.done(&format!("enabled the client `{id}`"), &View::from(&client))
            }
            Self::Remove(Named { id }) => {
                admin::client::remove(vault, &id).await?;
                output.removed("client", "client_id", id.as_str())
            }
        }
    }
}

async fn rotate_secret(arguments: RotateSecret, desk: &Desk, output: Output) -> Result<(), Error> {
    let Desk { vault, config } = desk;
    let id = arguments.client.id;
    let given = arguments.secret.read()?;
    let was_given = given.is_some();
    let overlap = config.clients.secret_overlap;
    let secret = admin::client::rotate_secret(vault, &id, given, overlap.get()).await?;
    let client = admin::client::find(vault, &id).await?;
    if was_given {
        output.done(&format!("the client `{id}` has a new secret"), &View::from(&client))?;
    } else {
        output.show(CREDENTIALS, &View::from(&client).with_secret(secret.expose()))?;
        output.note("the secret is not shown again");
    }
    output.note(&format!("the secret before it stays good for {overlap} (`clients.secret_overlap`)"));
    Ok(())
}
