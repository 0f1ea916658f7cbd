//! `introspection_endpoint` ([RFC 7662 §2]).
//!
//! [RFC 7662 §2]: https://www.rfc-editor.org/rfc/rfc7662#section-2

use futures_util::FutureExt as _;
use warp::Filter;
use warp::reply::Response;

use super::cors::Cors;
use super::guard::{authenticated, with};
use super::reply;
use super::route::{Route, answer};
use crate::app::App;
use crate::introspect;
use crate::protocol::{Error, Params};
use crate::store::LiveClient;

/// `POST /introspect`
pub(super) fn routes(app: &App) -> Vec<Route> {
    let introspect = warp::post()
        .and(authenticated(app))
        .and(with(app))
        .then(|client, params, app| introspect(client, params, app).boxed())
        .map(answer);
    vec![Route::new(app, Cors::Nobody, "POST", "/introspect", introspect)]
}

async fn introspect(client: LiveClient, params: Params, app: App) -> Result<Response, Error> {
    Ok(reply::json(&introspect::introspect(&app, &client, params.require("token")?).await?))
}
