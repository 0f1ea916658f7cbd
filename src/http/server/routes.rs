//! What a server serves.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hyper::{HeaderMap, Request};
use tower::Service as _;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::body::RequestBody;

/// Answers requests.
pub trait Routes: Send + Sync {
    /// The answer to `request`, which has a [`Peer`](super::Peer) and a [`RequestId`](super::RequestId) in its
    /// extensions.
    fn answer(&self, request: Request<RequestBody>) -> BoxFuture<'static, Response>;

    /// The answer to a `GET` of `path` without conditions, if it is at hand: the same in every point, but given at once.
    /// Whoever keeps it lets `complete` add what every answer carries, and need not do so again.
    fn ready(&self, path: &str, complete: &dyn Fn(&mut HeaderMap)) -> Option<Response> {
        let _ = (path, complete);
        None
    }
}

impl Routes for BoxedFilter<(Response,)> {
    fn answer(&self, request: Request<RequestBody>) -> BoxFuture<'static, Response> {
        let mut filter = warp::service(self.clone());
        // Called only when polled: a filter that panics does so within the answer.
        async move {
            let Ok(response) = filter.call(request).await;
            response
        }
        .boxed()
    }
}
