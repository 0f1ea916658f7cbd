//! What ends all that was granted to a user: another password, disabling, removal.
//!
//! Each gives the user the next generation, and whatever carries an earlier one is dead; their sessions are ended in the
//! same transaction, so that the clients that knew of them are told.

use super::db::Db;
use super::sign_in::Credentials;
use super::sql::sql;
use super::{Error, Store, audit, sessions};
use crate::model::{Audit, UserId};

/// A password that a user chooses in place of the one that they have just shown.
pub struct NewPassword {
    /// Its sealed hash.
    pub hash: String,
    /// The entry for the audit trail.
    pub entry: Audit,
}

/// Locks what rests on a user before the user, as a refresh locks its family first. From then on nothing more comes to
/// rest on them: whoever begins a session waits, and then finds them changed.
async fn lock(db: &mut Db, user: UserId) -> Result<(), Error> {
    const FAMILIES: &str = "SELECT 1 FROM families WHERE user_id = $1 ORDER BY id FOR UPDATE";
    const USER: &str = "SELECT 1 FROM users WHERE id = $1 FOR UPDATE";
    for statement in [FAMILIES, USER] {
        sql!(statement, user.to_string()).lock(db).await?;
    }
    Ok(())
}

/// Gives a user who is as `credentials` say another password, and says what they are then; `None` when they have been
/// disabled or changed meanwhile.
pub(super) async fn change_password(
    db: &mut Db,
    credentials: &Credentials,
    new: &NewPassword,
) -> Result<Option<Credentials>, Error> {
    const SQL: &str = "UPDATE users SET password_hash = $2, generation = generation + 1
                       WHERE id = $1 AND generation = $3 AND disabled_at IS NULL";
    let Credentials { user_id, generation, .. } = *credentials;
    lock(db, user_id).await?;
    if sql!(SQL, user_id.to_string(), &new.hash, generation).run(db).await? == 0 {
        return Ok(None);
    }
    sessions::end_all(db, user_id, None, new.entry.at).await?;
    audit::insert(db, &new.entry).await?;
    let (generation, password_hash) = (generation + 1, Some(new.hash.clone()));
    Ok(Some(Credentials { generation, password_hash, ..*credentials }))
}

impl Store {
    /// Sets the sealed password hash; what was granted before is dead from the moment this returns.
    pub async fn set_password(&self, id: UserId, hash: String, entry: Audit) -> Result<bool, Error> {
        const SQL: &str = "UPDATE users SET password_hash = $2, generation = generation + 1 WHERE id = $1";
        self.end_generation(id, entry, async move |db, id| sql!(SQL, id, &hash).run(db).await).await
    }

    /// Disables a user; what was granted before is dead from the moment this returns.
    pub async fn disable_user(&self, id: UserId, entry: Audit) -> Result<bool, Error> {
        const SQL: &str =
            "UPDATE users SET disabled_at = coalesce(disabled_at, $2), generation = generation + 1
                           WHERE id = $1";
        let now = entry.at;
        self.end_generation(id, entry, async move |db, id| sql!(SQL, id, now).run(db).await).await
    }

    /// Removes a user with all that was granted.
    pub async fn remove_user(&self, id: UserId, entry: Audit) -> Result<bool, Error> {
        // Codes before all else, as redeeming one locks it first; they go with the user.
        const LOCK_CODES: &str =
            "SELECT 1 FROM authorization_codes WHERE user_id = $1 ORDER BY digest FOR UPDATE";
        let now = entry.at;
        self.change_user(id, entry, async move |db, id| {
            sql!(LOCK_CODES, id.to_string()).lock(db).await?;
            lock(db, id).await?;
            sessions::end_all(db, id, None, now).await?;
            sql!("DELETE FROM users WHERE id = $1", id.to_string()).run(db).await
        })
        .await
        .inspect(|_| self.look_for_logouts())
    }

    /// Changes a user so that whatever was granted before is dead; the clients of their sessions are told.
    async fn end_generation<F>(&self, id: UserId, entry: Audit, change: F) -> Result<bool, Error>
    where
        F: AsyncFn(&mut Db, String) -> Result<u64, Error> + Send + 'static,
    {
        let now = entry.at;
        self.change_user(id, entry, async move |db, id| {
            lock(db, id).await?;
            let changed = change(db, id.to_string()).await?;
            if changed == 1 {
                sessions::end_all(db, id, None, now).await?;
            }
            Ok(changed)
        })
        .await
        .inspect(|_| self.look_for_logouts())
    }
}
