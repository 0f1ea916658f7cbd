//! What users have let clients have.

use super::db::Db;
use super::sql::{FromRow, Row, sql};
use super::{Error, Store, audit, families};
use crate::model::{Audit, Consent, UserId, built_in_scopes};
use crate::protocol::{ApiUri, ClientId, Scope};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT client_id, NULLIF(api, '') AS api, scope, granted_at FROM consents WHERE user_id = $1",
            $rest
        )
    };
}

impl FromRow for Consent {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            client_id: row.parse("client_id")?,
            api: row.maybe_parse("api")?,
            scope: row.parse("scope")?,
            granted_at: row.integer("granted_at")?,
        })
    }
}

/// What `user` has let `client` have of their own person and at `api`, inside the transaction that relies on it.
pub(super) async fn find(db: &mut Db, user: UserId, client: &ClientId, api: &ApiUri) -> Result<Scope, Error> {
    const SQL: &str = select!(" AND client_id = $2 AND api IN ('', $3)");
    let rows = sql!(SQL, user.to_string(), client.as_str(), api.as_str()).all::<Consent>(db).await?;
    Ok(rows.iter().fold(Scope::default(), |all, consent| all.union(&consent.scope)))
}

impl Store {
    /// What `user` has let `client` have of their own person and at `api`.
    pub async fn consent(&self, user: UserId, client: &ClientId, api: &ApiUri) -> Result<Scope, Error> {
        find(&mut self.reader().await?, user, client, api).await
    }

    /// All that `user` has let clients have, by client; of each what concerns their person comes first.
    pub async fn consents_of(&self, user: UserId) -> Result<Vec<Consent>, Error> {
        let mut db = self.reader().await?;
        sql!(select!(" ORDER BY client_id, consents.api"), user.to_string()).all(&mut db).await
    }

    /// Lets `client` have `scope` at `api` besides what it may have already; false when the user or the client is gone.
    pub async fn grant_consent(
        &self,
        user: UserId,
        client: ClientId,
        api: ApiUri,
        scope: Scope,
        entry: Audit,
    ) -> Result<bool, Error> {
        // Two consents at once each add to what the other gave.
        const LOCK: &str =
            "SELECT 1 FROM users u, clients c WHERE u.id = $1 AND c.id = $2 FOR UPDATE OF u FOR SHARE OF c";
        const ARE_THERE: &str = "SELECT 1 FROM users u, clients c WHERE u.id = $1 AND c.id = $2";
        const SQL: &str = "INSERT INTO consents (user_id, client_id, api, scope, granted_at)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (user_id, client_id, api)
            DO UPDATE SET scope = excluded.scope, granted_at = excluded.granted_at";
        self.write(async move |db| {
            sql!(LOCK, user.to_string(), client.as_str()).lock(db).await?;
            if !sql!(ARE_THERE, user.to_string(), client.as_str()).exists(db).await? {
                return Ok(false);
            }
            let (all, own) = (find(db, user, &client, &api).await?.union(&scope), built_in_scopes());
            for (api, part) in [("", all.intersection(&own)), (api.as_str(), all.difference(&own))] {
                if !part.is_empty() {
                    sql!(SQL, user.to_string(), client.as_str(), api, part.to_string(), entry.at)
                        .run(db)
                        .await?;
                }
            }
            let entry = entry.clone().user(user).client(&client).detail(scope.to_string());
            audit::insert(db, &entry).await?;
            Ok(true)
        })
        .await
    }

    /// Takes back what `client` may have, whatever the API, and ends all that it was granted; false when there was nothing.
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
        // In the order in which they are written.
        const LOCK_CONSENTS: &str =
            "SELECT 1 FROM consents WHERE user_id = $1 AND client_id = $2 ORDER BY api FOR UPDATE";
        const CONSENT: &str = "DELETE FROM consents WHERE user_id = $1 AND client_id = $2";
        self.write(async move |db| {
            let mut ended = 0;
            sql!(LOCK, user.to_string(), client.as_str()).lock(db).await?;
            ended += sql!(CODES, user.to_string(), client.as_str()).run(db).await?;
            sql!(LOCK_CONSENTS, user.to_string(), client.as_str()).lock(db).await?;
            ended += sql!(CONSENT, user.to_string(), client.as_str()).run(db).await?;
            ended += families::revoke_of_client(db, user, &client, entry.at).await?;
            if ended > 0 {
                audit::insert(db, &entry.clone().user(user).client(&client)).await?;
            }
            Ok(ended > 0)
        })
        .await
    }
}
