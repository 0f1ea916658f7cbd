//! The running server: what is opened at the start, what runs beside the requests, and what is closed at the end.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::app::{self, App};
use crate::clock::Clock;
use crate::config::Config;
use crate::fetch::{Fetcher, TrustError};
use crate::http::server::{self, BindError, Drained, Server, TlsFiles};
use crate::http::{Endpoints, routes};
use crate::keys::schedule::Schedule;
use crate::protocol::BoxError;
use crate::vault::{OpenError, Vault};
use crate::{deliver, refusals, rotate, store, sweep, watch};

/// A server that is ready to serve.
pub struct Service {
    app: App,
    server: Server,
    schedule: Schedule,
}

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The vault does not open.
    #[error(transparent)]
    Vault(#[from] OpenError),
    /// It cannot listen.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The authorities to trust cannot be read.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The database does not give what is kept at hand.
    #[error("{cause}\nhint: {}", .cause.hint())]
    Store {
        /// What is wrong with it.
        #[from]
        cause: store::Error,
    },
    /// There is no key to sign with.
    #[error("there is no key to sign with: {0}\nhint: see that the database can be written and has room")]
    Keys(BoxError),
}

impl Service {
    /// Opens the database and the sockets, and makes the first signing key when there is none.
    pub async fn open(config: Config, clock: Clock) -> Result<Self, StartError> {
        let server = Server::bind(options(&config)).await?;
        let vault = Vault::open(&config, clock).await?;
        Self::of(server, vault, config).await
    }

    /// The same, of what is open already.
    pub async fn of(server: Server, vault: Vault, config: Config) -> Result<Self, StartError> {
        let fetcher = Fetcher::open(&config.fetch, vault.clock.clone())?;
        let mut schedule = Schedule::new(app::policy(&config));
        let app = App::new(vault, config, fetcher).await?;
        rotate::follow(&app, &mut schedule).await.map_err(StartError::Keys)?;
        Ok(Self { app, server, schedule })
    }

    /// The addresses it listens on.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.server.addresses()
    }

    /// The handles that requests use.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// The way to go on with another configuration while it runs.
    pub fn reload_handle(&self) -> server::ReloadHandle {
        self.server.reload_handle()
    }

    /// Serves until `shutdown`, lets the requests under way end, and closes the database.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Drained {
        let routes = routes(&self.app);
        self.run_with(routes, shutdown).await
    }

    /// The same with `routes` in place of the usual ones.
    pub async fn run_with(self, routes: Endpoints, shutdown: impl Future<Output = ()>) -> Drained {
        let Self { app, server, schedule } = self;
        let mut beside = JoinSet::new();
        let schedule = Arc::new(Mutex::new(schedule));
        beside.spawn(kept_running(app.clone(), move |app| rotate::run(app, schedule.clone())));
        beside.spawn(kept_running(app.clone(), watch::run));
        beside.spawn(kept_running(app.clone(), sweep::run));
        beside.spawn(kept_running(app.clone(), sweep::limits));
        beside.spawn(kept_running(app.clone(), deliver::run));
        beside.spawn(kept_running(app.clone(), refusals::run));
        beside.spawn(kept_running(app.clone(), async |app| app.limits.keep_shared().await));

        let drained = server.noting(app.refusals.clone()).serve(routes, shutdown).await;

        beside.shutdown().await;
        deliver::drained(&app).await;
        // Nobody waits long for these, should the database be away.
        let _ = tokio::time::timeout(Duration::from_secs(1), refusals::write(&app)).await;
        app.store.close().await;
        drained
    }
}

/// Runs what never ends, and again should it panic.
async fn kept_running<F: Future<Output = ()>>(app: App, run: impl Fn(App) -> F) {
    while AssertUnwindSafe(run(app.clone())).catch_unwind().await.is_err() {
        tracing::error!("a task beside the requests panicked; it is started again");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// The certificate and key of `config`, if the server is to speak TLS itself.
pub fn tls_files(config: &Config) -> Option<TlsFiles> {
    let (certificate, key) = config.tls.files()?;
    Some(TlsFiles { certificate: certificate.into(), key: key.into() })
}

/// How the server of `config` listens.
pub fn options(config: &Config) -> server::Options {
    let limits = &config.server;
    server::Options {
        listen: config.listen.clone(),
        tls: tls_files(config),
        trusted_proxies: config.trusted_proxies.clone(),
        forwarded_header: config.forwarded_header,
        limits: server::Limits {
            header: limits.header_timeout.duration(),
            body: limits.body_timeout.duration(),
            request: limits.request_timeout.duration(),
            idle: limits.idle_timeout.duration(),
            drain: limits.drain_timeout.duration(),
            connections: limits.connections,
            connections_per_prefix: limits.connections_per_prefix,
            ..server::Limits::default()
        },
        hsts: config.issuer.as_str().starts_with("https:"),
    }
}
