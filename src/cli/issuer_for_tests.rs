//! `claviger issuer-for-tests`: the real server for the tests of an API.
//!
//! It prints one line of JSON when it listens, and ends with whoever started it: when its standard input is closed.

use std::io::{self, Read as _, Write as _};
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::Error;
use crate::issuer_for_tests::IssuerForTests;

/// The real server, with a database and keys of its own that go with it, on 127.0.0.1 and nowhere else.
///
/// When it listens, it prints one line of JSON: `issuer`, `control`, `config`. `POST` JSON to `control` and
/// `/token` for a token (`sub`, `client_id`, `aud`, `scope`, `lifetime`, `typ`, and any other in `claims`), `/clock` to
/// set the clock (`{"now": 1800000000}` or `{"advance": 600}`), `/rotate` for another signing key (`{"revoke": true}`
/// drops the one before). The other commands administer it by `--config`.
#[derive(Debug, Args)]
#[command(
    after_help = "It ends when its standard input is closed, or on SIGTERM, and leaves nothing behind."
)]
pub(super) struct Arguments {
    /// The port of 127.0.0.1; 0 takes any that is free.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
}

impl Arguments {
    /// Serves until it is told to stop. Configuration files and variables are for real servers, and left alone.
    pub(super) fn run(self) -> Result<(), Error> {
        let runtime = runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::new(format!("cannot start: {error}")))?;
        let served = runtime.block_on(serve(self.port));
        runtime.shutdown_timeout(Duration::ZERO);
        served
    }
}

async fn serve(port: u16) -> Result<(), Error> {
    let unheard = |error| Error::new(format!("signals cannot be received: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(unheard)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(unheard)?;
    let issuer = IssuerForTests::open(port).await.map_err(|error| Error::told(&error.to_string()))?;

    let facts = json!({
        "issuer": issuer.issuer(),
        "control": format!("{}/test", issuer.issuer()),
        "config": issuer.config(),
    });
    let mut stdout = io::stdout();
    writeln!(stdout, "{facts}")
        .and_then(|()| stdout.flush())
        .map_err(|error| Error::new(format!("standard output cannot be written: {error}")))?;

    let closed = input_closes();
    let shutdown = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = closed => {}
        }
    };
    issuer.run(shutdown).await;
    Ok(())
}

/// Ends when standard input does; what comes from it is left alone.
fn input_closes() -> oneshot::Receiver<()> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock().by_ref(), &mut io::sink());
        let _ = sender.send(());
    });
    receiver
}
