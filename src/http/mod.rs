//! HTTP: the endpoints, each a closed `Route` of its own, and the server that carries them.

mod account;
mod authorization;
mod consent;
pub mod control;
mod cookies;
mod cors;
mod csrf;
mod discovery;
mod docs;
mod end_session;
mod form;
mod guard;
mod health;
mod introspect;
mod jwks;
pub mod mount;
pub mod reply;
mod revoke;
mod route;
pub mod server;
mod sign_in;
mod token;
mod userinfo;
mod users_me;
pub mod view;
mod visit;

use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use crate::app::App;
use crate::protocol::Error;

/// All endpoints, the busiest first.
pub fn routes(app: &App) -> BoxedFilter<(Response,)> {
    let endpoints = jwks::routes(app)
        .or(token::routes(app))
        .or(introspect::routes(app))
        .or(userinfo::routes(app))
        .or(users_me::routes(app))
        .or(revoke::routes(app))
        .or(authorization::routes(app))
        .or(sign_in::routes(app))
        .or(consent::routes(app))
        .or(end_session::routes(app))
        .or(account::routes(app))
        .or(discovery::routes(app))
        .or(docs::routes(app))
        .or(health::routes(app))
        .or(view::routes(app));
    let unknown = || Error::not_found("there is nothing at this path");
    let unknown = visit::visit(app).map(move |visit: visit::Visit| visit.refused(&unknown()));
    endpoints.into_filter().or(unknown).unify().boxed()
}
