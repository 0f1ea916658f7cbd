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
mod document;
mod end_session;
mod endpoints;
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

use crate::app::App;

pub use endpoints::Endpoints;

/// All endpoints, the busiest first.
pub fn routes(app: &App) -> Endpoints {
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
    Endpoints::new(app, endpoints.iter().flat_map(|routes| routes(app)))
}
