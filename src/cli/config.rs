//! `claviger config`: is the configuration good, and what is it?

use clap::Subcommand;
use serde_json::{Value, json};

use super::{Error, Output, wait_for};
use crate::admin;
use crate::clock::Clock;
use crate::config::{self, Config, Sources};
use crate::fault::Fault;
use crate::fetch::Fetcher;
use crate::http::server::check_tls;
use crate::service;
use crate::store::Store;
use crate::vault::{OpenError, store_options};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Read and check the configuration, and say what is wrong with it, or what it names and the database has not.
    Check,
    /// Print what holds, and where it was written if it is not the default.
    Show {
        /// Print all keys instead, with their meaning and default: a file to begin with.
        #[arg(long)]
        template: bool,
    },
}

impl Command {
    pub(super) fn run(self, sources: &Sources, output: Output) -> Result<(), Error> {
        match self {
            Self::Check => check(sources, output),
            Self::Show { template: true } => output.text("template", &config::template()),
            Self::Show { template: false } => {
                let loaded = sources.load()?;
                output.print(&loaded.to_json(), |_| loaded.to_toml())
            }
        }
    }
}

/// What the configuration names and the database has not; nothing of a database that the server has yet to make, or
/// to bring to this release's schema.
async fn dangling(config: &Config) -> Vec<Fault> {
    let options = store_options(config);
    let found = async {
        if !options.pending().await?.is_empty() {
            return Ok(Vec::new());
        }
        let store = Store::open(&options, Clock::system().now()).await?;
        let found = admin::dangling(&store, config).await;
        store.close().await;
        found
    };
    let unusable = |cause| Fault::of(&OpenError::Database { url: config.database.url.clone(), cause });
    found.await.unwrap_or_else(|cause| vec![unusable(cause)])
}

fn check(sources: &Sources, output: Output) -> Result<(), Error> {
    let config = sources.load()?.config;
    if let Some(files) = service::tls_files(&config) {
        check_tls(&files).map_err(|error| Fault::of(&error))?;
    }
    Fetcher::open(&config.fetch, Clock::system()).map_err(|error| Fault::of(&error))?;
    let mut warnings = config.warnings();
    warnings.extend(wait_for(async { Ok(dangling(&config).await) })?);
    let listed = warnings.iter().map(|fault| json!({ "warning": fault.message, "hint": fault.hint }));
    let verdict = json!({ "valid": true, "warnings": listed.collect::<Value>() });
    output.print(&verdict, |_| {
        for warning in warnings {
            output.fault("warning", &warning.into());
        }
        "the configuration is valid\n".to_owned()
    })
}
