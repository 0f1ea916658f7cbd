//! `claviger keys`: the keys that sign tokens.

use clap::Subcommand;
use serde::Serialize;

use super::{Desk, Error, Output, moment};
use crate::app;
use crate::config::Seconds;
use crate::keys::schedule::{self, Policy};
use crate::model::{KeyState, SigningKey};
use crate::rotate;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the signing keys, their states and when each changes next.
    List,
    /// Publish the next key, which signs once every verifier can know it.
    ///
    /// The server also does so by itself, as often as `keys.rotate_every` says. Tokens of the key before stay good.
    Rotate {
        /// Sign with the new key at once: verifiers that keep an older JWKS refuse its tokens until they look
        /// again.
        #[arg(long)]
        now: bool,
    },
    /// Drop a compromised key at once; says how many minutes of tokens die.
    ///
    /// If it is the key that signs, the next one signs from the same moment on.
    Revoke {
        /// The key's id (`kid`), as `claviger keys list` shows it.
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
}

/// A key as commands show it.
#[derive(Serialize)]
struct View<'a> {
    kid: &'a str,
    state: KeyState,
    since: String,
    bits: u32,
    /// What happens to it next.
    next: &'static str,
    /// When, if the schedule is followed: a server runs, and nobody rotates before.
    next_at: Option<String>,
}

impl<'a> View<'a> {
    /// `key`, which is one of `keys`.
    fn new(key: &'a SigningKey, keys: &[SigningKey], policy: &Policy) -> Self {
        let at = |key: &SigningKey| schedule::next_event(std::slice::from_ref(key), policy, i64::MIN);
        let state = key.state();
        let (next, next_at) = match (state, pending(keys)) {
            (KeyState::Pending, _) => ("signs", at(key)),
            (KeyState::Active, None) => ("the next key is published", at(key)),
            (KeyState::Active, Some(next)) => ("retires", at(next)),
            (KeyState::Retired, _) => ("leaves the JWKS", at(key)),
            (KeyState::Revoked, _) => ("is forgotten", at(key)),
        };
        Self {
            kid: &key.kid,
            state,
            since: moment(key.since()),
            bits: key.bits,
            next,
            next_at: next_at.map(moment),
        }
    }
}

impl Command {
    pub(super) async fn run(self, desk: &Desk, output: Output) -> Result<(), Error> {
        match self {
            Self::List => {
                let keys = desk.vault.store.signing_keys().await?;
                let policy = app::policy(&desk.config);
                let views: Vec<_> = keys.iter().map(|key| View::new(key, &keys, &policy)).collect();
                output.list(&["kid", "state", "since", "next", "next_at"], &views)?;
                if keys.is_empty() {
                    output.note("the first key is made when the server starts");
                }
                Ok(())
            }
            Self::Rotate { now } => rotate(desk, now, output).await,
            Self::Revoke { kid } => revoke(desk, &kid, output).await,
        }
    }
}

async fn rotate(Desk { vault, config }: &Desk, now: bool, output: Output) -> Result<(), Error> {
    // Where no key signs yet, there is no verifier to wait for.
    let is_first = schedule::active(&vault.store.signing_keys().await?).is_none();
    let made = rotate::request(vault, config.keys.rsa_bits, now || is_first).await?;

    let keys = vault.store.signing_keys().await?;
    let policy = app::policy(config);
    let key = if now || is_first { schedule::active(&keys) } else { pending(&keys) };
    let key = key.ok_or_else(|| {
        Error::new("the keys were changed by another program meanwhile").hint("see `claviger keys list`")
    })?;
    let kid = &key.kid;
    let signs_at = moment(key.published_at.saturating_add(policy.lead));
    let message = match made {
        _ if now || is_first => format!("the key `{kid}` signs from now on"),
        Some(_) => format!("the key `{kid}` is published, and signs from {signs_at} on"),
        None => format!("the key `{kid}` was published before, and signs from {signs_at} on"),
    };
    output.done(&message, &View::new(key, &keys, &policy))?;
    if now && !is_first {
        let age = config.keys.jwks_max_age;
        output.fault(
            "warning",
            &Error::new(format!(
                "verifiers that keep an older JWKS refuse the new tokens until they look again, for up to {age}"
            ))
            .hint("without `--now`, a key signs only when every verifier can know it"),
        );
    }
    Ok(())
}

/// What a revocation did.
#[derive(Serialize)]
struct Revocation<'a> {
    kid: &'a str,
    /// For how many seconds tokens would have been good that are refused now, at most.
    tokens_lost_seconds: i64,
    /// The key that signs now.
    signing_kid: Option<&'a str>,
}

async fn revoke(desk: &Desk, kid: &str, output: Output) -> Result<(), Error> {
    let Desk { vault, config } = desk;
    let keys = vault.store.signing_keys().await?;
    let Some(key) = keys.iter().find(|key| key.kid == kid) else {
        return Err(Error::new(format!("there is no key `{kid}`")).hint("`claviger keys list` shows all"));
    };
    if key.state() == KeyState::Revoked {
        let message = format!("the key `{kid}` was revoked before, at {}", moment(key.since()));
        return Err(Error::new(message).hint("nothing is left to do; `claviger keys list` shows what signs"));
    }
    let longest = longest_access_token(desk).await?;
    let lost = match key.state() {
        KeyState::Pending | KeyState::Revoked => 0,
        KeyState::Active => longest,
        KeyState::Retired => key.since().saturating_add(longest).saturating_sub(vault.clock.now()).max(0),
    };
    rotate::revoke(vault, config.keys.rsa_bits, kid).await?;

    let keys = vault.store.signing_keys().await?;
    let signing_kid = schedule::active(&keys).map(|key| key.kid.as_str());
    let tokens = match lost {
        0 => "no token that was good dies".to_owned(),
        lost => format!("up to {} of tokens die: their clients must fetch new ones", Seconds::new(lost)),
    };
    let signs = signing_kid.map(|kid| format!("; `{kid}` signs")).unwrap_or_default();
    let done = Revocation { kid, tokens_lost_seconds: lost, signing_kid };
    output.done(&format!("revoked the key `{kid}`; {tokens}{signs}"), &done)?;
    if lost > 0 {
        let age = config.keys.jwks_max_age;
        output.note(&format!(
            "verifiers that keep an older JWKS believe the key until they look again, for up to {age}"
        ));
    }
    Ok(())
}

/// The longest lifetime that an access token has by the configuration, its API or its client, in seconds.
async fn longest_access_token(Desk { vault, config }: &Desk) -> Result<i64, Error> {
    let apis = vault.store.apis().await?;
    let clients = vault.store.clients().await?;
    let own = apis.iter().map(|api| api.access_token_lifetime);
    let own = own.chain(clients.iter().map(|client| client.access_token_lifetime)).flatten().max();
    Ok(own.unwrap_or(0).max(config.tokens.access_token_lifetime.get()))
}

fn pending(keys: &[SigningKey]) -> Option<&SigningKey> {
    keys.iter().filter(|key| key.state() == KeyState::Pending).min_by_key(|key| key.generation)
}
