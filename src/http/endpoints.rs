//! All endpoints, each found by its path.

use futures_util::future::BoxFuture;
use http::{HeaderMap, Request};
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::mount;
use super::route::Route;
use super::server::{RequestBody, Routes};
use super::visit::{Visit, visit};
use crate::app::App;
use crate::protocol::Error;

/// The endpoints of a server. A path is compared as it was sent: one that is encoded where it need not be is no
/// endpoint's.
pub struct Endpoints {
    app: App,
    routes: Vec<Route>,
    unknown: BoxedFilter<(Response,)>,
}

impl Endpoints {
    /// These endpoints, the busiest first.
    pub(super) fn new(app: &App, routes: impl IntoIterator<Item = Route>) -> Self {
        let unknown = || Error::not_found("there is nothing at this path");
        let unknown = visit(app).map(move |visit: Visit| visit.refused(&unknown()));
        Self { app: app.clone(), routes: routes.into_iter().collect(), unknown: unknown.boxed() }
    }

    /// These besides.
    pub(super) fn and(mut self, routes: impl IntoIterator<Item = Route>) -> Self {
        self.routes.extend(routes);
        self
    }

    /// The endpoint at `path`, with or without a slash behind it. They are few, and most differ in length, so that looking
    /// through them costs less than hashing would.
    fn find(&self, path: &str) -> Option<&Route> {
        let path = path.strip_suffix('/').unwrap_or(path);
        self.routes.iter().find(|route| route.is_at(path))
    }
}

impl Routes for Endpoints {
    fn answer(&self, request: Request<RequestBody>) -> BoxFuture<'static, Response> {
        let request = mount::relative(self.app.issuer().path(), request);
        self.find(request.uri().path()).map_or(&self.unknown, Route::filter).answer(request)
    }

    fn ready(&self, path: &str, complete: &dyn Fn(&mut HeaderMap)) -> Option<Response> {
        let path = mount::relative_path(self.app.issuer().path(), path);
        Some(self.find(path)?.ready()?.answer(&self.app, complete))
    }
}
