//! `claviger migrate`: brings the database to the schema of this release.

use clap::Args;
use serde_json::{Value, json};

use super::{Error, Output, wait_for};
use crate::clock::Clock;
use crate::config::{Config, Sources};
use crate::store::{self, Store};
use crate::vault::{OpenError, store_options};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Print the statements that would be run, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

impl Arguments {
    /// Takes the steps that the database has not taken, and says which.
    pub(super) fn run(self, sources: &Sources, output: Output) -> Result<(), Error> {
        let config = sources.load()?.config;
        let url = &config.database.url;
        let fault = |cause| OpenError::Database { url: url.clone(), cause };
        if self.dry_run {
            let pending = wait_for(async { Ok(store_options(&config).pending().await.map_err(fault)?) })?;
            let statements: String = pending.iter().map(|step| step.statements).collect();
            return output.text("statements", &statements);
        }
        let taken = wait_for(async { Ok(migrate(&config).await.map_err(fault)?) })?;
        let steps = taken.iter().map(|step| json!({ "version": step.version, "name": step.name }));
        let done = json!({ "database": url.to_string(), "applied": steps.collect::<Value>() });
        output.print(&done, |_| match taken.as_slice() {
            [] => format!("`{url}` is up to date\n"),
            taken => {
                taken.iter().map(|step| format!("step {} ({}) is taken\n", step.version, step.name)).collect()
            }
        })
    }
}

async fn migrate(config: &Config) -> Result<Vec<store::Pending>, store::Error> {
    let options = store_options(config);
    let pending = options.pending().await?;
    Store::open(&options, Clock::system().now()).await?.close().await;
    Ok(pending)
}
