//! `/users/me`: the signed-in user's own profile.
//!
//! An application of the operator's own sees all of it, as the guides of FastAPI have it. Another one sees what its token
//! opens: the e-mail address by the scope `email`, and the roles that the token's scope rests on.

use futures_util::FutureExt as _;
use serde::Serialize;
use warp::Filter;
use warp::reply::Response;

use super::cors::Cors;
use super::guard::{bearer, with};
use super::reply;
use super::route::{READ, Route, answer, read};
use crate::access::Access;
use crate::app::App;
use crate::model::{PROFILE, Role, User};
use crate::protocol::Error;
use crate::scope;

/// `GET /users/me`
pub(super) fn routes(app: &App) -> Vec<Route> {
    let show = read()
        .and(bearer(app, PROFILE.clone()))
        .and(with(app))
        .then(|access, app| show(access, app).boxed())
        .map(answer);
    vec![Route::new(app, Cors::Clients, READ, "/users/me", show)]
}

/// What a user sees of themself.
#[derive(Serialize)]
struct Profile<'a> {
    username: &'a str,
    full_name: Option<&'a str>,
    email: Option<&'a str>,
    disabled: bool,
    roles: Vec<&'a str>,
}

async fn show(access: Access, app: App) -> Result<Response, Error> {
    let user = access.user(&app).await?;
    let User { username, full_name, email, disabled_at, .. } = &*user;
    let client = app.store.live_client(&access.client_id).await?;
    let is_ours = client.is_some_and(|client| client.first_party);
    let opens_email = is_ours || access.scope.contains(&scope!("email"));
    let rests_on = |role: &&Role| is_ours || !role.scope.intersection(&access.scope).is_empty();
    Ok(reply::json(&Profile {
        username: username.as_str(),
        full_name: full_name.as_deref(),
        email: email.as_deref().filter(|_| opens_email),
        disabled: disabled_at.is_some(),
        roles: user.roles().iter().filter(rests_on).map(|role| role.name.as_str()).collect(),
    }))
}
