//! `token_endpoint` ([RFC 6749 §3.2]).
//!
//! [RFC 6749 §3.2]: https://www.rfc-editor.org/rfc/rfc6749#section-3.2

use futures_util::FutureExt as _;
use warp::Filter;
use warp::reply::Response;

use super::cors::Cors;
use super::guard::{authenticated, with};
use super::reply;
use super::route::{Route, answer};
use super::server::Peer;
use crate::app::App;
use crate::grant::{self, TokenRequest};
use crate::issue;
use crate::protocol::{Error, Params};
use crate::store::LiveClient;

/// `POST /token`
pub(super) fn routes(app: &App) -> Vec<Route> {
    let token = warp::post()
        .and(warp::ext::get::<Peer>())
        .and(authenticated(app))
        .and(with(app))
        .then(|peer, client, params, app| token(peer, client, params, app).boxed())
        .map(answer);
    vec![Route::new(app, Cors::Clients, "POST, OPTIONS", "/token", token)]
}

async fn token(peer: Peer, client: LiveClient, params: Params, app: App) -> Result<Response, Error> {
    let request = TokenRequest { app: &app, client, params, address: peer.client };
    issue::check_ready(&app, request.client.profile.signing_alg)?;
    let id = request.client.id.clone();
    let granted = grant::decide(request).await.map_err(|error| error.of(&id))?;
    Ok(reply::json(&issue::issue(&app, granted)?))
}
