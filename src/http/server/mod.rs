//! The server below the routes: accepts connections and serves them over HTTP/1.1 and HTTP/2, plain or TLS.
//!
//! warp's own server has no TLS, no timeouts, no connection cap and an endless drain; this one has them all, and
//! hands each request to the routes with a [`Peer`] and a [`RequestId`] in its extensions, read with
//! `warp::ext::get`. `warp::addr::remote` knows nothing here.
//!
//! A connection is always within a deadline: of its handshake and header, of its request, or of its idleness
//! (`activity.rs`). A header that cannot be parsed at all is answered by hyper, with a bare 400 or 431; every
//! other refusal is JSON like those of the routes.

mod accept;
mod activity;
mod body;
mod caps;
mod connection;
mod layers;
mod options;
mod peer;
mod request_id;
mod routes;
mod stream;
mod tls;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto;
use ipnet::IpNet;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use body::{BodyError, RequestBody, refusal};
pub use options::{BindError, Limits, Options};
pub use peer::Peer;
pub use request_id::RequestId;
pub use routes::Routes;
pub use tls::{TlsError, TlsFiles, check as check_tls};

use crate::random::Random;
use crate::refusals::Refusals;
use caps::Caps;
use layers::Layers;
use peer::Proxies;
use tls::Tls;

use crate::config::ForwardedHeader;

/// How often a certificate is read again.
const FOLLOW: Duration = Duration::from_secs(5);

/// How long connections that are cut off at the end of a drain may take to notice.
const CUT: Duration = Duration::from_secs(1);

/// The stage of the server's life, watched by every connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Serving,
    Draining,
    Cut,
}

impl Stage {
    /// Ends when the server has been draining for `grace`.
    async fn draining(mut stage: watch::Receiver<Self>, grace: Duration) {
        // An error means that the server is gone, which is no less of an end.
        let _ = stage.wait_for(|stage| *stage != Self::Serving).await;
        tokio::time::sleep(grace).await;
    }

    /// Ends when what is still open is cut off.
    async fn cut(mut stage: watch::Receiver<Self>) {
        let _ = stage.wait_for(|stage| *stage == Self::Cut).await;
    }
}

/// A server that listens: connections wait until [`Server::serve`].
#[derive(Debug)]
pub struct Server {
    listeners: Vec<TcpListener>,
    tls: Option<Arc<Tls>>,
    proxies: Arc<ArcSwap<Proxies>>,
    limits: Limits,
    hsts: bool,
    id: u32,
    noting: Option<Refusals>,
}

/// What every connection needs.
struct Shared {
    routes: Box<dyn Routes>,
    layers: Layers,
    limits: Limits,
    builder: auto::Builder<TokioExecutor>,
    caps: Arc<Caps>,
    tls: Option<Arc<Tls>>,
    proxies: Arc<ArcSwap<Proxies>>,
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were still busy at the deadline and were cut off.
    pub cut: usize,
}

impl Server {
    /// Reads the certificate and opens the listening sockets.
    pub async fn bind(options: Options) -> Result<Self, BindError> {
        let Options { listen, tls, trusted_proxies, forwarded_header, limits, hsts } = options;
        if listen.is_empty() {
            return Err(BindError::NoAddress);
        }
        let id = u32::from_ne_bytes(Random::system()?.bytes());
        let tls = tls.map(Tls::load).transpose()?;
        let mut listeners = Vec::new();
        for address in listen {
            let fault = |fault| BindError::Address { address, fault };
            listeners.push(TcpListener::bind(address).await.map_err(fault)?);
        }
        let proxies = Arc::new(ArcSwap::from_pointee(Proxies::new(trusted_proxies, forwarded_header)));
        Ok(Self { listeners, tls, proxies, limits, hsts, id, noting: None })
    }

    /// The addresses that the server listens on.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// Has refusals noted, and their clients told a reference.
    pub fn noting(self, refusals: Refusals) -> Self {
        Self { noting: Some(refusals), ..self }
    }

    /// Changes the server while it serves.
    pub fn reload_handle(&self) -> ReloadHandle {
        ReloadHandle { tls: self.tls.clone(), proxies: self.proxies.clone() }
    }

    /// Serves `routes` until `shutdown` ends; then lets running requests finish, for as long as [`Limits::drain`]
    /// allows.
    ///
    /// New connections are refused at once. For a moment open ones are still read, since a request may be on its
    /// way; its answer says that the connection ends. Idle connections are closed after that moment.
    pub async fn serve(self, routes: impl Routes + 'static, shutdown: impl Future<Output = ()>) -> Drained {
        let routes = Box::new(routes);
        let Self { listeners, tls, proxies, limits, hsts, id, noting } = self;
        let layers = Layers::new(limits, hsts, proxies.clone(), id, noting);
        let (builder, caps) = (connection::builder(&limits), Caps::new(&limits));
        let shared = Arc::new(Shared { routes, layers, limits, builder, caps, tls, proxies });

        let (stage, observed) = watch::channel(Stage::Serving);
        let mut tasks = JoinSet::new();
        if let Some(tls) = &shared.tls {
            tasks.spawn(tls.clone().follow(FOLLOW));
        }
        for listener in listeners {
            tasks.spawn(accept::accept(listener, shared.clone(), observed.clone()));
        }
        drop(observed);

        shutdown.await;
        stage.send_replace(Stage::Draining);
        // Every connection holds a receiver.
        if tokio::time::timeout(limits.drain, stage.closed()).await.is_ok() {
            return Drained { cut: 0 };
        }
        let cut = shared.caps.connections();
        stage.send_replace(Stage::Cut);
        // Elapses only when a handler blocks its thread; the process ends without it.
        let _ = tokio::time::timeout(CUT, stage.closed()).await;
        Drained { cut }
    }
}

/// Changes a server while it serves.
#[derive(Clone, Debug)]
pub struct ReloadHandle {
    tls: Option<Arc<Tls>>,
    proxies: Arc<ArcSwap<Proxies>>,
}

impl ReloadHandle {
    /// Reads the certificate and its key again. On failure the old ones stay. Blocks for as long as reading two
    /// files takes; a change of the files is noticed within seconds without this.
    pub fn certificate(&self) -> Result<(), TlsError> {
        self.tls.as_ref().map_or(Ok(()), |tls| tls.reload())
    }

    /// Trusts other proxies from the next request on.
    pub fn proxies(&self, networks: Vec<IpNet>, header: ForwardedHeader) {
        self.proxies.store(Arc::new(Proxies::new(networks, header)));
    }
}
