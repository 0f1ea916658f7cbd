//! Whether the database takes writes, and whether what servers keep at hand may have been changed.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::db::Db;
use super::lately::Lately;
use super::pool::Pool;
use super::postgres::{Hosts, Listener};
use super::sql::{FromRow, Row, sql};
use super::writer::Writer;
use super::{Error, Store};

/// How often SQLite is asked whether somebody wrote. This is a time of the real world, whatever the server's clock
/// says: the change was made in the real world too.
const LOOK: Duration = Duration::from_millis(250);

/// How long PostgreSQL may be silent until it is asked nevertheless: a listener can be deaf without knowing it, behind
/// a network that swallows, or on a primary that was demoted.
const POLL: Duration = Duration::from_millis(750);

/// Notices what other processes write, and what this one changes of what servers keep at hand.
pub struct Changes(Watch);

enum Watch {
    Sqlite {
        db: Db,
        version: i64,
        writer: Writer,
        /// The version for the writer, for whom what it writes itself changes nothing.
        of_others: Option<i64>,
        lately: Arc<Lately>,
        announced: u64,
    },
    /// What is announced was kept at hand, so that what was read a moment ago is read anew too.
    Postgres { hosts: Hosts, listener: Listener, snapshot: String, lately: Arc<Lately> },
}

struct Version(i64);

impl FromRow for Version {
    fn from_row(row: &Row) -> Result<Self, Error> {
        row.integer("data_version").map(Self)
    }
}

async fn version(db: &mut Db) -> Result<i64, Error> {
    let version = sql!("PRAGMA data_version").optional(db).await?;
    version.map(|Version(version)| version).ok_or(Error::Closed)
}

/// The version for the writer, `None` when it has not answered soon.
async fn version_of_others(writer: &Writer) -> Option<i64> {
    let version = writer.write(async move |db| version(db).await);
    tokio::time::timeout(LOOK, version).await.ok()?.ok()
}

struct Snapshot(String);

impl FromRow for Snapshot {
    fn from_row(row: &Row) -> Result<Self, Error> {
        row.text("snapshot").map(Self)
    }
}

/// PostgreSQL's `data_version`: it says whose transactions are seen, so while it stays the same, nobody has written.
async fn snapshot(hosts: &Hosts) -> Result<String, Error> {
    const SQL: &str = "SELECT CAST(pg_current_snapshot() AS TEXT) AS snapshot";
    let snapshot = sql!(SQL).optional(&mut hosts.acquire().await?).await?;
    snapshot.map(|Snapshot(snapshot)| snapshot).ok_or(Error::Closed)
}

impl Store {
    /// Writes a row, so that a disk that is full or read-only is noticed.
    pub async fn probe(&self, now: i64) -> Result<(), Error> {
        const SQL: &str = "INSERT INTO probes (name, written_at) VALUES ('readyz', $1)
                           ON CONFLICT (name) DO UPDATE SET written_at = excluded.written_at";
        self.write(async move |db| sql!(SQL, now).run(db).await).await.map(|_| ())
    }

    /// Begins to watch for changes, with a connection of its own.
    pub async fn changes(&self) -> Result<Changes, Error> {
        Ok(Changes(match &self.readers {
            Pool::Sqlite(_) => {
                let (mut db, writer, lately) =
                    (self.reader().await?, self.writer.clone(), self.lately.clone());
                let announced = lately.announced();
                let of_others = version_of_others(&writer).await;
                let version = version(&mut db).await?;
                // What was read before is not confirmed by what is seen from now on.
                lately.forget();
                Watch::Sqlite { db, version, writer, of_others, lately, announced }
            }
            Pool::Postgres(hosts) => {
                let (listener, hosts, lately) = (hosts.listen().await?, hosts.clone(), self.lately.clone());
                lately.forget();
                Watch::Postgres { listener, snapshot: snapshot(&hosts).await?, hosts, lately }
            }
        }))
    }
}

impl Changes {
    /// Waits until something may have been committed since this was called last; it is never wrong to look again.
    pub async fn next(&mut self) -> Result<(), Error> {
        match &mut self.0 {
            Watch::Sqlite { db, version: known, writer, of_others: others, lately, announced } => loop {
                tokio::time::sleep(LOOK).await;
                let began = Instant::now();
                let version = version(db).await?;
                if std::mem::replace(known, version) == version {
                    lately.confirm(began);
                    continue;
                }
                let now = (version_of_others(writer).await, lately.announced());
                let before = (std::mem::replace(others, now.0), std::mem::replace(announced, now.1));
                if now != before || now.0.is_none() {
                    lately.forget();
                    return Ok(());
                }
                lately.confirm(began);
            },
            Watch::Postgres { hosts, listener, snapshot: known, lately } => loop {
                if hosts.hear(listener, POLL).await? {
                    lately.forget();
                    return Ok(());
                }
                let snapshot = snapshot(hosts).await?;
                if std::mem::replace(known, snapshot.clone()) != snapshot {
                    return Ok(());
                }
            },
        }
    }
}
