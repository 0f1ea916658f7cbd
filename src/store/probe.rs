//! Whether the database takes writes, and whether another process has written.

use sqlx::pool::PoolConnection;
use sqlx::{Row as _, Sqlite};

use super::sql::sql;
use super::{Error, Store};

/// Notices what other connections write.
pub struct Changes {
    connection: PoolConnection<Sqlite>,
    version: i64,
}

impl Store {
    /// Writes a row, so that a disk that is full or read-only is noticed.
    pub async fn probe(&self, now: i64) -> Result<(), Error> {
        const SQL: &str = "INSERT INTO probes (name, written_at) VALUES ('readyz', $1)
                           ON CONFLICT (name) DO UPDATE SET written_at = excluded.written_at";
        self.write(async move |db| sql!(SQL, now).run(db).await).await.map(|_| ())
    }

    /// Begins to watch for changes; keeps a reader of its own.
    pub async fn changes(&self) -> Result<Changes, Error> {
        let mut changes = Changes { connection: self.reader().await?, version: 0 };
        changes.are_new().await?;
        Ok(changes)
    }
}

impl Changes {
    /// Whether anything was committed since this was last asked.
    pub async fn are_new(&mut self) -> Result<bool, Error> {
        let row = sqlx::query("PRAGMA data_version").fetch_one(&mut *self.connection).await?;
        let version = row.try_get(0)?;
        Ok(std::mem::replace(&mut self.version, version) != version)
    }
}
