//! `claviger migrate`: brings the database to the schema of this release.

use serde_json::{Value, json};

use super::{Error, Output, wait_for};
use crate::clock::Clock;
use crate::config::{Config, Sources};
use crate::store::{self, Store};
use crate::vault::{OpenError, store_options};

/// Takes the steps that the database has not taken, and says which.
pub(super) fn run(sources: &Sources, output: Output) -> Result<(), Error> {
    let config = sources.load()?.config;
    let url = &config.database.url;
    let taken = wait_for(async {
        let fault = |cause| OpenError::Database { url: url.clone(), cause };
        Ok(migrate(&config).await.map_err(fault)?)
    })?;

    let steps = taken.iter().map(|step| json!({ "version": step.version, "name": step.name }));
    let done = json!({ "database": url.to_string(), "applied": steps.collect::<Value>() });
    output.print(&done, |_| match taken.as_slice() {
        [] => format!("`{url}` is up to date\n"),
        taken => {
            taken.iter().map(|step| format!("step {} ({}) is taken\n", step.version, step.name)).collect()
        }
    })
}

async fn migrate(config: &Config) -> Result<Vec<store::Pending>, store::Error> {
    let options = store_options(config);
    let pending = options.pending().await?;
    Store::open(&options, Clock::system().now()).await?.close().await;
    Ok(pending)
}
