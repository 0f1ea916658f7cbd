//! Guards: who asks, and whether they may.

use http::header::HeaderMap;
use warp::Filter;
use warp::reject::Rejection;

use super::form::form;
use super::server::Peer;
use crate::access::{self, Access};
use crate::app::App;
use crate::client;
use crate::protocol::{ClientAuthentication, Error, Params, ScopeToken, authorization, bearer_token};
use crate::store::LiveClient;

/// The server's handles, for a handler.
pub(super) fn with(
    app: &App,
) -> impl Filter<Extract = (App,), Error = std::convert::Infallible> + Clone + use<> {
    let app = app.clone();
    warp::any().map(move || app.clone())
}

/// A form whose client has authenticated.
pub(super) fn authenticated(
    app: &App,
) -> impl Filter<Extract = (LiveClient, Params), Error = Rejection> + Clone + use<> {
    warp::header::headers_cloned()
        .and(form())
        .and(warp::ext::get::<Peer>())
        .and(with(app))
        .and_then(|headers, params, peer: Peer, app| async move {
            let client = authenticate(&app, &headers, &params, peer).await?;
            Ok::<_, Rejection>((client, params))
        })
        .untuple_one()
}

async fn authenticate(
    app: &App,
    headers: &HeaderMap,
    params: &Params,
    peer: Peer,
) -> Result<LiveClient, Error> {
    let presented = ClientAuthentication::read(authorization(headers)?, params)?;
    client::authenticate(app, presented, peer.client).await
}

/// A bearer token that holds `scope` ([RFC 6750 §2.1](https://www.rfc-editor.org/rfc/rfc6750#section-2.1): in the
/// header, and nowhere else).
pub(super) fn bearer(
    app: &App,
    scope: ScopeToken,
) -> impl Filter<Extract = (Access,), Error = Rejection> + Clone + use<> {
    warp::header::headers_cloned().and(with(app)).and_then(move |headers: HeaderMap, app| {
        let scope = scope.clone();
        async move { admit(&app, &headers, scope).map_err(Rejection::from) }
    })
}

fn admit(app: &App, headers: &HeaderMap, scope: ScopeToken) -> Result<Access, Error> {
    let access = access::verify(app, bearer_token(headers)?)?;
    access.require(scope)?;
    Ok(access)
}
