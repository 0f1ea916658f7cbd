//! Opening the database file.

use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::writer::Writer;
use super::{Error, Store, migrate};

/// Where the database lies and how it is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// The file; it and its folder are made when they are not there.
    pub file: PathBuf,
    /// How many connections read at the same time.
    pub readers: u32,
}

impl Store {
    /// Opens the database, brings its schema up to date, and starts the writer.
    pub async fn open(options: &Options, now: i64) -> Result<Self, Error> {
        let io = |error: std::io::Error| Error::Database(sqlx::Error::Io(error));
        if let Some(folder) = options.file.parent() {
            // It holds people's names: nobody else on the machine looks into a folder that is made here.
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io)?;
        }
        // So with the file, and what SQLite puts beside it, in a folder that was there.
        std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(&options.file).map_err(io)?;
        let write = sqlite(options).journal_mode(SqliteJournalMode::Wal).create_if_missing(true);
        let mut connection = write.connect().await?;
        migrate::apply(&mut connection, now).await?;

        let readers = SqlitePoolOptions::new()
            // One more, which watches for changes.
            .max_connections(options.readers + 1)
            .acquire_timeout(Duration::from_secs(5))
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_lazy_with(sqlite(options).read_only(true));
        Ok(Self { readers, writer: Writer::start(sqlite(options), connection).map_err(io)? })
    }
}

impl Options {
    /// The migrations that [`Store::open`] would apply; the database is left as it is.
    pub async fn pending(&self) -> Result<Vec<migrate::Pending>, Error> {
        if !self.file.exists() {
            return Ok(migrate::all());
        }
        migrate::pending(&mut sqlite(self).read_only(true).connect().await?).await
    }
}

fn sqlite(options: &Options) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(&options.file)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .disable_statement_logging()
}
