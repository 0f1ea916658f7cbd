//! Signing keys. Every transition is one conditional update, so that one of several nodes makes it.
//!
//! Two nodes cannot let two keys sign: there is one key of each generation, and the next is made only by who has seen
//! the one before it sign.

use super::db::Db;
use super::sql::{FromRow, Row, sql};
use super::{Error, Store, audit};
use crate::model::{Audit, SigningKey};

impl FromRow for SigningKey {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            kid: row.text("kid")?,
            generation: row.integer("generation")?,
            bits: row.parse("bits")?,
            n: row.text("n")?,
            e: row.text("e")?,
            sealed: row.maybe_text("sealed")?,
            published_at: row.integer("published_at")?,
            activated_at: row.maybe_integer("activated_at")?,
            retired_at: row.maybe_integer("retired_at")?,
            revoked_at: row.maybe_integer("revoked_at")?,
        })
    }
}

/// Lets a pending key sign; changes nothing if it is not pending any more.
const ACTIVATE: &str = "UPDATE signing_keys SET activated_at = $2
    WHERE kid = $1 AND activated_at IS NULL AND retired_at IS NULL AND revoked_at IS NULL";

/// Retires what signed before `$1` did.
const RETIRE: &str = "UPDATE signing_keys SET retired_at = $2
    WHERE kid <> $1 AND activated_at IS NOT NULL AND retired_at IS NULL AND revoked_at IS NULL";

/// Lets the pending key `kid` sign, and retires the one that did; false when it is not pending any more.
async fn activate(db: &mut Db, kid: &str, now: i64) -> Result<bool, Error> {
    let activated = sql!(ACTIVATE, kid, now).run(db).await? == 1;
    if activated {
        sql!(RETIRE, kid, now).run(db).await?;
    }
    Ok(activated)
}

impl Store {
    /// All keys.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKey>, Error> {
        const SQL: &str = "SELECT kid, generation, CAST(bits AS TEXT) AS bits, n, e, sealed, published_at,
            activated_at, retired_at, revoked_at FROM signing_keys ORDER BY generation";
        let mut db = self.reader().await?;
        sql!(SQL).all(&mut db).await
    }

    /// Stores a new key, pending, or at once in place of the active one. False when there is a key of its
    /// generation already: another node was faster.
    pub async fn create_key(&self, key: SigningKey, at_once: bool, entry: Audit) -> Result<bool, Error> {
        const SQL: &str = "INSERT INTO signing_keys (kid, generation, bits, n, e, sealed, published_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (generation) DO NOTHING";
        self.write(async move |db| {
            let bits = i64::from(key.bits);
            let (n, e, sealed) = (&key.n, &key.e, key.sealed.clone());
            if sql!(SQL, &key.kid, key.generation, bits, n, e, sealed, key.published_at).run(db).await? == 0 {
                return Ok(false);
            }
            if at_once {
                activate(db, &key.kid, key.published_at).await?;
            }
            audit::insert(db, &entry).await?;
            Ok(true)
        })
        .await
    }

    /// Lets the pending key `kid` sign, and retires the one that did; false when it is not pending any more.
    pub async fn activate_key(&self, kid: String, entry: Audit) -> Result<bool, Error> {
        self.write(async move |db| {
            let activated = activate(db, &kid, entry.at).await?;
            if activated {
                audit::insert(db, &entry).await?;
            }
            Ok(activated)
        })
        .await
    }

    /// Deletes a key whose time is over; false when it is not there, or still needed.
    pub async fn purge_key(&self, kid: String, entry: Audit) -> Result<bool, Error> {
        const SQL: &str =
            "DELETE FROM signing_keys WHERE kid = $1 AND (retired_at IS NOT NULL OR revoked_at IS NOT NULL)";
        self.write(async move |db| {
            let purged = sql!(SQL, &kid).run(db).await? == 1;
            if purged {
                audit::insert(db, &entry).await?;
            }
            Ok(purged)
        })
        .await
    }

    /// Drops a key at once and erases its private part; false when it is not there, or was revoked before.
    pub async fn revoke_key(&self, kid: String, entry: Audit) -> Result<bool, Error> {
        const SQL: &str =
            "UPDATE signing_keys SET revoked_at = $2, sealed = NULL WHERE kid = $1 AND revoked_at IS NULL";
        self.write(async move |db| {
            let revoked = sql!(SQL, &kid, entry.at).run(db).await? == 1;
            if revoked {
                audit::insert(db, &entry).await?;
            }
            Ok(revoked)
        })
        .await
    }
}
