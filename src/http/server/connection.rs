//! One connection: handshake, protocol, timeouts, end.

use std::convert::Infallible;
use std::future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::future::Either;
use hyper::Request;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulConnection;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::coop;
use tokio::time::{Instant, Sleep};
use tokio_rustls::TlsAcceptor;

use super::activity::{Activity, Phase};
use super::caps::Admission;
use super::layers::Arrival;
use super::stream::{Stream, Transport};
use super::{Limits, Shared, Stage};
use crate::protocol::BoxError;

/// How long an open connection still takes requests once the server is being shut down: those that were on
/// their way are answered, and the answer says that the connection ends.
const LAST_CALL: Duration = Duration::from_millis(250);

/// How often an HTTP/2 peer is asked whether it is still there, and how long it may take to say so.
const PING: Duration = Duration::from_secs(20);

/// What the protocols may cost. hyper's own header timeout is off: see [`Activity`].
pub(super) fn builder(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        // Twice the limit is read, so that a header that is a little too large gets an answer that says so.
        // hyper takes no less than 8 KiB.
        .max_buf_size((2 * limits.header_bytes).max(8192));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(limits.header_bytes.try_into().unwrap_or(u32::MAX))
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        // Rapid resets (CVE-2023-44487, CVE-2025-8671): beyond these the connection ends.
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(64)
        // No body is larger than this, so no client needs more credit.
        .initial_stream_window_size(32 * 1024)
        .initial_connection_window_size(128 * 1024)
        .max_send_buf_size(64 * 1024);
    builder
}

/// Serves a connection to its end.
pub(super) async fn serve(
    shared: Arc<Shared>,
    socket: TcpStream,
    tcp: SocketAddr,
    stage: watch::Receiver<Stage>,
    _admission: Admission,
) {
    let activity = Activity::new(&shared.limits, stage);
    let Some(transport) = handshake(&shared, socket, &activity).await else { return };
    let stream = TokioIo::new(Stream::new(transport, activity.clone()));

    let service = service_fn(|request: Request<_>| {
        let (answering, id) = (activity.begin(request.version()), shared.layers.id());
        if let Some(response) = shared.layers.answer_at_once(&*shared.routes, &request, id, tcp, &activity) {
            return Either::Left(future::ready(Ok(response)));
        }
        let arrival = Arrival { id, tcp, at: Instant::now() };
        let (shared, activity) = (shared.clone(), activity.clone());
        // Boxed, since it is large, and hyper moves it about.
        Either::Right(Box::pin(async move {
            let response = shared.layers.answer(&*shared.routes, request, arrival, &activity).await;
            drop(answering);
            Ok::<_, Infallible>(response)
        }))
    });
    let connection = shared.builder.serve_connection(stream, service);
    drive(pin!(connection), &activity, &shared.limits).await;
}

/// The transport, once TLS is agreed on. The time for it is the time for the first header.
async fn handshake(
    shared: &Shared,
    socket: TcpStream,
    activity: &Activity,
) -> Option<Pin<Box<dyn Transport>>> {
    // Fails when the peer has gone already.
    socket.set_nodelay(true).ok()?;
    let Some(tls) = &shared.tls else { return Some(Box::pin(socket)) };
    tokio::select! {
        agreed = TlsAcceptor::from(tls.config()).accept(socket) => match agreed {
            Ok(stream) => Some(Box::pin(stream)),
            Err(fault) => {
                tracing::debug!(%fault, "no TLS handshake");
                None
            }
        },
        () = tokio::time::sleep(shared.limits.header) => None,
        () = Stage::draining(activity.stage(), LAST_CALL) => None,
    }
}

/// Drives a connection until it ends by itself or has to.
async fn drive<C>(mut connection: Pin<&mut C>, activity: &Activity, limits: &Limits)
where
    C: GracefulConnection<Error = BoxError>,
{
    let mut timer = pin!(tokio::time::sleep(limits.header));
    // Without the scheduler's budget, so that once they were polled they wake this task when the stage changes.
    let mut last_call = pin!(coop::unconstrained(Stage::draining(activity.stage(), LAST_CALL)));
    let mut cut = pin!(coop::unconstrained(Stage::cut(activity.stage())));
    let (mut is_watching, mut ending) = (false, false);
    loop {
        let ended = future::poll_fn(|cx| {
            // The connection first: what it has done moves the deadline.
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                return Poll::Ready(Some(ended));
            }
            // Not with each request: before the stage changes there is nothing to hear.
            if !std::mem::replace(&mut is_watching, true) || activity.is_draining() {
                if cut.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Some(Ok(())));
                }
                if !ending && last_call.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(None);
                }
            }
            poll_expired(timer.as_mut(), activity, limits, ending, cx).map(|()| None)
        });
        if let Some(ended) = ended.await {
            if let Err(fault) = ended {
                tracing::debug!(fault, "a connection broke");
            }
            return;
        }
        // Time is up. Who owes a request is cut off; who was answered may read the answer to its end.
        if ending || matches!(activity.phase(), Phase::Asking | Phase::Lingering) {
            return;
        }
        connection.as_mut().graceful_shutdown();
        ending = true;
    }
}

/// Whether the deadline has passed. It moves with each request, the timer only when it must: a request that
/// comes and is answered in time costs none of it.
fn poll_expired(
    mut timer: Pin<&mut Sleep>,
    activity: &Activity,
    limits: &Limits,
    ending: bool,
    cx: &mut Context<'_>,
) -> Poll<()> {
    loop {
        let deadline = activity.deadline(ending);
        if let Some(sooner) = deadline.filter(|deadline| *deadline < timer.deadline()) {
            timer.as_mut().reset(sooner);
        }
        ready!(timer.as_mut().poll(cx));
        match deadline {
            Some(deadline) if deadline <= timer.deadline() => return Poll::Ready(()),
            Some(later) => timer.as_mut().reset(later),
            None => timer.as_mut().reset(Instant::now() + limits.idle),
        }
    }
}
