//! `userinfo_endpoint` ([OpenID Connect Core §5.3]).
//!
//! [OpenID Connect Core §5.3]: https://openid.net/specs/openid-connect-core-1_0.html#UserInfo

use futures_util::FutureExt as _;
use warp::Filter;
use warp::reply::Response;

use super::cors::Cors;
use super::guard::{bearer, bearer_or_form, with};
use super::reply;
use super::route::{Route, answer, read};
use crate::access::Access;
use crate::app::App;
use crate::model::OPENID;
use crate::protocol::Error;
use crate::userinfo;

/// `GET /userinfo` and `POST /userinfo`
pub(super) fn routes(app: &App) -> Vec<Route> {
    let get = read().and(bearer(app, OPENID.clone()));
    let post = warp::post().and(bearer_or_form(app, OPENID.clone()));
    let show = get.or(post).unify().and(with(app)).then(|access, app| show(access, app).boxed()).map(answer);
    vec![Route::new(app, Cors::Clients, "GET, HEAD, POST, OPTIONS", "/userinfo", show)]
}

async fn show(access: Access, app: App) -> Result<Response, Error> {
    Ok(reply::json(&userinfo::userinfo(&app, &access).await?))
}
