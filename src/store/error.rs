//! What can go wrong with the database. A thing that is not there is `None`, a lost race is a value, unless running the
//! transaction again decides it.

use std::io::ErrorKind;

use sqlx::postgres::PgDatabaseError;

use crate::protocol;

/// A fault of the database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database refused or failed.
    #[error("the database failed: {}", told(.0))]
    Database(#[from] sqlx::Error),
    /// A transaction that was shared with others failed.
    #[error(transparent)]
    Shared(std::sync::Arc<Error>),
    /// More writes wait than are kept waiting.
    #[error("too many writes wait for the database")]
    Overloaded,
    /// Another transaction changed at the same moment what this one goes by.
    #[error("another transaction was first")]
    Overtaken,
    /// The store was closed.
    #[error("the database is closed")]
    Closed,
    /// PostgreSQL cannot be connected to.
    #[error("PostgreSQL at `{host}` {}", unreachable(.cause))]
    Unreachable {
        /// The host and the port.
        host: String,
        /// What is wrong.
        cause: sqlx::Error,
    },
    /// PostgreSQL takes no writes.
    #[error("PostgreSQL at `{host}` takes no writes: it is a standby, or set to read only")]
    ReadOnly {
        /// The host and the port.
        host: String,
    },
    /// PostgreSQL did not answer in time.
    #[error("the database did not answer")]
    Silent,
    /// A value in the database is not what was written there.
    #[error("`{column}` in the database is not readable: {reason}")]
    Corrupt {
        /// The column.
        column: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The database was changed by a newer release, and this one does not work on it any more.
    #[error(
        "the database has schema {found}, for releases that know {oldest} or newer: this one knows {known}"
    )]
    NewerSchema {
        /// The version found.
        found: i64,
        /// What a release must know to work on it.
        oldest: i64,
        /// The newest version that this release knows.
        known: i64,
    },
}

impl Error {
    /// The way out, for an operator.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Database(error) => way_out(error),
            Self::Shared(error) => error.hint(),
            Self::Unreachable { cause, .. } => way_in(cause),
            Self::ReadOnly { .. } => {
                "name the primary in `database.url`, or all hosts: `postgres://one:5432,two:5432/claviger`"
            }
            Self::Overloaded | Self::Overtaken | Self::Closed | Self::Silent => "try again in a moment",
            Self::Corrupt { .. } => "restore the database from a backup",
            Self::NewerSchema { .. } => "run a newer release, or restore a backup from before the upgrade",
        }
    }

    /// Whether another transaction went before this one, which may be run again.
    pub(super) fn gave_way(&self) -> bool {
        const SERIALIZATION_FAILURE: &str = "40001";
        const DEADLOCK_DETECTED: &str = "40P01";
        match self {
            Self::Overtaken => true,
            Self::Database(error) => {
                matches!(sqlstate(error), Some(SERIALIZATION_FAILURE | DEADLOCK_DETECTED))
            }
            _ => false,
        }
    }
}

/// PostgreSQL's code for `error` (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn sqlstate(error: &sqlx::Error) -> Option<&str> {
    Some(error.as_database_error()?.try_downcast_ref::<PgDatabaseError>()?.code())
}

/// Why there is no connection.
fn unreachable(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::PoolTimedOut => "gave no connection in time".to_owned(),
        sqlx::Error::Database(error) => format!("refused the connection: {}", error.message()),
        error => format!("cannot be reached: {}", told(error)),
    }
}

/// The way out when there is no connection.
fn way_in(error: &sqlx::Error) -> &'static str {
    match sqlstate(error) {
        Some("28P01" | "28000") => {
            "see that user and password are right: in `database.url`, `PGPASSWORD` or the file `PGPASSFILE` names"
        }
        Some("3D000") => "make the database first: `createdb`",
        Some("53300") => {
            "write less for `database.readers` and `database.writers`, or let PostgreSQL have more"
        }
        Some("57P03") => "try again when it has started",
        _ if is_of_tls(error) => {
            "see that `sslmode` and `sslrootcert` in `database.url` fit the server's certificate"
        }
        _ if matches!(error, sqlx::Error::Io(error) if error.kind() == ErrorKind::NotFound) => {
            "see that the files are there that `database.url` names: `sslrootcert`, `sslcert`, `sslkey`, the socket"
        }
        _ => "see that it runs there, and that `database.url` is right",
    }
}

/// Whether there is no TLS with the server, or its certificate is not good.
fn is_of_tls(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Tls(_) => true,
        sqlx::Error::Io(error) => error.kind() == ErrorKind::InvalidData,
        _ => false,
    }
}

/// The way out after PostgreSQL refused a statement with the code `state`.
fn way_on(state: &str) -> &'static str {
    match state {
        "25006" => "name the primary in `database.url`",
        "42501" => "let the user of `database.url` own the database, or grant it CREATE on the schema",
        "53100" => "make room on the database server's disk",
        "57014" | "55P03" => {
            "see what keeps the database busy, or write more for `database.statement_timeout`"
        }
        _ => "see what the log of the database server says",
    }
}

/// What the database said, without what the driver says around it.
fn told(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        sqlx::Error::Io(error) => error.to_string(),
        error => error.to_string(),
    }
}

/// By SQLite's primary result codes (<https://sqlite.org/rescode.html>).
fn way_out(error: &sqlx::Error) -> &'static str {
    const BUSY: i32 = 5;
    const LOCKED: i32 = 6;
    const READONLY: i32 = 8;
    const IOERR: i32 = 10;
    const CORRUPT: i32 = 11;
    const FULL: i32 = 13;
    const CANTOPEN: i32 = 14;
    const NOTADB: i32 = 26;

    if let Some(state) = sqlstate(error) {
        return way_on(state);
    }
    let code = match error {
        sqlx::Error::PoolTimedOut => Some(BUSY),
        sqlx::Error::Io(error) => match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Some(FULL),
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Some(READONLY),
            _ => Some(CANTOPEN),
        },
        error => error
            .as_database_error()
            .and_then(|error| error.code()?.parse::<i32>().ok())
            .map(|extended| extended & 0xff),
    };
    match code {
        Some(BUSY | LOCKED) => "another program holds it: try again when that has finished",
        Some(READONLY) => {
            "let the user that runs the server own the file and its directory, on a disk that can be written"
        }
        Some(IOERR) => "see what the system's log says about the disk",
        Some(CORRUPT | NOTADB) => "see that `database.url` is right, or restore the database from a backup",
        Some(FULL) => "make room on the disk",
        Some(CANTOPEN) => "see that `database.url` is right, and that its directory can be written",
        _ => "see that the database is there, can be written and has room, and try again",
    }
}

impl From<Error> for protocol::Error {
    /// A fault of the database is never the client's: it may ask again.
    fn from(error: Error) -> Self {
        Self::unavailable(1).because(error)
    }
}
