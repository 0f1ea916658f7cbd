//! What wraps every request: limits of its head, a time limit, the headers that every answer carries, and one
//! line in the log.
//!
//! One function instead of a stack of middleware: it reads in the order in which things happen.

use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use arc_swap::ArcSwap;
use hyper::body::{Body as _, Incoming};
use hyper::header::{
    CONNECTION, CONTENT_SECURITY_POLICY, HOST, HeaderName, HeaderValue, IF_NONE_MATCH,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{HeaderMap, Method, Request, StatusCode, Uri, Version};
use tokio::time::Instant;
use tracing::Instrument as _;
use warp::reply::Response;

use super::Limits;
use super::activity::Activity;
use super::body::RequestBody;
use super::peer::{Peer, Proxies};
use super::request_id::RequestId;
use super::routes::Routes;
use crate::http::reply::{self, Refused};
use crate::model::Refusal;
use crate::protocol::Error;
use crate::refusals::Refusals;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Answers carry no page unless a handler says otherwise, and are never shown in a frame.
static SECURITY: [(HeaderName, HeaderValue); 2] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
];

/// A year ([RFC 6797 §6.1.1](https://www.rfc-editor.org/rfc/rfc6797#section-6.1.1)); other hosts of the domain
/// are not ours to bind.
static HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Seconds after which asking again makes sense when an answer took too long.
const RETRY_AFTER: u64 = 1;

/// A request that has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) id: RequestId,
    /// The other end of its connection.
    pub(super) tcp: SocketAddr,
    /// When its header had been read.
    pub(super) at: Instant,
}

/// Wraps the routes.
pub(super) struct Layers {
    limits: Limits,
    hsts: bool,
    proxies: Arc<ArcSwap<Proxies>>,
    /// Sets this process's request ids apart from those of others.
    server: u32,
    requests: AtomicU64,
    /// Where refusals are noted.
    noting: Option<Refusals>,
}

impl Layers {
    pub(super) fn new(
        limits: Limits,
        hsts: bool,
        proxies: Arc<ArcSwap<Proxies>>,
        server: u32,
        noting: Option<Refusals>,
    ) -> Self {
        Self { limits, hsts, proxies, server, requests: AtomicU64::new(0), noting }
    }

    /// Names a request that has come.
    pub(super) fn id(&self) -> RequestId {
        RequestId { server: self.server, number: self.requests.fetch_add(1, Ordering::Relaxed) }
    }

    /// Answers a request for what is at hand, without a wait; no handler runs, and the clock is read for the log alone.
    pub(super) fn answer_at_once(
        &self,
        routes: &dyn Routes,
        request: &Request<Incoming>,
        id: RequestId,
        tcp: SocketAddr,
        activity: &Activity,
    ) -> Option<Response> {
        let (method, uri, headers) = (request.method(), request.uri(), request.headers());
        if method != Method::GET || !request.body().is_end_stream() || headers.contains_key(IF_NONE_MATCH) {
            return None;
        }
        let at = tracing::enabled!(tracing::Level::INFO).then(Instant::now);
        let ready = || routes.ready(uri.path(), &|headers| self.complete(headers, id));
        // Should it panic, the handler is asked.
        let mut response = catch_unwind(AssertUnwindSafe(ready)).ok()??;
        self.check(request).ok()?;
        let _entered = tracing::info_span!("request", %id).entered();
        self.mark(response.headers_mut(), id, request.version(), activity);
        let client = || self.proxies.load().client(tcp.ip(), headers);
        log_answer(method, uri, response.status(), || at.map_or(0.0, milliseconds_since), client);
        Some(response)
    }

    /// Answers a request.
    pub(super) async fn answer(
        &self,
        routes: &dyn Routes,
        request: Request<Incoming>,
        Arrival { id, tcp, at }: Arrival,
        activity: &Arc<Activity>,
    ) -> Response {
        let client = self.proxies.load().client(tcp.ip(), request.headers());
        let version = request.version();
        let mut request = request.map(|body| RequestBody::new(body, &self.limits, at, activity.clone()));
        request.extensions_mut().insert(Peer { client, tcp });
        request.extensions_mut().insert(id);

        let answer = async {
            let (method, uri) = (request.method().clone(), request.uri().clone());
            let mut line = AccessLine { method, uri, client, at, status: None };
            let mut response = match self.check(&request) {
                Ok(()) => self.call(routes, request, at).await,
                Err(error) => reply::error(&error),
            };
            self.note(&mut response, &line, id);
            self.decorate(response.headers_mut());
            self.mark(response.headers_mut(), id, version, activity);
            line.status = Some(response.status());
            response
        };
        answer.instrument(tracing::info_span!("request", %id)).await
    }

    /// Refuses a request by its head alone.
    fn check<B>(&self, request: &Request<B>) -> Result<(), Error> {
        let Limits { header_fields, header_bytes, target_bytes, .. } = self.limits;
        let headers = request.headers();
        if headers.len() > header_fields {
            return Err(Error::header_too_large(format!(
                "the request has more than {header_fields} header fields"
            )));
        }
        let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
        if target > target_bytes {
            return Err(Error::uri_too_long(format!(
                "the request target is longer than {target_bytes} bytes"
            )));
        }
        let field =
            |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len() + ": \r\n".len();
        if headers.iter().map(field).sum::<usize>() > header_bytes {
            return Err(Error::header_too_large(format!("the header is larger than {header_bytes} bytes")));
        }
        // RFC 9112 §3.2. In HTTP/2 the authority stands in a field of its own.
        if request.version() == Version::HTTP_11 && headers.get_all(HOST).iter().count() != 1 {
            return Err(Error::invalid_request("the request needs exactly one `Host` header"));
        }
        Ok(())
    }

    /// The routes' answer, within its time.
    async fn call(&self, routes: &dyn Routes, request: Request<RequestBody>, at: Instant) -> Response {
        match tokio::time::timeout_at(at + self.limits.request, unwound(routes.answer(request))).await {
            Ok(Some(response)) => response,
            Ok(None) => {
                // The panic hook has told where.
                tracing::error!("a handler panicked");
                reply::broken()
            }
            Err(elapsed) => reply::error(&Error::unavailable(RETRY_AFTER).because(elapsed)),
        }
    }

    /// Notes why the request was refused, if it was, by its id, and tells the client that.
    fn note(&self, response: &mut Response, line: &AccessLine, id: RequestId) {
        let Some(refused) = response.extensions_mut().remove::<Refused>() else { return };
        let Some(refusals) = &self.noting else { return };
        let reference = id.to_string();
        refused.tell(&reference, response);
        let Refused { code, description, cause, client, .. } = refused;
        refusals.note(Refusal {
            reference,
            at: refusals.now(),
            request: format!("{} {}", line.method, line.uri.path()),
            code: code.to_owned(),
            description,
            cause,
            client_id: client.map(|id| id.to_string()),
        });
    }

    /// Adds what every answer carries; what a handler has set stays.
    fn decorate(&self, headers: &mut HeaderMap) {
        // Room for all of it at once: a map that is full doubles.
        headers.reserve(SECURITY.len() + 3);
        for (name, value) in &SECURITY {
            headers.entry(name).or_insert_with(|| value.clone());
        }
        if self.hsts {
            headers.entry(STRICT_TRANSPORT_SECURITY).or_insert_with(|| HSTS.clone());
        }
    }

    /// Adds that to a header that is kept, and an id that each answer made of it replaces: its map never grows.
    fn complete(&self, headers: &mut HeaderMap, id: RequestId) {
        self.decorate(headers);
        headers.insert(REQUEST_ID, id.into());
    }

    /// Adds what belongs to one answer alone.
    fn mark(&self, headers: &mut HeaderMap, id: RequestId, version: Version, activity: &Activity) {
        headers.insert(REQUEST_ID, id.into());
        // HTTP/2 has a frame for that, and hyper sends it.
        if version < Version::HTTP_2 && activity.is_draining() {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

/// `None` when the future panicked.
async fn unwound<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    std::future::poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(polled) => polled.map(Some),
        Err(_panic) => Poll::Ready(None),
    })
    .await
}

/// One line in the log for each request, also when the client hangs up before the answer.
struct AccessLine {
    method: Method,
    uri: Uri,
    client: IpAddr,
    at: Instant,
    status: Option<StatusCode>,
}

impl Drop for AccessLine {
    fn drop(&mut self) {
        let Self { method, uri, client, at, status } = self;
        match status {
            Some(status) => log_answer(method, uri, *status, || milliseconds_since(*at), || *client),
            None => {
                let (path, duration_ms) = (uri.path(), milliseconds_since(*at));
                tracing::info!(%method, path, duration_ms, %client, "abandoned by the client");
            }
        }
    }
}

/// Tells the log of an answer. Without the query, which may hold what nobody should read in a log.
fn log_answer(
    method: &Method,
    uri: &Uri,
    status: StatusCode,
    duration_ms: impl Fn() -> f64,
    client: impl Fn() -> IpAddr,
) {
    // Values that cost something stand in the macro: they are asked for only if the line is written.
    tracing::info!(
        %method,
        path = uri.path(),
        status = status.as_u16(),
        duration_ms = duration_ms(),
        client = %client(),
        "answered"
    );
}

fn milliseconds_since(at: Instant) -> f64 {
    at.elapsed().as_secs_f64() * 1e3
}
