//! Guards: who asks, and whether they may.

use std::future::{Ready, ready};

use futures_util::FutureExt as _;
use http::header::HeaderMap;
use warp::Filter;
use warp::reject::Rejection;

use super::form::{form, form_if_any};
use super::server::Peer;
use crate::access::{self, Access};
use crate::app::App;
use crate::client;
use crate::protocol::{ClientAuthentication, Code, Error, Params, ScopeToken, authorization, bearer_token};
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
        .and_then(|headers, params, peer: Peer, app| {
            let authenticated = async move {
                let client = authenticate(&app, &headers, &params, peer).await?;
                Ok::<_, Rejection>((client, params))
            };
            authenticated.boxed()
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

/// A bearer token that holds `scope`, in the header
/// ([RFC 6750 §2.1](https://www.rfc-editor.org/rfc/rfc6750#section-2.1)).
pub(super) fn bearer(
    app: &App,
    scope: ScopeToken,
) -> impl Filter<Extract = (Access,), Error = Rejection> + Clone + use<> {
    let nothing = warp::any().map(|| None);
    warp::header::headers_cloned().and(nothing).and(with(app)).and_then(admission(scope))
}

/// The same, or the token in a form ([RFC 6750 §2.2](https://www.rfc-editor.org/rfc/rfc6750#section-2.2)).
pub(super) fn bearer_or_form(
    app: &App,
    scope: ScopeToken,
) -> impl Filter<Extract = (Access,), Error = Rejection> + Clone + use<> {
    warp::header::headers_cloned().and(form_if_any()).and(with(app)).and_then(admission(scope))
}

fn admission(
    scope: ScopeToken,
) -> impl Fn(HeaderMap, Option<Params>, App) -> Ready<Result<Access, Rejection>> + Clone {
    move |headers, params, app| {
        let in_form = params.as_ref().and_then(|params| params.find("access_token"));
        ready(admit(&app, &headers, in_form, &scope).map_err(Rejection::from))
    }
}

fn admit(app: &App, headers: &HeaderMap, in_form: Option<&str>, scope: &ScopeToken) -> Result<Access, Error> {
    let token = match (bearer_token(headers), in_form) {
        (Ok(_), Some(_)) => {
            return Err(Error::invalid_request("the access token comes by two ways, but one is allowed"));
        }
        (Err(error), Some(token)) if error.code() == Code::MissingToken => token,
        (in_header, _) => in_header?,
    };
    let access = access::verify(app, token)?;
    access.require(scope.clone())?;
    Ok(access)
}
