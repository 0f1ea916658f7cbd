//! Administration: what an operator may do to users, clients, APIs and roles, checked before it is stored.
//!
//! A refusal is a [`Fault`]: the thing, what is wrong with it, and the way out.

pub mod api;
pub mod client;
pub mod role;
pub mod user;

use crate::config::Config;
use crate::fault::{Fault, did_you_mean};
use crate::model::Client;
use crate::protocol::Scope;
use crate::store::{self, Store};

/// Bytes that the scope of a client may take. This, and [`ROLES_BYTES`], keep every token under 4 KiB, so that
/// one that is too large is refused when it is configured and not when it is minted.
pub const SCOPE_BYTES: usize = 1024;

/// Bytes that the roles of a user may take as JSON.
pub const ROLES_BYTES: usize = 448;

impl From<store::Error> for Fault {
    fn from(error: store::Error) -> Self {
        Self::new(error.to_string(), error.hint())
    }
}

/// What the configuration names and the database does not have.
pub async fn dangling(store: &Store, config: &Config) -> Result<Vec<Fault>, store::Error> {
    let mut faults = Vec::new();
    if let Some(id) = &config.clients.default {
        let clients = store.clients().await?;
        let may_be_default =
            |client: &&Client| client.disabled_at.is_none() && client.is_public() && client.first_party;
        let known = clients.iter().filter(may_be_default).map(|client| client.id.as_str());
        if known.clone().all(|known| known != id.as_str()) {
            let add = format!("`claviger client add {id} --public --first-party --grant password --scope S`");
            faults.push(Fault::new(
                format!("`clients.default` is `{id}`, which is no enabled public first-party client: requests that name no client are refused"),
                did_you_mean(id.as_str(), known, &add),
            ));
        }
    }
    if let Some(name) = &config.users.default_role {
        let roles = store.roles().await?;
        let known = roles.iter().map(|role| role.name.as_str());
        if known.clone().all(|known| known != name.as_str()) {
            let add = format!("`claviger role add {name} --scope S`");
            faults.push(Fault::new(
                format!("`users.default_role` is `{name}`, and there is no such role: users without a role have `profile` alone"),
                did_you_mean(name.as_str(), known, &add),
            ));
        }
    }
    Ok(faults)
}

/// Refuses a lifetime of access tokens that keys do not outlive.
fn check_lifetime(lifetime: Option<i64>) -> Result<(), Fault> {
    let longest = crate::config::LONGEST_ACCESS_TOKEN.get();
    match lifetime {
        Some(seconds) if !(10..=longest).contains(&seconds) => Err(Fault::new(
            format!("access tokens cannot live `{seconds}s`"),
            format!("take from `10s` to `{longest}s`"),
        )),
        _ => Ok(()),
    }
}

fn check_scope_size(scope: &Scope) -> Result<(), Fault> {
    let size = scope.to_string().len();
    if size <= SCOPE_BYTES {
        return Ok(());
    }
    Err(Fault::new(
        format!("the scope takes {size} bytes, and a token has room for {SCOPE_BYTES}"),
        "give fewer scopes, or shorter names",
    ))
}
