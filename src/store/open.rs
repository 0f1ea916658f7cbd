//! Opening the database.

use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _};

use super::lately::Lately;
use super::pool::Pool;
use super::postgres::PostgresOptions;
use super::writer::Writer;
use super::{Error, Store, migrate};

/// Which database there is, and how it is opened.
#[derive(Clone)]
pub enum Options {
    /// A file.
    Sqlite(SqliteOptions),
    /// A server.
    Postgres(PostgresOptions),
}

/// Where the file lies and how it is opened.
#[derive(Clone)]
pub struct SqliteOptions {
    /// The file; it and its folder are made when they are not there.
    pub file: PathBuf,
    /// How many connections read at the same time.
    pub readers: u32,
    /// How long one waits for a connection.
    pub acquire_timeout: Duration,
}

/// What each connection that reads may keep of the file, as SQLite writes it: 256 KiB; and the one that writes: 1 MiB. The
/// system keeps the rest for all of them together.
const READER_CACHE: &str = "-256";
const WRITER_CACHE: &str = "-1024";

/// How many connections write to a SQLite file.
const ONE: u32 = 1;

impl Store {
    /// Opens the database, brings its schema up to date, and starts the writer.
    pub async fn open(options: &Options, now: i64) -> Result<Self, Error> {
        let lately = Arc::new(Lately::new());
        let (readers, writers) = match options {
            Options::Sqlite(options) => {
                options.make().await?;
                let (writer, opened) =
                    (options.connection().pragma("cache_size", WRITER_CACHE), lately.clone());
                let writers = options.pool(ONE).after_connect(move |_, _| {
                    // It knows what others write from now on, and not what they wrote since the one before it was closed.
                    opened.announce();
                    Box::pin(async { Ok(()) })
                });
                // One more, which watches for changes.
                let reader = options.connection().read_only(true).pragma("cache_size", READER_CACHE);
                let readers = options.pool(options.readers + 1).connect_lazy_with(reader);
                (Pool::Sqlite(readers), Pool::Sqlite(writers.connect_lazy_with(writer)))
            }
            Options::Postgres(options) => {
                let (readers, writers) = options.pools();
                (Pool::Postgres(readers), Pool::Postgres(writers))
            }
        };
        // PostgreSQL's connections belong to the thread that made them, and the writer has one of its own.
        let schema = match options {
            Options::Sqlite(_) => &writers,
            Options::Postgres(_) => &readers,
        };
        migrate::apply(&mut schema.acquire().await?, now).await?;
        let writer = Writer::start(writers, lately.clone()).map_err(sqlx::Error::Io)?;
        Ok(Self { readers, writer, lately, logouts: Arc::default() })
    }
}

impl Options {
    /// The migrations that [`Store::open`] would apply; the database is left as it is.
    pub async fn pending(&self) -> Result<Vec<migrate::Pending>, Error> {
        let pool = match self {
            Self::Sqlite(options) if !options.file.exists() => return Ok(migrate::all()),
            // Not read-only: such a connection cannot undo what a process that was killed left half written.
            Self::Sqlite(options) => Pool::Sqlite(options.pool(ONE).connect_lazy_with(options.connection())),
            Self::Postgres(options) => Pool::Postgres(options.pools().0),
        };
        let pending = migrate::pending(&mut pool.acquire().await?).await;
        pool.close().await;
        pending
    }
}

impl SqliteOptions {
    /// Makes the file, and its folder. It holds people's names: nobody else on the machine looks into a folder that
    /// is made here; nor into the file, and what SQLite puts beside it, in a folder that was there.
    async fn make(&self) -> Result<(), sqlx::Error> {
        if let Some(folder) = self.file.parent() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(&self.file)?;
        let made = self.connection().journal_mode(SqliteJournalMode::Wal).create_if_missing(true);
        made.connect().await?.close().await
    }

    fn pool(&self, size: u32) -> SqlitePoolOptions {
        SqlitePoolOptions::new()
            .max_connections(size)
            .acquire_timeout(self.acquire_timeout)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
    }

    fn connection(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(&self.file)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            .disable_statement_logging()
    }
}
