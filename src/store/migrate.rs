//! The schema, forward only: each step once, in a transaction of its own.

use super::Error;
use super::db::Db;
use super::sql::{FromRow, Row, sql};

/// A step of the schema that has not been taken.
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    /// Its number, from 1.
    pub version: i64,
    /// What it is about.
    pub name: &'static str,
    /// Its statements.
    pub statements: &'static str,
}

const STEPS: &[Pending] = &[
    Pending { version: 1, name: "main", statements: include_str!("../../migrations/0001_main.sql") },
    Pending { version: 2, name: "openid", statements: include_str!("../../migrations/0002_openid.sql") },
];

const HISTORY: &str = "CREATE TABLE IF NOT EXISTS schema_versions (
                           version BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)";

/// Every step, as an empty database needs them.
pub(super) fn all() -> Vec<Pending> {
    STEPS.to_vec()
}

/// The steps that `db` has not taken.
pub(super) async fn pending(db: &mut Db) -> Result<Vec<Pending>, Error> {
    if !db.has_table("schema_versions").await? {
        return Ok(all());
    }
    let found = version(db).await?;
    Ok(STEPS.iter().filter(|step| step.version > found).copied().collect())
}

/// Takes every step that has not been taken. Several processes may do so at once.
pub(super) async fn apply(db: &mut Db, now: i64) -> Result<(), Error> {
    for step in pending(db).await? {
        db.begin_migration().await?;
        sql!(HISTORY).run(db).await?;
        // Another process may have taken it while this one waited.
        if version(db).await? < step.version {
            db.script(step.statements).await?;
            sql!(
                "INSERT INTO schema_versions (version, name, applied_at) VALUES ($1, $2, $3)",
                step.version,
                step.name,
                now
            )
            .run(db)
            .await?;
        }
        db.commit().await?;
    }
    Ok(())
}

/// The version that `db` has; an error when it is newer than this release knows.
async fn version(db: &mut Db) -> Result<i64, Error> {
    struct Version(i64);
    impl FromRow for Version {
        fn from_row(row: &Row) -> Result<Self, Error> {
            row.integer("version").map(Self)
        }
    }
    const NEWEST: &str = "SELECT coalesce(max(version), 0) AS version FROM schema_versions";
    let found = sql!(NEWEST).optional::<Version>(db).await?.map_or(0, |Version(version)| version);
    let known = STEPS.last().map_or(0, |step| step.version);
    if found > known { Err(Error::NewerSchema { found, known }) } else { Ok(found) }
}
