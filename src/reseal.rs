//! The rotation of sealing keys: moves every sealed value to the newest key, while the server runs.
//!
//! It can be interrupted at any point and run again: the key comes first, values follow one by one, each only
//! if it is still what was read. A key is made only when all values are sealed with the newest one, so a
//! rotation that was begun is finished before the next begins.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::keys::record;
use crate::keys::seal::{Place, SealError, generation_of};
use crate::model::Event;
use crate::protocol::BoxError;
use crate::store::{self, SealedColumn, SealedValue};
use crate::user::password_place;
use crate::vault::{Vault, root_place};

/// How long a running server may take to notice a new key; it looks every quarter of a second. These are times
/// of the real world, as the server's own looks are.
const NOTICE: Duration = Duration::from_secs(1);

/// How long a server that noticed late may go on sealing with the old key.
const STRAGGLERS: Duration = Duration::from_secs(2);

/// What a rotation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The generation that seals.
    pub generation: u32,
    /// Values that were moved to it.
    pub moved: u64,
    /// Values that did not open, and lie as they were.
    pub unopened: Vec<Unopened>,
    /// Older generations that seal nothing any more.
    pub unused: Vec<u32>,
}

/// What is sealed, and with what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Values that open, by the generation that sealed them.
    pub opened: BTreeMap<u32, u64>,
    /// Values that do not open.
    pub unopened: Vec<Unopened>,
}

/// A value that does not open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unopened {
    /// Its table.
    pub table: &'static str,
    /// Its row.
    pub row: String,
    /// Why it does not open.
    pub cause: SealError,
}

/// The next sealed values of `column` behind the row `after`, which moves on; `None` at the end.
async fn page(
    vault: &Vault,
    column: SealedColumn,
    after: &mut String,
) -> Result<Option<Vec<SealedValue>>, store::Error> {
    let values = vault.store.sealed(column, after).await?;
    let Some(last) = values.last() else { return Ok(None) };
    after.clone_from(&last.row);
    Ok(Some(values))
}

/// Opens every sealed value.
pub async fn verify(vault: &Vault) -> Result<Census, store::Error> {
    let mut census = Census::default();
    for column in SealedColumn::ALL {
        let mut after = String::new();
        while let Some(values) = page(vault, column, &mut after).await? {
            for SealedValue { row, sealed } in values {
                let place = place(column, &row);
                match vault.seal.open(&place, &sealed).and_then(|_| generation_of(&sealed)) {
                    Ok(generation) => *census.opened.entry(generation).or_default() += 1,
                    Err(cause) => census.unopened.push(Unopened { table: table(column), row, cause }),
                }
            }
        }
    }
    Ok(census)
}

/// Makes the next sealing key, unless one was begun with, and moves everything to it.
pub async fn rotate(vault: &Vault) -> Result<Rotated, BoxError> {
    let census = verify(vault).await?;
    let mut keys = vault.sealing_keys.clone();
    if census.opened.keys().all(|generation| *generation == keys.newest()) {
        keys = keys.add_generation(&vault.random)?;
        vault.seal.replace(&keys);
    }
    let generation = keys.newest();

    // A server that runs reads the keys when it sees that something was written.
    announce(vault, format!("generation {generation} seals")).await?;
    tokio::time::sleep(NOTICE).await;
    let mut moved = 0;
    loop {
        match pass(vault).await? {
            0 => break,
            values => moved += values,
        }
        tokio::time::sleep(STRAGGLERS).await;
    }
    announce(vault, format!("{moved} values moved to generation {generation}")).await?;

    let Census { opened, unopened } = verify(vault).await?;
    let in_use: BTreeSet<_> = unopened
        .iter()
        .filter_map(|value| generation_of_cause(&value.cause))
        .chain(opened.into_keys())
        .collect();
    let unused = keys.generations().filter(|known| *known < generation && !in_use.contains(known)).collect();
    Ok(Rotated { generation, moved, unopened, unused })
}

/// Moves every value that opens and is not sealed with the newest key; says how many there were.
async fn pass(vault: &Vault) -> Result<u64, store::Error> {
    let mut older = 0;
    for column in SealedColumn::ALL {
        let mut after = String::new();
        while let Some(values) = page(vault, column, &mut after).await? {
            let anew = values.into_iter().filter_map(|value| {
                let resealed = vault.seal.reseal(&place(column, &value.row), &value.sealed);
                resealed.ok().flatten().map(|anew| (value, anew))
            });
            let anew: Vec<_> = anew.collect();
            older += anew.len() as u64;
            if !anew.is_empty() {
                vault.store.reseal(column, anew).await?;
            }
        }
    }
    Ok(older)
}

async fn announce(vault: &Vault, detail: String) -> Result<(), store::Error> {
    vault.store.audit(vault.audit(Event::Resealed).detail(detail)).await
}

fn generation_of_cause(cause: &SealError) -> Option<u32> {
    match cause {
        SealError::UnknownGeneration(generation) | SealError::Refused(generation) => Some(*generation),
        SealError::Malformed => None,
    }
}

fn place(column: SealedColumn, row: &str) -> Place<'_> {
    match column {
        SealedColumn::Roots => root_place(row),
        SealedColumn::SigningKeys => record::place(row),
        SealedColumn::PasswordHashes => password_place(row),
    }
}

fn table(column: SealedColumn) -> &'static str {
    place(column, "").table
}
