//! `claviger seal`: the keys that protect private keys and password hashes in the database.

use clap::Subcommand;
use serde_json::{Value, json};

use super::output::table;
use super::{Desk, Error, Output};
use crate::reseal::{self, Census, Rotated, Unopened};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make the next sealing key and seal everything with it; can be interrupted and run again.
    ///
    /// It takes some seconds, in which a running server goes over to the new key. Says which key files are
    /// needed no more.
    Rotate,
    /// Check that everything that is sealed can be opened.
    Verify,
}

impl Command {
    pub(super) async fn run(self, desk: &Desk, output: Output) -> Result<(), Error> {
        match self {
            Self::Rotate => rotate(desk, output).await,
            Self::Verify => verify(desk, output).await,
        }
    }
}

async fn rotate(Desk { vault, .. }: &Desk, output: Output) -> Result<(), Error> {
    let Rotated { generation, moved, unopened, unused } = reseal::rotate(vault).await?;
    let files: Vec<_> = unused.iter().map(|old| vault.sealing_keys.whereabouts(*old)).collect();
    let done = json!({
        "generation": generation, "moved": moved, "put_away": files, "unopened": listed(&unopened),
    });
    output.done(&format!("moved {moved} values to the sealing key of generation {generation}"), &done)?;
    if !files.is_empty() {
        output.note(&format!(
            "`{}` can be put away: keep it with the backups of the database that were made before",
            files.join("`, `")
        ));
    }
    all_opened(&unopened)
}

async fn verify(Desk { vault, .. }: &Desk, output: Output) -> Result<(), Error> {
    let Census { opened, unopened } = reseal::verify(vault).await?;
    let newest = vault.seal.newest();
    let rows = opened.iter().map(|(generation, values)| {
        json!({ "generation": generation, "values": values, "seals": *generation == newest })
    });
    let rows: Vec<_> = rows.collect();
    let verdict = json!({ "valid": unopened.is_empty(), "generations": rows, "unopened": listed(&unopened) });
    output.print(&verdict, |_| table(&["generation", "values", "seals"], &rows))?;
    all_opened(&unopened)
}

fn listed(unopened: &[Unopened]) -> Value {
    let values = unopened.iter();
    values
        .map(|value| json!({ "table": value.table, "row": value.row, "cause": value.cause.to_string() }))
        .collect()
}

/// A fault that names what does not open, and why.
fn all_opened(unopened: &[Unopened]) -> Result<(), Error> {
    let Some(Unopened { table, row, cause }) = unopened.first() else { return Ok(()) };
    let others = match unopened.len() - 1 {
        0 => String::new(),
        others => format!(" (and {others} others, which `--json` lists)"),
    };
    Err(Error::told(&format!("the value in `{table}`, row `{row}`{others}, {cause}")))
}
