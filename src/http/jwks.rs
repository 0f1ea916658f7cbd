//! `jwks_uri` ([RFC 7517 §5], [RFC 8414 §2]): bytes made once per key event.
//!
//! [RFC 7517 §5]: https://www.rfc-editor.org/rfc/rfc7517#section-5
//! [RFC 8414 §2]: https://www.rfc-editor.org/rfc/rfc8414#section-2

use super::document::publish;
use super::route::Route;
use crate::app::App;

/// `GET /.well-known/jwks.json`
pub(super) fn routes(app: &App) -> Vec<Route> {
    vec![publish(app, "/.well-known/jwks.json", |app| {
        let ring = app.keys.current();
        (ring.jwks().clone(), ring.max_age(app.clock.read()))
    })]
}
