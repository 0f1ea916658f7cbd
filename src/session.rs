//! Signing in on our own pages, and the session that comes of it: who signed in once is known to every client.
//!
//! A session is a row and a cookie. The cookie is 256 random bits, new at each authentication; the row has its keyed hash
//! and an id of its own, of which comes the `sid` that clients are told.

use std::net::IpAddr;

use crate::app::App;
use crate::device;
use crate::model::{Event, Method, SessionId};
use crate::protocol::{Error, Secret};
use crate::store::{LiveClient, LiveSession, NewPassword, NewSession};
use crate::user::{self, Attempt, Authenticated, By};

/// A browser on which somebody signs in.
pub struct Browser<'a> {
    /// Where it is.
    pub address: IpAddr,
    /// The session cookie that it has.
    pub session: Option<&'a str>,
    /// The known-device cookie that it has.
    pub device: Option<&'a str>,
    /// What it calls itself (`User-Agent`).
    pub agent: Option<String>,
}

/// A session that has begun, with what its browser is to keep.
pub struct Begun {
    /// The session.
    pub session: LiveSession,
    /// Its cookie.
    pub cookie: Secret<String>,
    /// The known-device cookie.
    pub device: String,
}

/// Signs `username` in, for `client` if it is one that sent them here.
pub async fn sign_in(
    app: &App,
    browser: Browser<'_>,
    client: Option<&LiveClient>,
    username: &str,
    password: Secret<String>,
) -> Result<Begun, Error> {
    let by = By::Page { client, device: browser.device };
    let attempt = Attempt { by, address: browser.address, username, password };
    let authenticated = user::authenticate(app, attempt).await?;
    begin(app, browser, client, authenticated, vec![Method::Password], None).await
}

/// Begins the session of a user who has proved by `methods` who they are, and who has `password` from then on, if it is
/// another one. Whatever else is to be proved after a password is asked for before this, and adds its method.
async fn begin(
    app: &App,
    browser: Browser<'_>,
    client: Option<&LiveClient>,
    authenticated: Authenticated,
    methods: Vec<Method>,
    password: Option<NewPassword>,
) -> Result<Begun, Error> {
    let sign_in = authenticated.take(app, client, browser.address);
    let (config, now) = (app.config(), app.clock.now());
    let cookie = Secret::new(app.random.text::<32>());
    let new = NewSession {
        id: SessionId(app.random.id(now)),
        digest: digest(app, cookie.expose()),
        former: browser.session.map(|cookie| digest(app, cookie)),
        methods,
        expires_at: now.saturating_add(config.sessions.lifetime.get()),
        agent: browser.agent,
        ended: app.audit(Event::SessionEnded),
        displaced: app.audit(Event::SessionEnded),
        password,
    };
    let session = app.store.begin_session(sign_in, new, config.users.default_role.clone()).await?;
    let session = session.ok_or_else(|| user::refused("the user changed during the sign-in"))?;
    let device = device::remember(app, &session.user().username, browser.device);
    Ok(Begun { session, cookie, device })
}

/// Gives the user of `session` another password, if `current` is the one that they have. All that was granted and all
/// sessions are dead then, and this browser begins a new one: both, or neither.
pub async fn change_password(
    app: &App,
    browser: Browser<'_>,
    session: &LiveSession,
    current: Secret<String>,
    new: Secret<String>,
) -> Result<Begun, Error> {
    let by = By::Page { client: None, device: browser.device };
    let username = session.user().username.as_str();
    let attempt = Attempt { by, address: browser.address, username, password: current };
    let mut authenticated = user::authenticate(app, attempt).await?;
    let password = authenticated.choose_password(app, new).await?;
    begin(app, browser, None, authenticated, vec![Method::Password], Some(password)).await
}

/// The session whose cookie this is, if it goes on.
pub async fn find(app: &App, cookie: &str) -> Result<Option<LiveSession>, Error> {
    let config = app.config();
    let (idle, default_role) = (config.sessions.idle.get(), config.users.default_role.as_ref());
    Ok(app.store.live_session(&digest(app, cookie), app.clock.now(), idle, default_role).await?)
}

/// Ends a session as its user wishes.
pub async fn end(app: &App, session: &LiveSession) -> Result<(), Error> {
    app.store.end_session(session.user().id, session.id(), app.audit(Event::SessionEnded)).await?;
    Ok(())
}

/// What the store keeps of a cookie.
fn digest(app: &App, cookie: &str) -> String {
    app.hashes.session.text(cookie.as_bytes())
}
