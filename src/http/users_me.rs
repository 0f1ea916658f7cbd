//! `/users/me`: the signed-in user's own profile.

use serde::Serialize;
use warp::Filter;
use warp::reply::Response;

use super::cors::Cors;
use super::guard::{bearer, with};
use super::reply;
use super::route::{READ, Route, answer, read};
use crate::access::Access;
use crate::app::App;
use crate::model::{PROFILE, User};
use crate::protocol::Error;

/// `GET /users/me`
pub(super) fn routes(app: &App) -> Route {
    let show = read().and(bearer(app, PROFILE.clone())).and(with(app)).then(show).map(answer);
    Route::new(app, Cors::Clients, READ, warp::path!("users" / "me"), show)
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
    let User { username, full_name, email, roles, disabled_at, .. } = &*user;
    Ok(reply::json(&Profile {
        username: username.as_str(),
        full_name: full_name.as_deref(),
        email: email.as_deref(),
        disabled: disabled_at.is_some(),
        roles: roles.iter().map(|role| role.as_str()).collect(),
    }))
}
