//! `revocation_endpoint` ([RFC 7009 §2]).
//!
//! [RFC 7009 §2]: https://www.rfc-editor.org/rfc/rfc7009#section-2

use warp::Filter;
use warp::reply::Response;

use super::cors::Cors;
use super::guard::{authenticated, with};
use super::reply;
use super::route::{Route, answer};
use crate::app::App;
use crate::protocol::{Error, Params};
use crate::revoke;
use crate::store::LiveClient;

/// `POST /revoke`
pub(super) fn routes(app: &App) -> Vec<Route> {
    let revoke = warp::post().and(authenticated(app)).and(with(app)).then(revoke).map(answer);
    vec![Route::new(app, Cors::Clients, "POST, OPTIONS", "/revoke", revoke)]
}

async fn revoke(client: LiveClient, params: Params, app: App) -> Result<Response, Error> {
    // `token_type_hint` saves a look-up elsewhere; here the form of a token says what it is.
    revoke::revoke(&app, &client, params.require("token")?).await?;
    Ok(reply::done())
}
