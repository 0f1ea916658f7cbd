//! The API that a token is for ([RFC 8707 §2]): the one that is asked for, or the client's default.
//!
//! [RFC 8707 §2]: https://www.rfc-editor.org/rfc/rfc8707#section-2

use crate::app::App;
use crate::model::{Api, Client, Terms};
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
    let api = if uri == app.own_uri() { None } else { app.store.known_api(uri).await? };
    of(app, client, uri, api.as_deref().map(Api::terms))
}

/// The target of what `client` was granted for `uri`, which it must still be allowed to ask for, and whose API says
/// `terms`.
pub(super) fn of_grant(
    app: &App,
    client: &Client,
    uri: &ApiUri,
    terms: Option<Terms>,
) -> Result<Target, Error> {
    if !registered(app, client).contains(uri) {
        return Err(Error::invalid_grant("the client may not ask for tokens for this resource any more"));
    }
    of(app, client, uri, terms)
}

/// What `client` may ask for tokens for, its default first.
fn registered<'a>(app: &'a App, client: &'a Client) -> &'a [ApiUri] {
    if client.apis.is_empty() { std::slice::from_ref(app.own_uri()) } else { &client.apis }
}

fn of(app: &App, client: &Client, uri: &ApiUri, terms: Option<Terms>) -> Result<Target, Error> {
    let terms = match terms {
        _ if uri == app.own_uri() => Terms { scope: Scope::default(), access_token_lifetime: None },
        Some(terms) => terms,
        None => return Err(Error::invalid_target("the resource is not there any more")),
    };
    let default = app.config().tokens.access_token_lifetime.get();
    let lifetime = client.access_token_lifetime.or(terms.access_token_lifetime).unwrap_or(default);
    Ok(Target { uri: uri.clone(), scope: terms.scope, lifetime })
}
