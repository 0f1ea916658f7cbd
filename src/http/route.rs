//! A closed endpoint: whoever asks for its path is answered here, also when refused.

use std::convert::Infallible;
use std::sync::Arc;

use http::HeaderValue;
use warp::filters::BoxedFilter;
use warp::reject::Rejection;
use warp::reply::Response;
use warp::{Filter, Reply};

use super::cors::Cors;
use super::document::Ready;
use super::reply;
use super::visit::{Visit, visit};
use crate::app::App;
use crate::protocol::Error;

/// One endpoint, boxed: types stay small and builds fast.
pub(super) struct Route {
    path: &'static str,
    filter: BoxedFilter<(Response,)>,
    ready: Option<Ready>,
}

/// A guard's refusal on its way to the answer.
#[derive(Debug)]
pub(super) struct Refusal(Arc<Error>);

impl warp::reject::Reject for Refusal {}

impl From<Error> for Rejection {
    fn from(error: Error) -> Self {
        warp::reject::custom(Refusal(Arc::new(error)))
    }
}

impl Route {
    /// The endpoint at `path`, or below it if it ends in a slash, which takes the methods in `allow` and answers them by
    /// `handler`.
    ///
    /// `handler` may reject to say that a method is not its own; a guard's refusal is answered on the spot, since
    /// warp would offer the request to the next route. What is large of it is boxed, since each filter that is put on
    /// top of another moves what it holds.
    pub(super) fn new<H>(app: &App, cors: Cors, allow: &'static str, path: &'static str, handler: H) -> Self
    where
        H: Filter<Extract = (Response,), Error = Rejection> + Clone + Send + Sync + 'static,
    {
        let handled = handler.map(Ok).or_else(|rejection: Rejection| async move {
            match rejection.find::<Refusal>() {
                Some(Refusal(error)) => Ok((Err(error.clone()),)),
                None => Err(rejection),
            }
        });
        let others = warp::method().map(move |method| match method {
            http::Method::OPTIONS => Ok(reply::options(allow)),
            _ => Err(Arc::new(Error::method_not_allowed(allow))),
        });
        let visitor = match allow {
            PAGE => visit(app).map(Some).boxed(),
            _ => warp::any().map(|| None).boxed(),
        };
        let app = app.clone();
        let origin = warp::header::value("origin").map(Some).or(warp::any().map(|| None)).unify();
        let filter = visitor.and(origin).and(handled.or(others).unify()).map(
            move |visitor: Option<Visit>,
                  origin: Option<HeaderValue>,
                  answer: Result<Response, Arc<Error>>| {
                let mut response = answer.unwrap_or_else(|error| match visitor {
                    Some(visit) => visit.refused(&error),
                    None => reply::error(&error),
                });
                reply::describe(app.issuer(), &mut response);
                cors.admit(&app, origin.as_ref(), allow, &mut response);
                response
            },
        );
        Self { path, filter: filter.boxed(), ready: None }
    }

    /// The same, where `ready` is what the filter answers a `GET` with.
    pub(super) fn with_ready(self, ready: Ready) -> Self {
        Self { ready: Some(ready), ..self }
    }

    /// Whether it answers requests for `path`.
    pub(super) fn is_at(&self, path: &str) -> bool {
        path == self.path || (self.path.ends_with('/') && path.starts_with(self.path))
    }

    /// The filter, to be served.
    pub(super) fn filter(&self) -> &BoxedFilter<(Response,)> {
        &self.filter
    }

    /// What a `GET` may be answered with instead of asking the filter.
    pub(super) fn ready(&self) -> Option<&Ready> {
        self.ready.as_ref()
    }
}

/// The `Allow` of pages with forms, where a person is refused by a page too.
pub(super) const PAGE: &str = "GET, HEAD, POST, OPTIONS";

/// The `Allow` of an endpoint that is only read.
pub(super) const READ: &str = "GET, HEAD, OPTIONS";

/// A request that only reads.
pub(super) fn read() -> impl Filter<Extract = (), Error = Rejection> + Clone {
    warp::get().or(warp::head()).unify()
}

/// The `If-None-Match` of a request, if it is one that could be ours.
pub(super) fn if_none_match() -> impl Filter<Extract = (Option<String>,), Error = Infallible> + Clone {
    let value =
        warp::header::value("if-none-match").map(|value: HeaderValue| Some(value.to_str().ok()?.to_owned()));
    value.or(warp::any().map(|| None)).unify()
}

/// The answer to what a handler came to.
pub(super) fn answer(result: Result<impl Reply, Error>) -> Response {
    match result {
        Ok(reply) => reply.into_response(),
        Err(error) => reply::error(&error),
    }
}
