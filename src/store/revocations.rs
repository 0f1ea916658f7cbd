//! Revoked access tokens, and whether what a token rests on still stands.

use super::sql::{FromRow, Row, sql};
use super::{Error, Store, audit};
use crate::model::{Audit, FamilyId, UserId};
use crate::protocol::ClientId;

/// Whether an access token is still good, as far as the database knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// It, or the family that it came from, was revoked.
    pub is_revoked: bool,
    /// Its client is there and enabled.
    pub client_is_live: bool,
    /// Its user is there and enabled; true for a token without a user.
    pub user_is_live: bool,
}

impl Standing {
    /// Whether nothing speaks against the token.
    pub fn is_good(self) -> bool {
        !self.is_revoked && self.client_is_live && self.user_is_live
    }
}

impl FromRow for Standing {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            is_revoked: row.integer("revoked")? != 0,
            client_is_live: row.integer("clients")? != 0,
            user_is_live: row.integer("users")? != 0,
        })
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

    /// How the token `jti` stands, which `client` was given and which acts for `user`, if for any.
    pub async fn standing(
        &self,
        jti: &str,
        family: Option<FamilyId>,
        client: &ClientId,
        user: Option<UserId>,
    ) -> Result<Standing, Error> {
        // A family that is gone was over: its access tokens are refused with it.
        const SQL: &str = "SELECT
            (SELECT count(*) FROM revocations WHERE jti = $1)
                + (CASE WHEN $2 = '' OR EXISTS (
                    SELECT 1 FROM families f
                    JOIN clients c ON c.id = f.client_id AND c.generation = f.client_generation
                    JOIN users u ON u.id = f.user_id AND u.generation = f.user_generation
                    WHERE f.id = $2 AND f.revoked_at IS NULL) THEN 0 ELSE 1 END) AS revoked,
            (SELECT count(*) FROM clients WHERE id = $3 AND disabled_at IS NULL) AS clients,
            (CASE WHEN $4 = '' THEN 1
                ELSE (SELECT count(*) FROM users WHERE id = $4 AND disabled_at IS NULL) END) AS users";
        let family = family.map_or(String::new(), |id| id.to_string());
        let user = user.map_or(String::new(), |id| id.to_string());
        let mut db = self.reader().await?;
        let standing = sql!(SQL, jti, family, client.as_str(), user).optional(&mut db).await?;
        standing.ok_or(Error::Closed)
    }
}
