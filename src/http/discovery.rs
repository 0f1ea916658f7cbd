//! The metadata document ([RFC 8414 §3], [OpenID Connect Discovery 1.0 §4]), and those of APIs ([RFC 9728 §3]).
//!
//! [RFC 8414 §3]: https://www.rfc-editor.org/rfc/rfc8414#section-3
//! [OpenID Connect Discovery 1.0 §4]: https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig
//! [RFC 9728 §3]: https://www.rfc-editor.org/rfc/rfc9728#section-3

use warp::Filter;
use warp::reply::Response;

use super::cors::Cors;
use super::document::publish;
use super::form::query;
use super::guard::with;
use super::reply;
use super::route::{READ, Route, answer, if_none_match, read};
use crate::app::App;
use crate::protocol::{Error, Params};

/// Seconds that a document may be kept.
pub(super) const MAX_AGE: i64 = 300;

/// `GET /.well-known/oauth-authorization-server`, `GET /.well-known/openid-configuration` and
/// `GET /.well-known/oauth-protected-resource`
pub(super) fn routes(app: &App) -> Vec<Route> {
    let server = |app: &App| (app.directory().metadata().clone(), MAX_AGE);
    let resource = read().and(query()).and(if_none_match()).and(with(app)).map(resource).map(answer);
    vec![
        publish(app, "/.well-known/openid-configuration", server),
        publish(app, "/.well-known/oauth-authorization-server", server),
        Route::new(app, Cors::Anyone, READ, "/.well-known/oauth-protected-resource", resource),
    ]
}

/// The document of the API that the query names as `resource`; without, that of the server itself.
fn resource(query: String, known: Option<String>, app: App) -> Result<Response, Error> {
    let params = Params::parse(query.as_bytes())?;
    let uri = params.find("resource").unwrap_or(app.issuer().as_str());
    let directory = app.directory();
    let found = directory.resource(uri).ok_or_else(|| Error::not_found("no such API is known here"))?;
    Ok(reply::document(found, MAX_AGE, known.as_deref()))
}
