//! A connection, to either database. What the two do not have in common stands here, and nowhere else.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Postgres, Sqlite};

use super::Error;
use super::sql::{Sql, sql};

/// The lock that holds other nodes off while one migrates; any number, as long as it stays the same.
const MIGRATION_LOCK: i64 = 0x636c_6176_6967_6572;

/// How long a step of the schema may take on PostgreSQL, waiting for another node's included.
const MIGRATION: Duration = Duration::from_secs(3600);

/// A connection that statements run on, borrowed from a pool.
///
/// It goes back only when all is well. After an error inside a transaction it is closed: after a full disk
/// SQLite has already rolled back, and what the driver believes about the transaction is wrong from then on.
/// The same goes for a statement that was not waited for, whose answer would be read as the next one's.
pub(super) struct Db {
    pub(super) driver: Driver,
    /// How long a statement may go unanswered; `None` where no network can swallow the answer.
    pub(super) patience: Option<Duration>,
    /// Whether every statement was answered, and none by an error.
    pub(super) is_sound: bool,
    /// Whether something was written of what is kept for a moment after it was read.
    pub(super) changes_what_was_read: bool,
    /// Whether something was written of what servers keep at hand for longer.
    pub(super) announces: bool,
    /// Statements that are still to be run, in this order, before any other.
    pub(super) waiting: Vec<Sql>,
    pub(super) is_in_transaction: bool,
}

pub(super) enum Driver {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

impl Db {
    pub(super) fn sqlite(connection: PoolConnection<Sqlite>) -> Self {
        Self::new(Driver::Sqlite(connection), None)
    }

    pub(super) fn postgres(connection: PoolConnection<Postgres>, patience: Duration) -> Self {
        Self::new(Driver::Postgres(connection), Some(patience))
    }

    fn new(driver: Driver, patience: Option<Duration>) -> Self {
        Self {
            driver,
            patience,
            is_sound: true,
            changes_what_was_read: false,
            announces: false,
            waiting: Vec::new(),
            is_in_transaction: false,
        }
    }

    pub(super) fn is_postgres(&self) -> bool {
        matches!(self.driver, Driver::Postgres(_))
    }

    /// Begins a transaction that writes.
    ///
    /// SQLite takes the lock that excludes every other writer at once. On PostgreSQL writers run side by side,
    /// and each locks the rows that it decides on ([`Sql::lock`]); a statement sees what was committed before it began,
    /// so what is read after a lock is as new as the lock.
    pub(super) async fn begin(&mut self) -> Result<(), Error> {
        self.is_in_transaction = true;
        match self.driver {
            Driver::Sqlite(_) => sql!("BEGIN IMMEDIATE").run(self).await?,
            Driver::Postgres(_) => sql!("BEGIN ISOLATION LEVEL READ COMMITTED").run(self).await?,
        };
        Ok(())
    }

    /// Undoes what a transaction has written that is all well.
    pub(super) async fn roll_back(&mut self) -> Result<(), Error> {
        self.waiting.clear();
        if self.is_sound {
            sql!("ROLLBACK").run(self).await?;
            self.is_in_transaction = false;
        }
        Ok(())
    }

    /// Begins a transaction that changes the schema, while no other process does.
    pub(super) async fn begin_migration(&mut self) -> Result<(), Error> {
        self.begin().await?;
        if self.is_postgres() {
            self.patience = Some(MIGRATION);
            sql!("SET LOCAL statement_timeout = 0").run(self).await?;
            sql!("SELECT pg_advisory_xact_lock($1)", MIGRATION_LOCK).run(self).await?;
        }
        Ok(())
    }

    /// Makes what was written durable.
    pub(super) async fn commit(&mut self) -> Result<(), Error> {
        self.send_waiting().await?;
        // PostgreSQL answers the COMMIT of a failed transaction with a rollback, which is no error to the driver.
        if !self.is_sound {
            return Err(Error::Closed);
        }
        sql!("COMMIT").run(self).await?;
        self.is_in_transaction = false;
        Ok(())
    }

    /// Runs the statements of a migration.
    pub(super) async fn script(&mut self, statements: &'static str) -> Result<(), Error> {
        let was_sound = std::mem::replace(&mut self.is_sound, false);
        let statements = sqlx::raw_sql(AssertSqlSafe(statements));
        match &mut self.driver {
            Driver::Sqlite(connection) => statements.execute(&mut **connection).await?.rows_affected(),
            Driver::Postgres(connection) => statements.execute(&mut **connection).await?.rows_affected(),
        };
        self.is_sound = was_sound;
        Ok(())
    }

    /// Whether there is a table called `name`.
    pub(super) async fn has_table(&mut self, name: &str) -> Result<bool, Error> {
        let look = match self.driver {
            Driver::Sqlite(_) => "SELECT 1 FROM sqlite_master WHERE name = $1",
            Driver::Postgres(_) => "SELECT 1 WHERE to_regclass($1) IS NOT NULL",
        };
        sql!(look, name).exists(self).await
    }
}

impl Drop for Db {
    fn drop(&mut self) {
        if !self.is_sound || self.is_in_transaction {
            match &mut self.driver {
                Driver::Sqlite(connection) => connection.close_on_drop(),
                Driver::Postgres(connection) => connection.close_on_drop(),
            }
        }
    }
}
