//! The body of a request, read under a size cap and a time limit.
//!
//! Both are counted while reading, so they hold for chunked bodies too. A filter that reads a body by
//! `warp::body::stream` gets a [`warp::Error`] when one is exceeded; [`refusal`] says what to answer.

use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::Instant;

use super::activity::Activity;
use super::{Limits, Stage};
use crate::protocol::Error;

/// How long a body may still take once the server is being shut down.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Why a body could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is larger than the server reads.
    #[error("the body is larger than {0} bytes")]
    TooLarge(u64),
    /// It did not come within its time.
    #[error("the body did not come in time")]
    TooSlow,
    /// The connection broke, or the framing is malformed.
    #[error("the body broke off")]
    Broken(#[source] hyper::Error),
}

/// The answer to a body that could not be read: 413, 408 or 400.
///
/// `error` is what a body filter of warp failed with; [`BodyError`] is among its sources.
pub fn refusal(error: &(dyn StdError + 'static)) -> Error {
    let mut sources = std::iter::successors(Some(error), |error| (*error).source());
    match sources.find_map(|error| error.downcast_ref::<BodyError>()) {
        Some(large @ BodyError::TooLarge(_)) => Error::too_large(large.to_string()),
        Some(BodyError::TooSlow) => Error::request_timeout("the body did not come in time"),
        Some(BodyError::Broken(_)) | None => {
            Error::invalid_request("the body broke off").because(error.to_string())
        }
    }
}

/// The body of a request, under the limits of the server.
pub struct RequestBody {
    incoming: Incoming,
    limit: u64,
    declared: u64,
    read: u64,
    deadline: Instant,
    /// Made when the body first has to be waited for: most requests have none, or have it at hand.
    patience: Option<Patience>,
    ended: bool,
    activity: Arc<Activity>,
}

type Patience = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

impl RequestBody {
    /// The body of a request whose header had been read at `at`.
    pub(super) fn new(incoming: Incoming, limits: &Limits, at: Instant, activity: Arc<Activity>) -> Self {
        let deadline = at + limits.body;
        let limit = limits.body_bytes;
        let declared = incoming.size_hint().lower();
        Self { incoming, limit, declared, read: 0, deadline, patience: None, ended: false, activity }
    }

    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let patience = self.patience.get_or_insert_with(|| {
            let deadline = tokio::time::sleep_until(self.deadline);
            let draining = Stage::draining(self.activity.stage(), LAST_WORDS);
            Box::pin(async move {
                tokio::select! {
                    () = deadline => (),
                    () = draining => (),
                }
            })
        });
        patience.as_mut().poll(cx)
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        let fault = match Pin::new(&mut this.incoming).poll_frame(cx) {
            // What the client declares to be over the cap is not waited for.
            _ if this.declared > this.limit => BodyError::TooLarge(this.limit),
            Poll::Ready(Some(Ok(frame))) => {
                this.read += frame.data_ref().map_or(0, |data| data.len() as u64);
                if this.read <= this.limit {
                    return Poll::Ready(Some(Ok(frame)));
                }
                BodyError::TooLarge(this.limit)
            }
            Poll::Ready(Some(Err(fault))) => BodyError::Broken(fault),
            Poll::Ready(None) => {
                this.ended = true;
                return Poll::Ready(None);
            }
            Poll::Pending => match this.poll_patience(cx) {
                Poll::Ready(()) => BodyError::TooSlow,
                Poll::Pending => return Poll::Pending,
            },
        };
        this.ended = true;
        this.activity.leave_unread();
        Poll::Ready(Some(Err(fault)))
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if !self.is_end_stream() {
            self.activity.leave_unread();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Code;

    #[derive(Debug, thiserror::Error)]
    #[error("wrapped")]
    struct Wrapped(#[source] BodyError);

    #[test]
    fn a_refusal_is_found_among_the_sources() {
        assert_eq!(refusal(&Wrapped(BodyError::TooLarge(7))).code(), Code::TooLarge);
        assert_eq!(refusal(&BodyError::TooSlow).code(), Code::RequestTimeout);
        assert_eq!(refusal(&std::fmt::Error).code(), Code::InvalidRequest);
    }
}
