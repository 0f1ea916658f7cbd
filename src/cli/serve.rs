//! `claviger serve`: the server itself.
//!
//! SIGTERM and SIGINT let the requests under way end, a second one does not wait; SIGHUP reads the
//! configuration again.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use tokio::runtime;
use tokio::signal::unix::{self, SignalKind, signal};
use tokio::sync::oneshot;
use tracing::Level;

use super::{Error, Output};
use crate::admin;
use crate::app::App;
use crate::clock::Clock;
use crate::config::{Config, Loaded, Sources};
use crate::fault::Fault;
use crate::http::server::ReloadHandle;
use crate::service::Service;
use crate::telemetry::{self, Telemetry};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The URL by which the world knows this server (`issuer`).
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,

    /// Addresses and ports to listen on (`listen`); port 0 takes any that is free, and the log names it.
    #[arg(long, value_name = "ADDRESS", num_args = 1.., value_delimiter = ' ')]
    listen: Vec<SocketAddr>,

    /// How the log is written: `json` or `human` (`log.format`).
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,

    /// What is logged: `error`, `warn`, `info`, `debug` or `trace` (`log.level`).
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
}

impl Arguments {
    /// Serves until it is told to stop.
    pub(super) fn run(self, sources: Sources, output: Output) -> Result<(), Error> {
        let sources = self.sources(sources);
        let loaded = sources.load()?;
        let telemetry = telemetry::init(&loaded.config.log)
            .map_err(|error| Error::new(format!("the log cannot be started: {error}")))?;

        // As many threads as there are processors.
        let runtime = runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::new(format!("cannot start: {error}")))?;
        let served = runtime.block_on(serve(Reload { sources, loaded, telemetry, output }));
        // Whoever was to be waited for has been waited for.
        runtime.shutdown_timeout(Duration::ZERO);
        served
    }

    /// The sources with what these flags set.
    fn sources(self, sources: Sources) -> Sources {
        let listen = self.listen.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let flags = [
            ("--issuer", "issuer", self.issuer),
            ("--listen", "listen", Some(listen).filter(|listen| !listen.is_empty())),
            ("--log-format", "log.format", self.log_format),
            ("--log-level", "log.level", self.log_level),
        ];
        let given = flags.into_iter().filter_map(|(flag, key, text)| Some((flag, key, text?)));
        given.fold(sources, |sources, (flag, key, text)| sources.with_flag(flag, key, text))
    }
}

async fn serve(mut reload: Reload) -> Result<(), Error> {
    // Before anything else: a signal that comes during the start is obeyed after it.
    let mut signals =
        Signals::new().map_err(|error| Error::new(format!("signals cannot be received: {error}")))?;
    let config = reload.loaded.config.clone();
    warn(&config, reload.output);

    let service = Service::open(config.clone(), Clock::system()).await?;
    let app = service.app().clone();
    // A disk that takes no writes is noticed now, and not by the first user.
    app.store.probe(app.clock.now()).await?;
    for address in service.addresses() {
        let (issuer, tls) = (config.issuer.as_str(), config.tls.files().is_some());
        tracing::info!(%address, issuer, tls, version = env!("CARGO_PKG_VERSION"), "listening");
    }

    warn_of_dangling(&app, &config).await;

    let handle = service.reload_handle();
    let (stop, stopped) = oneshot::channel();
    let mut stop = Some(stop);
    let mut running = std::pin::pin!(service.run(async move { drop(stopped.await) }));
    loop {
        tokio::select! {
            drained = &mut running => {
                match drained.cut {
                    0 => tracing::info!("stopped"),
                    cut => tracing::warn!(cut, "stopped; connections that were still busy were cut off"),
                }
                return Ok(());
            }
            signal = signals.next() => match (signal, stop.take()) {
                (Signal::Reload, kept) => {
                    stop = kept;
                    reload.run(&app, &handle);
                    warn_of_dangling(&app, &app.config().clone()).await;
                }
                (Signal::Stop, Some(stop)) => {
                    tracing::info!(within = %config.server.drain_timeout, "stopping: requests under way may end");
                    // The server is there to hear it: it is what is being waited for.
                    let _ = stop.send(());
                }
                (Signal::Stop, None) => {
                    return Err(Error::new("stopped at once by a second signal"));
                }
            }
        }
    }
}

/// Says which names of the configuration the database does not know.
async fn warn_of_dangling(app: &App, config: &Config) {
    match admin::dangling(&app.store, config).await {
        Ok(faults) => faults.iter().for_each(|fault| tracing::warn!(hint = fault.hint, "{}", fault.message)),
        Err(error) => tracing::warn!(%error, "the names in the configuration were not checked"),
    }
}

/// Says what is allowed but rarely meant, where nobody can overlook it.
fn warn(config: &Config, output: Output) {
    for warning in config.warnings() {
        if tracing::enabled!(Level::WARN) {
            tracing::warn!(hint = warning.hint, "{}", warning.message);
        } else {
            output.fault("warning", &warning.into());
        }
    }
}

/// What it takes to go on with another configuration.
struct Reload {
    sources: Sources,
    loaded: Loaded,
    telemetry: Telemetry,
    output: Output,
}

impl Reload {
    /// Reads the configuration again, and goes on with it if it is good.
    fn run(&mut self, app: &App, handle: &ReloadHandle) {
        match self.sources.load().and_then(|new| self.loaded.adopt(new)) {
            Ok((loaded, waiting)) => self.adopt(loaded, &waiting, app, handle),
            Err(Fault { message, hint }) => {
                tracing::error!(hint, "the old configuration stays: {message}");
            }
        }
    }

    fn adopt(&mut self, loaded: Loaded, waiting: &[&str], app: &App, handle: &ReloadHandle) {
        let config = loaded.config.clone();
        self.loaded = loaded;
        self.telemetry.set_level(&config.log.level);
        handle.proxies(config.trusted_proxies.clone(), config.forwarded_header);
        if let Err(error) = handle.certificate() {
            let Fault { message, hint } = Fault::of(&error);
            tracing::error!(hint, "{message}; the old certificate stays");
        }
        warn(&config, self.output);
        app.set_config(config);
        if !waiting.is_empty() {
            tracing::warn!(keys = waiting.join(" "), "some changes need a restart");
        }
        tracing::info!("the configuration is read again");
    }
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug)]
enum Signal {
    Reload,
    Stop,
}

struct Signals {
    hangup: unix::Signal,
    interrupt: unix::Signal,
    terminate: unix::Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.hangup.recv() => Signal::Reload,
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.terminate.recv() => Signal::Stop,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::{Cli, Command};
    use super::*;

    #[test]
    fn flags_come_first() {
        let line = "claviger serve --issuer http://localhost:9 --listen 127.0.0.1:1 --listen [::1]:1 --log-level warn";
        let Command::Serve(arguments) = Cli::try_parse_from(line.split(' ')).unwrap().command else {
            panic!("{line}")
        };
        let environment = [("CLAVIGER_ISSUER".into(), "http://localhost:1".into())];
        let config = arguments.sources(Sources::new(None, environment)).load().unwrap().config;
        assert_eq!(config.issuer.as_str(), "http://localhost:9");
        assert_eq!(config.listen, ["127.0.0.1:1".parse().unwrap(), "[::1]:1".parse().unwrap()]);
        assert_eq!(config.log.level.as_str(), "warn");
    }
}
