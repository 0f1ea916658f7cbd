//! What users have let clients have.

use super::sql::{FromRow, Row, sql};
use super::{Error, Store, audit, families};
use crate::model::{Audit, Consent, UserId};
use crate::protocol::{ClientId, Scope};

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT client_id, scope, granted_at FROM consents WHERE user_id = $1", $rest)
    };
}

impl FromRow for Consent {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            client_id: row.parse("client_id")?,
            scope: row.parse("scope")?,
            granted_at: row.integer("granted_at")?,
        })
    }
}

/// What `user` has let `client` have, inside the transaction that relies on it.
pub(super) async fn find(
    db: &mut super::db::Db,
    user: UserId,
    client: &ClientId,
) -> Result<Option<Consent>, Error> {
    sql!(select!(" AND client_id = $2"), user.to_string(), client.as_str()).optional(db).await
}

impl Store {
    /// What `user` has let `client` have; `None` before they have ever been asked.
    pub async fn consent(&self, user: UserId, client: &ClientId) -> Result<Option<Consent>, Error> {
        find(&mut self.reader().await?, user, client).await
    }

    /// All that `user` has let clients have, by client.
    pub async fn consents_of(&self, user: UserId) -> Result<Vec<Consent>, Error> {
        let mut db = self.reader().await?;
        sql!(select!(" ORDER BY client_id"), user.to_string()).all(&mut db).await
    }

    /// Lets `client` have `scope` besides what it may have already; false when the user or the client is gone.
    pub async fn grant_consent(
        &self,
        user: UserId,
        client: ClientId,
        scope: Scope,
        entry: Audit,
    ) -> Result<bool, Error> {
        // Two consents at once each add to what the other gave.
        const LOCK: &str =
            "SELECT 1 FROM users u, clients c WHERE u.id = $1 AND c.id = $2 FOR UPDATE OF u FOR SHARE OF c";
        const ARE_THERE: &str = "SELECT 1 FROM users u, clients c WHERE u.id = $1 AND c.id = $2";
        const SQL: &str = "INSERT INTO consents (user_id, client_id, scope, granted_at) VALUES ($1, $2, $3, $4)
            ON CONFLICT (user_id, client_id) DO UPDATE SET scope = excluded.scope, granted_at = excluded.granted_at";
        self.write(async move |db| {
            sql!(LOCK, user.to_string(), client.as_str()).lock(db).await?;
            if !sql!(ARE_THERE, user.to_string(), client.as_str()).exists(db).await? {
                return Ok(false);
            }
            let before = find(db, user, &client).await?.map(|consent| consent.scope).unwrap_or_default();
            let all = before.union(&scope).to_string();
            sql!(SQL, user.to_string(), client.as_str(), all, entry.at).run(db).await?;
            let entry = entry.clone().user(user).client(&client).detail(scope.to_string());
            audit::insert(db, &entry).await?;
            Ok(true)
        })
        .await
    }

    /// Takes back what `client` may have, and ends all that it was granted; false when there was nothing.
    pub async fn withdraw_consent(
        &self,
        user: UserId,
        client: ClientId,
        entry: Audit,
    ) -> Result<bool, Error> {
        // Families first, as a refresh locks them first; codes before the consent, as redeeming one does.
        const LOCK: &str =
            "SELECT 1 FROM families WHERE user_id = $1 AND client_id = $2 ORDER BY id FOR UPDATE";
        const CODES: &str = "DELETE FROM authorization_codes
                             WHERE user_id = $1 AND client_id = $2 AND redeemed_at IS NULL";
        const CONSENT: &str = "DELETE FROM consents WHERE user_id = $1 AND client_id = $2";
        self.write(async move |db| {
            let mut ended = 0;
            sql!(LOCK, user.to_string(), client.as_str()).lock(db).await?;
            for statement in [CODES, CONSENT] {
                ended += sql!(statement, user.to_string(), client.as_str()).run(db).await?;
            }
            ended += families::revoke_of_client(db, user, &client, entry.at).await?;
            if ended > 0 {
                audit::insert(db, &entry.clone().user(user).client(&client)).await?;
            }
            Ok(ended > 0)
        })
        .await
    }
}
