//! `jwks_uri` ([RFC 7517 §5], [RFC 8414 §2]): bytes made once per key event.
//!
//! [RFC 7517 §5]: https://www.rfc-editor.org/rfc/rfc7517#section-5
//! [RFC 8414 §2]: https://www.rfc-editor.org/rfc/rfc8414#section-2

use warp::Filter;
use warp::reply::Response;

use super::cors::Cors;
use super::guard::with;
use super::reply;
use super::route::{READ, Route, if_none_match, read};
use crate::app::App;

/// `GET /.well-known/jwks.json`
pub(super) fn routes(app: &App) -> Route {
    let show = read().and(if_none_match()).and(with(app)).map(show);
    Route::new(app, Cors::Anyone, READ, warp::path!(".well-known" / "jwks.json"), show)
}

fn show(known: Option<String>, app: App) -> Response {
    let ring = app.keys.current();
    reply::document(ring.jwks().clone(), ring.etag(), ring.max_age(app.clock.read()), known.as_deref())
}
