//! The metadata document ([RFC 8414 §3], [OpenID Connect Discovery 1.0 §4]).
//!
//! [RFC 8414 §3]: https://www.rfc-editor.org/rfc/rfc8414#section-3
//! [OpenID Connect Discovery 1.0 §4]: https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig

use warp::Filter;
use warp::reply::Response;

use super::cors::Cors;
use super::guard::with;
use super::reply;
use super::route::{READ, Route, if_none_match, read};
use crate::app::App;

/// Seconds that the document may be kept.
const MAX_AGE: i64 = 300;

/// `GET /.well-known/oauth-authorization-server` and `GET /.well-known/openid-configuration`
pub(super) fn routes(app: &App) -> Route {
    let show = read().and(if_none_match()).and(with(app)).map(show);
    let oauth = warp::path!(".well-known" / "oauth-authorization-server");
    let openid = warp::path!(".well-known" / "openid-configuration");
    Route::new(app, Cors::Anyone, READ, oauth, show.clone()).or(Route::new(
        app,
        Cors::Anyone,
        READ,
        openid,
        show,
    ))
}

fn show(known: Option<String>, app: App) -> Response {
    let directory = app.directory();
    let (bytes, etag) = directory.metadata();
    reply::document(bytes.clone(), etag, MAX_AGE, known.as_deref())
}
