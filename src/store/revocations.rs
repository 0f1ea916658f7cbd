//! Revoked access tokens, and whether what a token rests on still stands.

use super::sql::{FromRow, Row, sql};
use super::{Error, Store, audit};
use crate::model::{Audit, FamilyId, UserId};
use crate::protocol::ClientId;

/// What an access token rests on, found to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The user of its family; none for a token of the client itself.
    pub user_id: Option<UserId>,
}

impl FromRow for Standing {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self { user_id: row.maybe_parse("user_id")? })
    }
}

impl Store {
    /// Refuses the access token `jti` from now on; it is remembered until it expires.
    pub async fn revoke_access_token(&self, jti: String, expires_at: i64, entry: Audit) -> Result<(), Error> {
        const SQL: &str =
            "INSERT INTO revocations (jti, expires_at) VALUES ($1, $2) ON CONFLICT (jti) DO NOTHING";
        self.write(async move |db| {
            if sql!(SQL, &jti, expires_at).run(db).await? == 1 {
                audit::insert(db, &entry).await?;
            }
            Ok(())
        })
        .await
    }

    /// What the token `jti` rests on, which `client` was given, by `family` unless it acts for itself; `None` when the
    /// token or the family was revoked, or the client or the user is gone, disabled or changed.
    pub async fn standing(
        &self,
        jti: &str,
        family: Option<FamilyId>,
        client: &ClientId,
    ) -> Result<Option<Standing>, Error> {
        // A family that is gone was over: its access tokens are refused with it.
        const SQL: &str = "SELECT u.id AS user_id FROM clients c
            LEFT JOIN families f ON f.id = $2 AND f.client_id = c.id AND f.client_generation = c.generation
                AND f.revoked_at IS NULL
            LEFT JOIN users u ON u.id = f.user_id AND u.generation = f.user_generation AND u.disabled_at IS NULL
            WHERE c.id = $3 AND c.disabled_at IS NULL AND ($2 = '' OR u.id IS NOT NULL)
                AND NOT EXISTS (SELECT 1 FROM revocations r WHERE r.jti = $1)";
        let family = family.map_or(String::new(), |id| id.to_string());
        let mut db = self.reader().await?;
        sql!(SQL, jti, family, client.as_str()).optional(&mut db).await
    }
}
