//! `/healthz`: the process answers. `/readyz`: it can serve, with a write to the database and a key to sign with.

use std::time::Duration;

use serde::Serialize;
use warp::Filter;
use warp::reply::Response;

use super::cors::Cors;
use super::guard::with;
use super::reply;
use super::route::{READ, Route, answer, read};
use crate::app::App;
use crate::issue;
use crate::model::SigningAlg;
use crate::protocol::Error;

/// How long a write that went well speaks for the next ones.
const FRESH: Duration = Duration::from_secs(1);

/// `GET /healthz` and `GET /readyz`
pub(super) fn routes(app: &App) -> Vec<Route> {
    let live = read().map(|| reply::json(&Health { status: "ok" }));
    let ready = read().and(with(app)).then(ready).map(answer);
    vec![
        Route::new(app, Cors::Nobody, READ, "/healthz", live),
        Route::new(app, Cors::Nobody, READ, "/readyz", ready),
    ]
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

/// One write at a time, and at most one a second: nobody can ask the database for more.
async fn ready(app: App) -> Result<Response, Error> {
    SigningAlg::ALL.iter().try_for_each(|(_, alg)| issue::check_ready(&app, *alg))?;
    let mut probed = app.probed.lock().await;
    let now = app.clock.monotonic();
    if probed.is_none_or(|at| now.saturating_sub(at) >= FRESH) {
        *probed = None;
        app.store.probe(app.clock.now()).await?;
        *probed = Some(now);
    }
    Ok(reply::json(&Health { status: "ready" }))
}
