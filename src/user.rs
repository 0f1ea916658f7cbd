//! User authentication by password.
//!
//! Clients that were given the password and our own pages come here alike. One order for every attempt, and one key derivation: limits, the hashing queue, the database, the
//! derivation, the decision. Who is unknown, disabled or without a password is told the same as who mistyped.

use std::net::IpAddr;

use uuid::Uuid;

use crate::app::App;
use crate::device;
use crate::keys::seal::{Place, Purpose};
use crate::limits::{self, lockout};
use crate::model::{Audit, Event, UserId};
use crate::password::{PasswordHash, Verdict};
use crate::protocol::{BoxError, Error, Secret, Username};
use crate::store::{Credentials, LiveClient, NewPassword, SignIn};

/// An attempt to sign in.
pub struct Attempt<'a> {
    /// How the password comes here.
    pub by: By<'a>,
    /// Where from.
    pub address: IpAddr,
    /// The name, as it was written.
    pub username: &'a str,
    /// The password.
    pub password: Secret<String>,
}

/// How a password comes here.
#[derive(Clone, Copy)]
pub enum By<'a> {
    /// Through a client, which has been authenticated.
    Client(&'a LiveClient),
    /// Through a page of our own.
    Page {
        /// The client for which the user signs in, if for one; anybody may have named it.
        client: Option<&'a LiveClient>,
        /// The known-device cookie of the browser.
        device: Option<&'a str>,
    },
}

/// Proof that a password was right; it counts once the store has taken it.
pub struct Authenticated {
    credentials: Credentials,
    /// The account, as failures are counted.
    account: String,
    /// The network, as it is remembered.
    prefix: String,
    /// The password, if its stored hash is weaker than those made now.
    weaker: Option<Secret<String>>,
}

/// Checks a password.
pub async fn authenticate(app: &App, attempt: Attempt<'_>) -> Result<Authenticated, Error> {
    let Attempt { by, address, username, password } = attempt;
    // A name that nobody can have is counted and hashed for like any other.
    let known_form = username.parse::<Username>().ok();
    let name = known_form.clone().unwrap_or_else(Username::nobody);
    let device = match by {
        By::Page { device: Some(cookie), .. } => device::recognise(app, &name, cookie),
        _ => None,
    };
    match (device, by) {
        (Some(device), _) => app.limits.admit_device(device, &name).await?,
        (None, By::Client(client)) => app.limits.admit_prefix(address, Some(&client.id)).await?,
        (None, By::Page { .. }) => app.limits.admit_prefix(address, None).await?,
    }
    if device.is_none() {
        app.limits.admit_account(address, &name).await?;
    }
    let place = app.hasher.enter()?;

    let prefix = app.hashes.prefix.text(&limits::prefix(address));
    let credentials = match &known_form {
        Some(name) => app.store.credentials(name).await?,
        None => None,
    };
    let user_id = credentials.as_ref().map(|credentials| credentials.user_id);
    let account = account(app, by, device, &name, user_id, &prefix).await?;
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
            let entry = app.audit(Event::SignInFailed).detail(format!("from {address}: {cause}"));
            let entry = by.client().map(|client| &client.id).into_iter().fold(entry, Audit::client);
            let entry = user_id.into_iter().fold(entry, Audit::user);
            app.store.sign_in_failed(account, user_id, entry).await?;
            Err(refused(cause))
        }
    }
}

impl Authenticated {
    /// The sign-in, for the store to take; a stored hash that is weaker than those made now is renewed meanwhile.
    pub fn take(self, app: &App, client: Option<&LiveClient>, address: IpAddr) -> SignIn {
        let Self { credentials, account, prefix, weaker } = self;
        let entry = app.audit(Event::SignedIn).user(credentials.user_id).detail(format!("from {address}"));
        let entry = client.map(|client| &client.id).into_iter().fold(entry, Audit::client);
        if let Some(password) = weaker {
            tokio::spawn(strengthen(app.clone(), credentials.clone(), password));
        }
        SignIn { credentials, account, prefix, entry }
    }
}

impl Authenticated {
    /// Another password of the user, for the store to take with the sign-in.
    pub async fn choose_password(&mut self, app: &App, new: Secret<String>) -> Result<NewPassword, Error> {
        // The one that was typed is no longer one to hash anew.
        self.weaker = None;
        let user_id = self.credentials.user_id;
        let hash = app.hasher.hash(new).await?;
        let sealed = app.seal.seal(&password_place(&user_id.to_string()), hash.to_phc().expose().as_bytes());
        Ok(NewPassword { hash: sealed, entry: app.audit(Event::PasswordSet).user(user_id) })
    }
}

impl<'a> By<'a> {
    /// The client that is concerned.
    pub fn client(self) -> Option<&'a LiveClient> {
        match self {
            Self::Client(client) => Some(client),
            Self::Page { client, .. } => client,
        }
    }
}

/// The one refusal of a sign-in, whatever its cause.
pub fn refused(cause: impl Into<BoxError>) -> Error {
    Error::invalid_grant("the username or the password is not right").because(cause)
}

/// What failures are counted for: the account, or the account in a context that is known to be its owner's, so that
/// strangers who fail on purpose cannot lock the owner out. Known are a device, a confidential client and a network
/// that the user lately signed in from.
async fn account(
    app: &App,
    by: By<'_>,
    device: Option<&str>,
    name: &Username,
    user: Option<UserId>,
    prefix: &str,
) -> Result<String, Error> {
    // Asked for nobody too, so that an attempt costs the same whether or not there is such a user.
    let knows_prefix = app.store.knows_prefix(user.unwrap_or(UserId(Uuid::nil())), prefix).await?;
    let context = match (device, by) {
        (Some(device), _) => device,
        (None, By::Client(client)) if !client.is_public() => client.id.as_str(),
        (None, _) if knows_prefix => prefix,
        (None, _) => "",
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

/// Hashes a password anew. It happens after the attempt, so that the attempt costs one derivation like any other; what
/// fails is tried again at the next sign-in.
async fn strengthen(app: App, credentials: Credentials, password: Secret<String>) {
    let user_id = credentials.user_id;
    let renewed = async {
        let hash = app.hasher.hash(password).await?;
        let row = user_id.to_string();
        let sealed = app.seal.seal(&password_place(&row), hash.to_phc().expose().as_bytes());
        app.store.rehash(user_id, credentials.generation, sealed).await.map_err(Error::from)
    };
    if let Err(error) = renewed.await {
        tracing::warn!(%user_id, %error, "a weak password hash was not renewed");
    }
}
