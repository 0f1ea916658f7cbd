//! Client authentication ([RFC 6749 §2.3]): by exactly the method the client is registered for.
//!
//! [RFC 6749 §2.3]: https://www.rfc-editor.org/rfc/rfc6749#section-2.3

use std::net::IpAddr;
use std::sync::Arc;

use crate::app::App;
use crate::model::AuthMethod;
use crate::protocol::{ClientAuthentication, ClientId, Code, Error, Secret};
use crate::store::{LiveClient, Registered};

const UNKNOWN: &str = "there is no such client, or it is disabled";

/// The client that a request from `address` comes from. Unknown, disabled and unproven clients are refused alike.
pub async fn authenticate(
    app: &App,
    presented: ClientAuthentication,
    address: IpAddr,
) -> Result<LiveClient, Error> {
    let (id, proved) = match presented {
        ClientAuthentication::Unnamed => return default(app).await,
        ClientAuthentication::Named(id) => {
            let named = named(app, &id).await;
            (id, named)
        }
        ClientAuthentication::Basic(id, secret) => {
            let proved = by_secret(app, &id, &secret, AuthMethod::ClientSecretBasic, address).await;
            (id, proved)
        }
        ClientAuthentication::Post(id, secret) => {
            let proved = by_secret(app, &id, &secret, AuthMethod::ClientSecretPost, address).await;
            (id, proved)
        }
    };
    proved.map_err(|error| error.of(&id))
}

/// A public client, which has nothing to prove itself with.
async fn named(app: &App, id: &ClientId) -> Result<LiveClient, Error> {
    let client = live(app, id).await?;
    by(AuthMethod::None, &client)?;
    Ok(client)
}

/// The configured first-party client, which serves requests that name none.
async fn default(app: &App) -> Result<LiveClient, Error> {
    let unnamed = || Error::invalid_client("the request names no client");
    let config = app.config();
    let id = config.clients.default.as_ref().ok_or_else(unnamed)?;
    let client = app.store.live_client(id).await?;
    client.filter(|client| client.is_public() && client.first_party).ok_or_else(|| {
        unnamed()
            .because(format!("`clients.default` names `{id}`, which is no enabled public first-party client"))
    })
}

/// By a secret, as long as not too many wrong ones came from there.
async fn by_secret(
    app: &App,
    id: &ClientId,
    secret: &Secret<String>,
    method: AuthMethod,
    address: IpAddr,
) -> Result<LiveClient, Error> {
    if let Some(seconds) = app.limits.secret_wait(address, id) {
        return Err(Error::too_many_requests("too many attempts to authenticate, please wait", seconds)
            .because(format!("too many wrong secrets of `{id}` from {address}")));
    }
    let proved = prove(app, id, secret, method).await;
    if proved.as_ref().is_err_and(|error| error.code() == Code::InvalidClient) {
        app.limits.secret_failed(address, id);
    }
    proved
}

async fn prove(
    app: &App,
    id: &ClientId,
    secret: &Secret<String>,
    method: AuthMethod,
) -> Result<LiveClient, Error> {
    let proven = |registered: Option<Arc<Registered>>| {
        let registered = registered.ok_or_else(|| refused(UNKNOWN))?;
        by(method, &registered.client)?;
        // Every digest is compared, in constant time.
        let secrets = registered.secrets(app.clock.now());
        let matching = secrets.filter(|digest| app.hashes.is_client_secret(id, secret, digest));
        if matching.count() == 0 {
            return Err(refused("the secret is not right"));
        }
        Ok(registered.client.clone())
    };
    match proven(app.store.registered(id).await?) {
        // A secret that was made just now is good at once.
        Err(_) => proven(app.store.registered_now(id).await?.map(Arc::new)),
        proved => proved,
    }
}

async fn live(app: &App, id: &ClientId) -> Result<LiveClient, Error> {
    app.store.live_client(id).await?.ok_or_else(|| refused(UNKNOWN))
}

fn by(method: AuthMethod, client: &LiveClient) -> Result<(), Error> {
    if client.auth_method == method {
        return Ok(());
    }
    Err(refused(format!("the client came by `{method}` and is registered for `{}`", client.auth_method)))
}

fn refused(cause: impl Into<crate::protocol::BoxError>) -> Error {
    Error::invalid_client("client authentication failed").because(cause)
}
