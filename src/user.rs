//! User authentication by password.
//!
//! One order for every attempt, and one key derivation: limits, the hashing queue, the database, the
//! derivation, the decision. Who is unknown, disabled or without a password is told the same as who mistyped.

use std::net::IpAddr;

use uuid::Uuid;

use crate::app::App;
use crate::keys::seal::{Place, Purpose};
use crate::limits::{self, lockout};
use crate::model::{Audit, Event, UserId};
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
    app.limits.admit_prefix(address, Some(&client.id)).await?;
    // A name that nobody can have is counted and hashed for like any other.
    let known_form = username.parse::<Username>().ok();
    let name = known_form.clone().unwrap_or_else(Username::nobody);
    app.limits.admit_account(address, &name).await?;
    let place = app.hasher.enter()?;

    let prefix = app.hashes.prefix.text(&limits::prefix(address));
    let credentials = match &known_form {
        Some(name) => app.store.credentials(name).await?,
        None => None,
    };
    let user_id = credentials.as_ref().map(|credentials| credentials.user_id);
    let account = account(app, client, &name, user_id, &prefix).await?;
    admit(app, &account).await?;

    // One that does not open costs the same as one that does.
    let hash = credentials.as_ref().map_or(Ok(None), |credentials| stored_hash(app, credentials));
    let (hash, fault) = hash.map_or_else(|fault| (None, Some(fault)), |hash| (hash, None));
    let verdict = place.verify(password.clone(), hash).await?;
    if let Some(fault) = fault {
        return Err(fault);
    }
    match (verdict, credentials) {
        (Verdict::Right { weaker }, Some(credentials)) => {
            Ok(Authenticated { credentials, account, prefix, weaker: weaker.then_some(password) })
        }
        (_, credentials) => {
            let cause = match credentials {
                None => "there is no such user",
                Some(Credentials { is_disabled: true, .. }) => "the user is disabled",
                Some(_) => "the password is wrong",
            };
            let entry =
                app.audit(Event::SignInFailed).client(&client.id).detail(format!("from {address}: {cause}"));
            let entry = user_id.into_iter().fold(entry, Audit::user);
            app.store.sign_in_failed(account, user_id, entry).await?;
            Err(refused(cause))
        }
    }
}

/// The one refusal of a sign-in, whatever its cause.
pub fn refused(cause: impl Into<BoxError>) -> Error {
    Error::invalid_grant("the username or the password is not right").because(cause)
}

/// What failures are counted for: the account, or the account in a context that is known to be its owner's, so that
/// strangers who fail on purpose cannot lock the owner out. Known are a confidential client and a network that the
/// user lately signed in from.
async fn account(
    app: &App,
    client: &LiveClient,
    name: &Username,
    user: Option<UserId>,
    prefix: &str,
) -> Result<String, Error> {
    // Asked for nobody too, so that an attempt costs the same whether or not there is such a user.
    let knows_prefix = app.store.knows_prefix(user.unwrap_or(UserId(Uuid::nil())), prefix).await?;
    let context = match (client.is_public(), knows_prefix) {
        (false, _) => client.id.as_str(),
        (true, true) => prefix,
        (true, false) => "",
    };
    // Neither a name nor a context has NUL in it, so the border is clear.
    Ok(app.hashes.account.text(format!("{name}\0{context}").as_bytes()))
}

/// Lets an account wait that has failed too often in a row.
async fn admit(app: &App, account: &str) -> Result<(), Error> {
    let (failures, last_failed_at) = app.store.failures(account).await?;
    let failures = u32::try_from(failures).unwrap_or(u32::MAX);
    match lockout::wait(failures, last_failed_at, app.clock.now()) {
        Some(seconds) if app.limits.are_on() => {
            Err(Error::too_many_requests("too many attempts to sign in, please wait", seconds)
                .because(format!("{failures} failures in a row")))
        }
        _ => Ok(()),
    }
}

fn stored_hash(app: &App, credentials: &Credentials) -> Result<Option<PasswordHash>, Error> {
    if credentials.is_disabled {
        return Ok(None);
    }
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
