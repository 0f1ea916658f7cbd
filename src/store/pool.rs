//! Where connections come from.

use sqlx::SqlitePool;

use super::Error;
use super::db::Db;
use super::postgres::Hosts;

/// Connections to either database.
#[derive(Clone)]
pub(super) enum Pool {
    Sqlite(SqlitePool),
    Postgres(Hosts),
}

impl Pool {
    /// A connection that nobody else uses meanwhile.
    pub(super) async fn acquire(&self) -> Result<Db, Error> {
        // To wait for one is boxed: it is large, and whatever reads would carry the room for it about.
        match self {
            Self::Sqlite(pool) => Ok(Db::sqlite(match pool.try_acquire() {
                Some(connection) => connection,
                None => Box::pin(pool.acquire()).await?,
            })),
            Self::Postgres(hosts) => Box::pin(hosts.acquire()).await,
        }
    }

    /// The same, in a transaction that writes.
    pub(super) async fn begin(&self) -> Result<Db, Error> {
        match self {
            Self::Sqlite(_) => {
                let mut db = self.acquire().await?;
                db.begin().await?;
                Ok(db)
            }
            Self::Postgres(hosts) => Box::pin(hosts.begin()).await,
        }
    }

    /// How many connections there are at most.
    pub(super) fn size(&self) -> u32 {
        match self {
            Self::Sqlite(pool) => pool.options().get_max_connections(),
            Self::Postgres(hosts) => hosts.size(),
        }
    }

    /// Closes every connection, those in use when they come back.
    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(hosts) => hosts.close().await,
        }
    }
}
