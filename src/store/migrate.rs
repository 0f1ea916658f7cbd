//! The schema, forward only: each step once, in a transaction of its own.
//!
//! While a release is rolled out, nodes of the one before work on the schema of the new one. So a change that takes
//! something away is made in two releases. The first *expands*: tables, indexes, and columns that may be NULL or have
//! a default are new, and every statement of the release before means what it meant. The next *contracts*: it drops
//! what no statement uses any more. A release is as new as the newest step that it brings; each step names the
//! [`oldest`](Pending::oldest) one that works on what it leaves, the database remembers that, and a release that is
//! older does not open it.

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
    /// The oldest release that works on what the step leaves, as the number of the newest step that it knows: for an
    /// expansion the release before, or an older one; for a contraction the first that does without what goes.
    pub oldest: i64,
    /// Its statements.
    pub statements: &'static str,
}

const STEPS: &[Pending] = &[
    Pending {
        version: 1,
        name: "main",
        oldest: 1,
        statements: include_str!("../../migrations/0001_main.sql"),
    },
    Pending {
        version: 2,
        name: "openid",
        oldest: 1,
        statements: include_str!("../../migrations/0002_openid.sql"),
    },
    Pending {
        version: 3,
        name: "test apis",
        oldest: 1,
        statements: include_str!("../../migrations/0003_test_apis.sql"),
    },
    Pending {
        version: 4,
        name: "refusals",
        oldest: 1,
        statements: include_str!("../../migrations/0004_refusals.sql"),
    },
];

const HISTORY: &str = "CREATE TABLE IF NOT EXISTS schema_versions (
                           version BIGINT PRIMARY KEY, name TEXT NOT NULL, oldest BIGINT NOT NULL,
                           applied_at BIGINT NOT NULL)";

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
                "INSERT INTO schema_versions (version, name, oldest, applied_at) VALUES ($1, $2, $3, $4)",
                step.version,
                step.name,
                step.oldest,
                now
            )
            .run(db)
            .await?;
        }
        db.commit().await?;
    }
    Ok(())
}

/// The version that `db` has; an error when this release is too old for it.
async fn version(db: &mut Db) -> Result<i64, Error> {
    struct Schema {
        version: i64,
        oldest: i64,
    }
    impl FromRow for Schema {
        fn from_row(row: &Row) -> Result<Self, Error> {
            Ok(Self { version: row.integer("version")?, oldest: row.integer("oldest")? })
        }
    }
    const NEWEST: &str = "SELECT coalesce(max(version), 0) AS version, coalesce(max(oldest), 0) AS oldest
                          FROM schema_versions";
    let known = STEPS.last().map_or(0, |step| step.version);
    match sql!(NEWEST).optional(db).await? {
        Some(Schema { version, oldest }) if oldest > known => {
            Err(Error::NewerSchema { found: version, oldest, known })
        }
        schema => Ok(schema.map_or(0, |schema| schema.version)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_numbered_from_one_and_none_shuts_its_own_release_out() {
        for (step, number) in STEPS.iter().zip(1..) {
            assert_eq!(step.version, number, "{}", step.name);
            assert!((1..=number).contains(&step.oldest), "{}", step.name);
        }
    }
}
