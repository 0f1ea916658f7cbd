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
    let unknown = || Error::not_found("there is nothing at this path");
    let unknown = visit::visit(app).map(move |visit: visit::Visit| visit.refused(&unknown()));
    let endpoints = [
        jwks::routes,
        discovery::routes,
        users_me::routes,
        userinfo::routes,
        introspect::routes,
        token::routes,
        revoke::routes,
        authorization::routes,
        sign_in::routes,
        consent::routes,
        end_session::routes,
        account::routes,
        docs::routes,
        health::routes,
        view::routes,
    ];
    // From behind, so that an endpoint pays only for those before it: each `or` is a box around both.
    endpoints.iter().rev().fold(unknown.boxed(), |rest, routes| {
        let endpoint = routes(app).into_filter();
        endpoint.or(rest).unify().boxed()
    })
}
