//! `claviger user`: who can sign in.

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Map, Value};

use super::secret_input::PasswordInput;
use super::{Desk, Error, Output, line, moment, word};
use crate::admin::{self, user::Description, user::PasswordRules};
use crate::model::{CLAIMS, Claim, User, UserId};
use crate::protocol::{RoleName, Username};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add a user.
    #[command(override_usage = "claviger user add <NAME> [OPTIONS]")]
    Add(Add),
    /// List all users.
    List,
    /// Show a user.
    Show(Named),
    /// Set and remove what is known of a user: the standard claims of OpenID Connect.
    #[command(override_usage = "claviger user set <NAME> <CLAIM=VALUE>...", after_help = claim_names())]
    Set(Set),
    /// Keep a user from signing in and from renewing anything, at once.
    Disable(Named),
    /// Let a disabled user sign in again.
    Enable(Named),
    /// Set a user's password; what older sign-ins hold can no longer be renewed.
    SetPassword(SetPassword),
    /// Give and take a user's roles; without `--add` and `--remove`, show them.
    #[command(override_usage = "claviger user roles <NAME> [--add <ROLE>...] [--remove <ROLE>...]")]
    Roles(Roles),
    /// Remove a user for good, with all that was granted.
    Remove(Named),
}

/// A user, by name.
#[derive(Debug, Args)]
pub(super) struct Named {
    /// The user's name; upper and lower case are the same.
    #[arg(value_parser = word::<Username>)]
    name: Username,
}

#[derive(Debug, Args)]
pub(super) struct Add {
    #[command(flatten)]
    user: Named,

    #[command(flatten)]
    password: PasswordInput,

    /// The user's e-mail address.
    #[arg(long, value_parser = line)]
    email: Option<String>,

    /// The user's name among people.
    #[arg(long, value_name = "NAME", value_parser = line)]
    full_name: Option<String>,

    /// Roles of the user. Without any, the configured default role counts (`users.default_role`).
    #[arg(long = "role", value_name = "ROLE", num_args = 1.., value_delimiter = ' ', value_parser = word::<RoleName>)]
    roles: Vec<RoleName>,
}

#[derive(Debug, Args)]
pub(super) struct Set {
    #[command(flatten)]
    user: Named,

    /// Claims with their new values, such as `given_name=Alice`. One without a value, as in `nickname=`, is
    /// removed.
    #[arg(value_name = "CLAIM=VALUE", required = true, value_parser = claim)]
    claims: Vec<(String, String)>,
}

#[derive(Debug, Args)]
pub(super) struct SetPassword {
    #[command(flatten)]
    user: Named,

    #[command(flatten)]
    password: PasswordInput,
}

#[derive(Debug, Args)]
pub(super) struct Roles {
    #[command(flatten)]
    user: Named,

    /// Roles to give; those that the user has already stay.
    #[arg(long, value_name = "ROLE", num_args = 1.., value_delimiter = ' ', value_parser = word::<RoleName>)]
    add: Vec<RoleName>,

    /// Roles to take; all others stay.
    #[arg(long, value_name = "ROLE", num_args = 1.., value_delimiter = ' ', value_parser = word::<RoleName>)]
    remove: Vec<RoleName>,
}

/// A user as commands show it.
#[derive(Serialize)]
struct View<'a> {
    /// The `sub` of the user's tokens.
    sub: UserId,
    username: &'a Username,
    /// Those that the user has, by the names of the standard.
    #[serde(flatten)]
    claims: Map<String, Value>,
    roles: &'a [RoleName],
    created_at: String,
    updated_at: String,
    disabled_at: Option<String>,
}

const COLUMNS: &[&str] = &["username", "email", "name", "roles", "disabled_at"];

impl<'a> From<&'a User> for View<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            sub: user.id,
            username: &user.username,
            claims: user.all_claims(),
            roles: &user.roles,
            created_at: moment(user.created_at),
            updated_at: moment(user.updated_at),
            disabled_at: user.disabled_at.map(moment),
        }
    }
}

impl View<'_> {
    /// What people are shown, in order.
    fn fields(&self) -> Vec<&'static str> {
        let mut claims: Vec<_> = CLAIMS.iter().map(Claim::wire_name).collect();
        claims.dedup();
        claims.retain(|name| self.claims.contains_key(*name));
        [&["sub", "username"], &claims[..], &["roles", "created_at", "updated_at", "disabled_at"]].concat()
    }
}

/// A claim and its value.
fn claim(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write `claim=value`, such as `given_name=Alice`")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn claim_names() -> String {
    let names: Vec<_> = CLAIMS.iter().map(|claim| claim.name).collect();
    format!("Claims: {}", names.join(", "))
}

impl Command {
    pub(super) async fn run(self, desk: &Desk, output: Output) -> Result<(), Error> {
        let Desk { vault, config } = desk;
        let rules = PasswordRules { issuer: &config.issuer, rounds: config.passwords.rounds };
        match self {
            Self::Add(Add { user: Named { name: username }, password, email, full_name, roles }) => {
                let description = Description { username, email, full_name, roles };
                let user = admin::user::add(vault, rules, description, password.read()?).await?;
                output.done(&format!("added the user `{}`", user.username), &View::from(&user))
            }
            Self::List => {
                let users = vault.store.users().await?;
                output.list(COLUMNS, &users.iter().map(View::from).collect::<Vec<_>>())
            }
            Self::Show(Named { name }) => {
                let user = admin::user::find(vault, &name).await?;
                let view = View::from(&user);
                output.show(&view.fields(), &view)
            }
            Self::Set(Set { user: Named { name }, claims }) => {
                let user = admin::user::set(vault, &name, &claims).await?;
                output.done(&format!("changed the user `{name}`"), &View::from(&user))
            }
            Self::Disable(Named { name }) => {
                let user = admin::user::disable(vault, &name).await?;
                output.done(&format!("disabled the user `{name}`"), &View::from(&user))
            }
            Self::Enable(Named { name }) => {
                let user = admin::user::enable(vault, &name).await?;
                output.done(&format!("enabled the user `{name}`"), &View::from(&user))
            }
            Self::SetPassword(SetPassword { user: Named { name }, password }) => {
                admin::user::find(vault, &name).await?;
                let user = admin::user::set_password(vault, rules, &name, password.read()?).await?;
                output.done(&format!("set the password of `{name}`"), &View::from(&user))
            }
            Self::Roles(Roles { user: Named { name }, add, remove }) => {
                let user = if add.is_empty() && remove.is_empty() {
                    admin::user::find(vault, &name).await?
                } else {
                    admin::user::change_roles(vault, &name, &add, &remove).await?
                };
                output.show(&["username", "roles"], &View::from(&user))
            }
            Self::Remove(Named { name }) => {
                admin::user::remove(vault, &name).await?;
                output.removed("user", "username", name.as_str())
            }
        }
    }
}
