//! `[database]`: where everything is kept.

use super::seconds::MINUTE;
use super::{DatabaseUrl, Seconds, values};

/// `[database]`.
#[derive(Clone, Debug, PartialEq, confique::Config)]
pub struct Database {
    /// The SQLite file, as `sqlite://path`, where a relative path starts at the working directory; or
    /// PostgreSQL, for several servers at once, as `postgres://user@host:5432/database?sslmode=verify-full`,
    /// where several hosts are separated by commas and the one is used that takes writes. The password can
    /// stand in the URL, in `PGPASSWORD` or in the file that `PGPASSFILE` names; `sslrootcert` names a PEM
    /// file of certificates to trust. Needs a restart.
    #[config(default = "sqlite://data/claviger.db", deserialize_with = values::database)]
    pub url: DatabaseUrl,

    /// Connections that read at the same time. Needs a restart.
    #[config(default = 4, deserialize_with = values::number::<1, 64, _, _>)]
    pub readers: u32,

    /// Connections that write at the same time to PostgreSQL; SQLite has one. Needs a restart.
    #[config(default = 8, deserialize_with = values::number::<1, 64, _, _>)]
    pub writers: u32,

    /// How long a request waits for a connection, from `1s` to `20s`; it is answered with 503 then. Needs a
    /// restart.
    #[config(default = "5s", deserialize_with = values::seconds::<1, 20, _>)]
    pub acquire_timeout: Seconds,

    /// How long PostgreSQL may take for one statement, from `1s` to `5m`. Needs a restart.
    #[config(default = "10s", deserialize_with = values::seconds::<1, { 5 * MINUTE }, _>)]
    pub statement_timeout: Seconds,
}
