//! Revoked access tokens, and whether what a token rests on still stands.

use std::sync::Arc;

use tokio::time::Instant;

use super::sql::{FromRow, Row, sql};
use super::users::{self, LiveUser};
use super::{Error, Store, audit};
use crate::model::{Audit, FamilyId};
use crate::protocol::{ClaimsRequest, ClientId, RoleName};

/// What an access token rests on, found to stand.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The user of its family; none for a token of the client itself.
    pub user: Option<LiveUser>,
    /// The single claims that were asked for with its grant.
    pub asked: Option<ClaimsRequest>,
}

struct RestsOn {
    user: Option<users::Stored>,
    asked: Option<ClaimsRequest>,
}

impl FromRow for RestsOn {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self { user: Option::from_row(row)?, asked: row.maybe_parse("claims")? })
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

    /// What the token `jti` rests on, which `client` was given, by `family` unless it acts for itself, as it is or was a
    /// moment ago; `None` when the token or the family was revoked, or the client or the user is gone, disabled or
    /// changed. A user without roles of their own has `default_role`.
    pub async fn standing(
        &self,
        jti: &str,
        family: Option<FamilyId>,
        client: &ClientId,
        default_role: Option<&RoleName>,
    ) -> Result<Option<Arc<Standing>>, Error> {
        let key = (jti.to_owned(), client.clone(), default_role.cloned());
        let read = || self.read_standing(jti, family, client, default_role);
        self.lately.look(&self.lately.standings, &key, Instant::now(), read).await
    }

    /// The same, read now.
    pub async fn read_standing(
        &self,
        jti: &str,
        family: Option<FamilyId>,
        client: &ClientId,
        default_role: Option<&RoleName>,
    ) -> Result<Option<Standing>, Error> {
        // A family that is gone was over: its access tokens are refused with it.
        const SQL: &str = "SELECT f.claims, u.id AS user_id, u.username, u.email, u.full_name,
                u.claims AS user_claims, u.generation AS user_generation, u.created_at,
                coalesce(u.updated_at, u.created_at) AS updated_at, u.disabled_at,
                (SELECT string_agg(r.name || ' ' || r.scope, '\n') FROM user_roles ur
                    JOIN roles r ON r.name = ur.role WHERE ur.user_id = u.id) AS roles
            FROM clients c
            LEFT JOIN families f ON f.id = $2 AND f.client_id = c.id AND f.client_generation = c.generation
                AND f.revoked_at IS NULL
            LEFT JOIN users u ON u.id = f.user_id AND u.generation = f.user_generation AND u.disabled_at IS NULL
            WHERE c.id = $3 AND c.disabled_at IS NULL AND ($2 = '' OR u.id IS NOT NULL)
                AND NOT EXISTS (SELECT 1 FROM revocations r WHERE r.jti = $1)";
        let family = family.map_or(String::new(), |id| id.to_string());
        let mut db = self.reader().await?;
        let found = sql!(SQL, jti, family, client.as_str()).optional::<RestsOn>(&mut db).await?;
        let Some(RestsOn { user, asked }) = found else { return Ok(None) };
        let Some(user) = user else { return Ok(Some(Standing { user: None, asked })) };
        let user = user.live(&mut db, default_role).await?;
        Ok(user.map(|user| Standing { user: Some(user), asked }))
    }
}
