//! `/openapi.json`: the description of every endpoint; `/docs`: the page in which it is read and tried.
//!
//! It is on for everybody: it tells what the metadata and the source tell, and the page does nothing that a caller at a
//! prompt could not do. People sign in there only once an operator has registered the page as a client, by
//! [`REDIRECT_PATH`](crate::metadata::description::REDIRECT_PATH), or made a default client for those that name none. The
//! scripts are somebody else's, on the origin of our own pages, so the page's policy lets them load and ask nothing but
//! us, and write no script into the page.

use warp::Filter;

use super::cors::Cors;
use super::discovery::MAX_AGE;
use super::document::publish;
use super::guard::with;
use super::route::{READ, Route, read};
use super::view::{Docs, DocsRedirect};
use crate::app::App;

/// `GET /openapi.json`, `GET /docs` and `GET /docs/oauth2-redirect.html`
pub(super) fn routes(app: &App) -> Vec<Route> {
    let description = |app: &App| (app.directory().description().clone(), MAX_AGE);
    let page = read().and(with(app)).map(|app: App| Docs::new(&app).answer());
    let redirect = read().and(with(app)).map(|app: App| DocsRedirect::new(&app).answer());
    vec![
        publish(app, "/openapi.json", description),
        Route::new(app, Cors::Nobody, READ, "/docs", page),
        Route::new(app, Cors::Nobody, READ, "/docs/oauth2-redirect.html", redirect),
    ]
}
