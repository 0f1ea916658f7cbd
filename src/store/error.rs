//! What can go wrong with the database. A thing that is not there is `None`, a lost race is a value.

use std::io::ErrorKind;

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
    /// The store was closed.
    #[error("the database is closed")]
    Closed,
    /// A value in the database is not what was written there.
    #[error("`{column}` in the database is not readable: {reason}")]
    Corrupt {
        /// The column.
        column: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The database was written by a newer release.
    #[error("the database has schema {found}, this release knows {known}")]
    NewerSchema {
        /// The version found.
        found: i64,
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
            Self::Overloaded | Self::Closed => "try again in a moment",
            Self::Corrupt { .. } => "restore the database from a backup",
            Self::NewerSchema { .. } => {
                "run the release that wrote it, or restore a backup from before the upgrade"
            }
        }
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
