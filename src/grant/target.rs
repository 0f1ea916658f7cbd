//! The API that a token is for ([RFC 8707 §2]): the one that is asked for, or the client's default.
//!
//! [RFC 8707 §2]: https://www.rfc-editor.org/rfc/rfc8707#section-2

use crate::app::App;
use crate::model::Client;
use crate::protocol::{ApiUri, Error, Scope};

/// An API with what a token for it may hold.
#[derive(Clone, Debug)]
pub struct Target {
    /// The `aud`.
    pub uri: ApiUri,
    /// The scope that the API knows.
    pub scope: Scope,
    /// Seconds that the token lives.
    pub lifetime: i64,
}

/// The target of a request of `client` with `resource`.
///
/// A client without an API gets tokens for the server itself, where only `profile` means something.
pub async fn of_request(app: &App, client: &Client, resource: Option<&str>) -> Result<Target, Error> {
    let registered = registered(app, client);
    let uri = match resource {
        None => registered.first(),
        Some(resource) => registered.iter().find(|api| api.as_str() == resource),
    };
    let uri =
        uri.ok_or_else(|| Error::invalid_target("the client may not ask for tokens for this resource"))?;
    of(app, client, uri).await
}

/// The target of what `client` was granted for `uri`, which it must still be allowed to ask for.
pub(super) async fn of_grant(app: &App, client: &Client, uri: &ApiUri) -> Result<Target, Error> {
    if !registered(app, client).contains(uri) {
        return Err(Error::invalid_grant("the client may not ask for tokens for this resource any more"));
    }
    of(app, client, uri).await
}

/// What `client` may ask for tokens for, its default first.
fn registered<'a>(app: &'a App, client: &'a Client) -> &'a [ApiUri] {
    if client.apis.is_empty() { std::slice::from_ref(app.own_uri()) } else { &client.apis }
}

async fn of(app: &App, client: &Client, uri: &ApiUri) -> Result<Target, Error> {
    let default = app.config().tokens.access_token_lifetime.get();
    let (scope, api_lifetime) = if uri == app.own_uri() {
        (Scope::default(), None)
    } else {
        let api = app.store.known_api(uri).await?;
        let api = api.ok_or_else(|| Error::invalid_target("the resource is not there any more"))?;
        (api.scope(), api.access_token_lifetime)
    };
    let lifetime = client.access_token_lifetime.or(api_lifetime).unwrap_or(default);
    Ok(Target { uri: uri.clone(), scope, lifetime })
}
