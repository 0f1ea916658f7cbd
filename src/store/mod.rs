//! Storage: domain types in, domain types out; one method, one transaction; the SQL beside it.
//!
//! SQLite in WAL mode with synchronous FULL, so that what was acknowledged survives a power cut. Reads go to a
//! small pool of read-only connections; every write goes through the one [`writer`](self), which lets
//! requests that wait together share a sync. The SQL keeps to what PostgreSQL understands too.

mod apis;
mod audit;
mod clients;
mod error;
mod families;
mod migrate;
mod open;
mod probe;
mod revocations;
mod roles;
mod roots;

mod sealed;
mod sign_in;
mod signing_keys;
mod sql;
mod sweep;
mod users;
mod writer;

pub use clients::LiveClient;
pub use error::Error;
pub use families::{Granting, Refresh, Refreshed};
pub use migrate::Pending;
pub use open::Options;
pub use probe::Changes;
pub use revocations::Standing;
pub use sealed::{SealedColumn, SealedValue};
pub use sign_in::{Credentials, SignIn, SignedIn};
pub use sweep::Retention;
pub use users::{LiveUser, NewUser};

use sql::Db;

/// The handle to the database; cheap to clone.
#[derive(Clone)]
pub struct Store {
    readers: sqlx::SqlitePool,
    writer: writer::Writer,
}

impl Store {
    /// Runs `work` in one transaction; what it returns was durable before this returns.
    ///
    /// `work` may run twice, when a transaction that it shared with others failed because of one of them.
    async fn write<T, F>(&self, work: F) -> Result<T, Error>
    where
        F: AsyncFn(&mut Db) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        self.writer.write(work).await
    }

    /// A read-only connection.
    async fn reader(&self) -> Result<sqlx::pool::PoolConnection<sqlx::Sqlite>, Error> {
        Ok(self.readers.acquire().await?)
    }

    /// Finishes the writes that wait and closes the database.
    pub async fn close(&self) {
        // The last connection folds the log into the file, which a reader cannot.
        self.readers.close().await;
        self.writer.close().await;
    }
}
