//! Sealed values, wherever they lie, for moving them to a new sealing key.

use super::sql::{FromRow, Row, sql};
use super::{Error, Store};

/// Rows that one look reads at most.
const BATCH: i64 = 200;

/// A column that holds sealed values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedColumn {
    /// Secrets that other keys are derived from.
    Roots,
    /// Private signing keys.
    SigningKeys,
    /// Password hashes.
    PasswordHashes,
}

impl SealedColumn {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Roots, Self::SigningKeys, Self::PasswordHashes];

    fn select(self) -> &'static str {
        match self {
            Self::Roots => "SELECT name AS id, sealed FROM roots WHERE name > $1 ORDER BY name LIMIT $2",
            Self::SigningKeys => {
                "SELECT kid AS id, sealed FROM signing_keys WHERE kid > $1 AND sealed IS NOT NULL ORDER BY kid LIMIT $2"
            }
            Self::PasswordHashes => {
                "SELECT id, password_hash AS sealed FROM users WHERE id > $1 AND password_hash IS NOT NULL
                 ORDER BY id LIMIT $2"
            }
        }
    }

    fn replace(self) -> &'static str {
        match self {
            Self::Roots => "UPDATE roots SET sealed = $3 WHERE name = $1 AND sealed = $2",
            Self::SigningKeys => "UPDATE signing_keys SET sealed = $3 WHERE kid = $1 AND sealed = $2",
            Self::PasswordHashes => {
                "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2"
            }
        }
    }
}

/// A sealed value and the row that it lies in.
#[derive(Clone, Debug)]
pub struct SealedValue {
    /// The row's id.
    pub row: String,
    /// The value.
    pub sealed: String,
}

impl FromRow for SealedValue {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self { row: row.text("id")?, sealed: row.text("sealed")? })
    }
}

impl Store {
    /// The next sealed values of `column`, after the row `after`; none at the end.
    pub async fn sealed(&self, column: SealedColumn, after: &str) -> Result<Vec<SealedValue>, Error> {
        let mut db = self.reader().await?;
        sql!(column.select(), after, BATCH).all(&mut db).await
    }

    /// Replaces values by the same ones sealed anew, those aside that have changed since; says how many were.
    pub async fn reseal(
        &self,
        column: SealedColumn,
        values: Vec<(SealedValue, String)>,
    ) -> Result<u64, Error> {
        self.write(async move |db| {
            let mut replaced = 0;
            for (value, anew) in &values {
                replaced += sql!(column.replace(), &value.row, &value.sealed, anew).run(db).await?;
            }
            Ok(replaced)
        })
        .await
    }
}
