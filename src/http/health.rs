//! `/healthz`: the process answers. `/readyz`: it can serve, with a write to the database and a key to sign with.

use serde::Serialize;
use warp::Filter;
use warp::reply::Response;

use super::cors::Cors;
use super::guard::with;
use super::reply;
use super::route::{READ, Route, answer, read};
use crate::app::App;
use crate::protocol::Error;

/// `GET /healthz` and `GET /readyz`
pub(super) fn routes(app: &App) -> Route {
    let live = read().map(|| reply::json(&Health { status: "ok" }));
    let ready = read().and(with(app)).then(ready).map(answer);
    Route::new(app, Cors::Nobody, READ, warp::path!("healthz"), live).or(Route::new(
        app,
        Cors::Nobody,
        READ,
        warp::path!("readyz"),
        ready,
    ))
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

async fn ready(app: App) -> Result<Response, Error> {
    let now = app.clock.now();
    app.keys.current().signer(app.clock.read()).map_err(|error| Error::unavailable(1).because(error))?;
    app.store.probe(now).await?;
    Ok(reply::json(&Health { status: "ready" }))
}
