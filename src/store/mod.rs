//! Storage: domain types in, domain types out; one method, one transaction; the SQL beside it.
//!
//! There are two databases, and one text of SQL for both. SQLite runs in WAL mode with synchronous FULL, so that
//! what was acknowledged survives a power cut; it has a small pool of read-only connections, and one that writes.
//! PostgreSQL serves several nodes at once. What is different there:
//!
//! - Writers run side by side, so a method that reads and then writes locks first
//!   (`Sql::lock` in `sql.rs`): refresh tokens by their family, users, clients.
//! - A transaction that must give way to another, as PostgreSQL finds, is run again by the `writer`.
//! - Other nodes are told of a change (`postgres::announce`); on SQLite they see it by themselves.
//! - Each connection is asked whether it takes writes, each time before it is used (`postgres.rs`).

mod apis;
mod audit;
mod authorization_codes;
mod clients;
mod consents;
mod db;
mod error;
mod families;
mod generations;
mod lately;
mod logout_deliveries;
mod migrate;
mod open;
mod pool;
mod postgres;
mod probe;
mod refresh_tokens;
mod refusals;
mod revocations;
mod roles;
mod roots;
mod sealed;
mod send;
mod sessions;
mod sign_in;
mod signing_keys;
mod sql;
mod sweep;
mod users;
mod writer;

pub use apis::TestApi;
pub use authorization_codes::{Redeem, Redeemed, Redemption, Worth};
pub use clients::{KindOfClient, LiveClient};
pub use error::Error;
pub use families::Granting;
pub use generations::NewPassword;
pub use lately::Registered;
pub use logout_deliveries::LogoutDelivery;
pub use migrate::Pending;
pub use open::{Options, SqliteOptions};
pub use postgres::PostgresOptions;
pub use probe::Changes;
pub use refresh_tokens::{Fit, Refresh, Refreshed, Renewal};
pub use revocations::Standing;
pub use sealed::{SealedColumn, SealedValue};
pub use sessions::{LiveSession, NewSession};
pub use sign_in::{Credentials, PasswordGrant, SignIn, SignedIn};
pub use sweep::Retention;
pub use users::{LiveUser, NewUser};

use std::sync::Arc;

use tokio::sync::Notify;

use db::Db;
use lately::Lately;
use pool::Pool;

/// The handle to the database; cheap to clone.
#[derive(Clone)]
pub struct Store {
    readers: Pool,
    writer: writer::Writer,
    /// What was read a moment ago.
    lately: Arc<Lately>,
    /// Told when a session was ended, whose clients are to be told.
    logouts: Arc<Notify>,
}

impl Store {
    /// Runs `work` in one transaction; what it returns was durable before this returns.
    ///
    /// `work` may run several times: when a transaction that it shared with others failed because of one of them, or
    /// when it had to give way to another.
    async fn write<T, F>(&self, work: F) -> Result<T, Error>
    where
        F: AsyncFn(&mut Db) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        self.writer.write(work).await
    }

    /// A connection to read from.
    async fn reader(&self) -> Result<Db, Error> {
        self.readers.acquire().await
    }

    /// Finishes the writes that wait and closes the database.
    pub async fn close(&self) {
        // The last connection folds the log into the file, which a reader cannot.
        self.readers.close().await;
        self.writer.close().await;
    }
}
