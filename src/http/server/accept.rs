//! Accepts connections until the shutdown, whatever goes wrong.

use std::future::ready;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::{Shared, Stage, connection};

/// The wait after a fault of our own, such as want of descriptors: others give some back meanwhile.
const BACK_OFF: Duration = Duration::from_millis(100);

/// As many connections as may wait to be accepted (the backlog that tokio asks for).
const BACKLOG: usize = 1024;

/// Accepts and serves connections from `listener`; at the shutdown also those that wait to be accepted, since
/// closing the listener would reset them.
pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>, stage: watch::Receiver<Stage>) {
    // A clone: what connections are given must not have seen the change (`Activity::is_draining`).
    let mut draining = stage.clone();
    let mut starved = false;
    loop {
        let accepted = tokio::select! {
            biased;
            _ = draining.wait_for(|stage| *stage != Stage::Serving) => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, tcp)) => {
                starved = false;
                start(&shared, socket, tcp, &stage);
            }
            Err(fault) if is_the_peers(&fault) => (),
            Err(fault) => {
                if !starved {
                    tracing::error!(%fault, "cannot accept connections, trying on");
                }
                starved = true;
                tokio::time::sleep(BACK_OFF).await;
            }
        }
    }
    // The runtime learns who waits when it next looks at its sockets, which it does before it ends a sleep.
    tokio::time::sleep(Duration::from_millis(1)).await;
    for _ in 0..BACKLOG {
        tokio::select! {
            biased;
            accepted = listener.accept() => if let Ok((socket, tcp)) = accepted {
                start(&shared, socket, tcp, &stage);
            },
            () = ready(()) => break,
        }
    }
}

/// Serves a connection in a task of its own, or closes it at once when too many are open.
fn start(shared: &Arc<Shared>, socket: TcpStream, tcp: SocketAddr, stage: &watch::Receiver<Stage>) {
    let tcp = SocketAddr::new(tcp.ip().to_canonical(), tcp.port());
    let proxy = shared.proxies.load().contain(tcp.ip());
    match shared.caps.admit(tcp.ip(), proxy) {
        Some(admission) => {
            tokio::spawn(connection::serve(shared.clone(), socket, tcp, stage.clone(), admission));
        }
        None => tracing::debug!(%tcp, "connection refused: too many are open"),
    }
}

/// A connection that was gone before it was accepted says nothing about the listener.
fn is_the_peers(fault: &io::Error) -> bool {
    matches!(
        fault.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused
    )
}
