//! `claviger role`: named sets of scopes, which users have.

use clap::{Args, Subcommand};

use super::{Desk, Error, Output, word};
use crate::admin;
use crate::model::Role;
use crate::protocol::{RoleName, Scope};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add a role.
    #[command(override_usage = "claviger role add <NAME> --scope <SCOPE>...")]
    Add(Add),
    /// List all roles.
    List,
    /// Remove a role, also from the users who have it.
    Remove(Named),
}

/// A role, by name.
#[derive(Debug, Args)]
pub(super) struct Named {
    /// The role's name.
    #[arg(value_parser = word::<RoleName>)]
    name: RoleName,
}

#[derive(Debug, Args)]
pub(super) struct Add {
    #[command(flatten)]
    role: Named,

    /// Scopes that users with this role may be granted.
    #[arg(long = "scope", value_name = "SCOPE", required = true, num_args = 1.., value_parser = word::<Scope>)]
    scopes: Vec<Scope>,
}

impl Command {
    pub(super) async fn run(self, desk: &Desk, output: Output) -> Result<(), Error> {
        let vault = &desk.vault;
        match self {
            Self::Add(Add { role: Named { name }, scopes }) => {
                let scope = scopes.iter().fold(Scope::default(), |all, scope| all.union(scope));
                let role = admin::role::add(vault, Role { name, scope }).await?;
                output.done(&format!("added the role `{}`", role.name), &role)
            }
            Self::List => output.list(&["name", "scope"], &vault.store.roles().await?),
            Self::Remove(Named { name }) => {
                admin::role::remove(vault, &name).await?;
                output.removed("role", "name", name.as_str())
            }
        }
    }
}
