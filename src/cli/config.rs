//! `claviger config`: is the configuration good, and what is it?

use clap::Subcommand;
use serde_json::{Value, json};

use super::{Error, Output};
use crate::clock::Clock;
use crate::config::{self, Sources};
use crate::fault::Fault;
use crate::fetch::Fetcher;
use crate::http::server::check_tls;
use crate::service;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Read and check the configuration, and say what is wrong with it.
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

fn check(sources: &Sources, output: Output) -> Result<(), Error> {
    let config = sources.load()?.config;
    if let Some(files) = service::tls_files(&config) {
        check_tls(&files).map_err(|error| Fault::of(&error))?;
    }
    Fetcher::open(&config.fetch, Clock::system()).map_err(|error| Fault::of(&error))?;
    let warnings = config.warnings();
    let listed = warnings.iter().map(|fault| json!({ "warning": fault.message, "hint": fault.hint }));
    let verdict = json!({ "valid": true, "warnings": listed.collect::<Value>() });
    output.print(&verdict, |_| {
        for warning in warnings {
            output.fault("warning", &warning.into());
        }
        "the configuration is valid\n".to_owned()
    })
}
