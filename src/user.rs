//! User authentication by password.
//!
//! One order for every attempt, and one key derivation: limits, the hashing queue, the database, the
//! derivation, the decision. Who is unknown, disabled or without a password is told the same as who mistyped.

use std::net::IpAddr;

use crate::app::App;
use crate::keys::seal::{Place, Purpose};
use crate::limits::{self, lockout};
use crate::model::Event;
use crate::password::{PasswordHash, Verdict};
use crate::protocol::{BoxError, Error, Secret, Username};
use crate::store::{Credentials, LiveClient};

/// Proof that a password was right; it counts once the store has taken it.
pub struct Authenticated {
    /// What the password was checked against.
    pub credentials: Credentials,
    /// The account, as failures are counted.
    pub account: String,
    /// The network, as it is remembered.
    pub prefix: String,
    /// The password, if its stored hash is weaker than those made now.
    pub weaker: Option<Secret<String>>,
}

/// Checks the password of `username`, who comes through `client` from `address`.
pub async fn authenticate(
    app: &App,
    client: &LiveClient,
    address: IpAddr,
    username: &str,
    password: Secret<String>,
) -> Result<Authenticated, Error> {
    app.limits.admit_prefix(address, Some(&client.id))?;
    // A name that nobody can have is counted and hashed for like any other.
    let known_form = username.parse::<Username>().ok();
    let name = known_form.clone().unwrap_or_else(Username::nobody);
    app.limits.admit_account(address, &name)?;
    let place = app.hasher.enter()?;

    let account = app.hashes.account.text(name.as_str().as_bytes());
    let prefix = app.hashes.prefix.text(&limits::prefix(address));
    let credentials = match &known_form {
        Some(name) => app.store.credentials(name).await?,
        None => None,
    };
    admit_context(app, client, &account, &prefix, credentials.as_ref()).await?;

    let hash =
        credentials.as_ref().and_then(|credentials| stored_hash(app, credentials).transpose()).transpose()?;
    let verdict = place.verify(password.clone(), hash).await;
    match (verdict, credentials) {
        (Verdict::Right { weaker }, Some(credentials)) => {
            Ok(Authenticated { credentials, account, prefix, weaker: weaker.then_some(password) })
        }
        (_, credentials) => {
            let entry = app.audit(Event::SignInFailed).client(&client.id).detail(format!("from {address}"));
            let user = credentials.map(|credentials| credentials.user_id);
            let entry = user.into_iter().fold(entry, crate::model::Audit::user);
            app.store.sign_in_failed(account, entry).await?;
            Err(refused("the password is wrong, or there is no such user who may sign in"))
        }
    }
}

/// The one refusal of a sign-in, whatever its cause.
pub fn refused(cause: impl Into<BoxError>) -> Error {
    Error::invalid_grant("the username or the password is not right").because(cause)
}

/// Lets strangers wait when an account has failed too often in a row; a confidential client, or a network that
/// the user lately signed in from, does not wait.
async fn admit_context(
    app: &App,
    client: &LiveClient,
    account: &str,
    prefix: &str,
    credentials: Option<&Credentials>,
) -> Result<(), Error> {
    let (failures, last_failed_at) = app.store.failures(account).await?;
    if failures <= i64::from(lockout::FREE) || !client.is_public() {
        return Ok(());
    }
    let is_known = match credentials {
        Some(credentials) => app.store.knows_prefix(credentials.user_id, prefix).await?,
        None => false,
    };
    let failures = u32::try_from(failures).unwrap_or(u32::MAX);
    match lockout::wait(failures, last_failed_at, app.clock.now(), is_known) {
        Some(seconds) if app.limits.are_on() => {
            Err(Error::too_many_requests("too many attempts to sign in, please wait", seconds)
                .because(format!("{failures} failures in a row, and the context is not known")))
        }
        _ => Ok(()),
    }
}

fn stored_hash(app: &App, credentials: &Credentials) -> Result<Option<PasswordHash>, Error> {
    let Some(sealed) = &credentials.password_hash else { return Ok(None) };
    let unreadable = |cause: BoxError| Error::unavailable(60).because(cause);
    let row = credentials.user_id.to_string();
    let opened = app.seal.open(&password_place(&row), sealed).map_err(|error| unreadable(error.into()))?;
    let text = std::str::from_utf8(opened.expose()).map_err(|error| unreadable(error.into()))?;
    text.parse().map(Some).map_err(|error: crate::password::Malformed| unreadable(error.into()))
}

/// Where a user's password hash is sealed for.
pub fn password_place(user_id: &str) -> Place<'_> {
    Place { purpose: Purpose::PasswordHash, table: "users", row: user_id, version: 1 }
}
