//! The bytes of a connection, plain or TLS: tells when some came, and closes so that the answer arrives.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::activity::Activity;

/// How much of an unread body is discarded while closing.
const DISCARDED: usize = 1 << 20;

/// Up to so many bytes go out in one piece, which costs less than to have the system gather two, as head and body are.
const PIECE: usize = 4096;

/// TCP or TLS over it, boxed so that the HTTP machinery is compiled once.
pub(super) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl Transport for TcpStream {}
impl Transport for TlsStream<TcpStream> {}

/// A transport that reports to the connection's [`Activity`].
pub(super) struct Stream {
    transport: Pin<Box<dyn Transport>>,
    activity: Arc<Activity>,
    /// How much may still be discarded, once this is closing.
    discarding: Option<usize>,
}

impl Stream {
    pub(super) fn new(transport: Pin<Box<dyn Transport>>, activity: Arc<Activity>) -> Self {
        Self { transport, activity, discarding: None }
    }

    /// Closing a socket with unread bytes resets it, and the peer may lose the answer that told it to stop: so
    /// the rest is read and discarded until the peer has understood.
    fn poll_discard(&mut self, cx: &mut Context<'_>, mut left: usize) -> Poll<()> {
        let mut bytes = [0; 4096];
        loop {
            self.discarding = Some(left);
            let mut buffer = ReadBuf::new(&mut bytes);
            let read = ready!(self.transport.as_mut().poll_read(cx, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() || left < buffer.filled().len() {
                return Poll::Ready(());
            }
            left -= buffer.filled().len();
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = ready!(this.transport.as_mut().poll_read(cx, buffer));
        if buffer.filled().len() > before {
            this.activity.heard();
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().transport.as_mut().poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let transport = self.get_mut().transport.as_mut();
        if slices.iter().map(|slice| slice.len()).sum::<usize>() > PIECE {
            return transport.poll_write_vectored(cx, slices);
        }
        let mut bytes = [MaybeUninit::uninit(); PIECE];
        let mut piece = ReadBuf::uninit(&mut bytes);
        slices.iter().for_each(|slice| piece.put_slice(slice));
        transport.poll_write(cx, piece.filled())
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().transport.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let left = match this.discarding {
            Some(left) => left,
            None => {
                ready!(this.transport.as_mut().poll_shutdown(cx))?;
                if !this.activity.linger() {
                    return Poll::Ready(Ok(()));
                }
                DISCARDED
            }
        };
        ready!(this.poll_discard(cx, left));
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::IoSlice;
    use std::sync::Mutex;

    use tokio::sync::watch;

    use super::super::{Limits, Stage};
    use super::*;

    /// Takes all that is written, and notes of how many pieces each write was.
    #[derive(Clone, Default)]
    struct Taker(Arc<Mutex<(Vec<usize>, Vec<u8>)>>);

    impl Transport for Taker {}

    impl AsyncRead for Taker {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Taker {
        fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
        }

        fn poll_write_vectored(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            slices: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let mut taken = self.0.lock().unwrap();
            taken.0.push(slices.len());
            slices.iter().for_each(|slice| taken.1.extend_from_slice(slice));
            Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// R8: what is large is not copied, so that no connection has room for it.
    #[tokio::test]
    async fn only_a_small_answer_is_gathered() {
        for (length, pieces) in [(1, 1), (PIECE - 4, 1), (PIECE - 3, 2), (400_000, 2)] {
            let taker = Taker::default();
            let activity = Activity::new(&Limits::default(), watch::channel(Stage::Serving).1);
            let mut stream = Stream::new(Box::pin(taker.clone()), activity);
            let (head, body) = (b"head", vec![b'b'; length]);
            let slices = [IoSlice::new(head), IoSlice::new(&body)];
            let written = poll_fn(|cx| Pin::new(&mut stream).poll_write_vectored(cx, &slices)).await.unwrap();
            assert_eq!(written, 4 + length);
            assert_eq!(*taker.0.lock().unwrap(), (vec![pieces], [&head[..], &body].concat()), "{length}");
        }
    }
}
