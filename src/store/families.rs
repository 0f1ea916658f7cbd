//! Families of refresh tokens: beginning one, reading it, and revoking it.

use super::db::Db;
use super::sql::{FromRow, Row, Sql, join, sql};
use super::users::Stored;
use super::{Error, Store, audit};
use crate::model::{Audit, Family, FamilyId, Presented, SessionId, Terms, UserId};
use crate::protocol::{ApiUri, ClientId};

/// Families that a user may have with one client.
const AT_ONCE: i64 = 1000;

/// A family to begin, with its first refresh token if the client is to have one.
#[derive(Clone, Debug)]
pub struct Granting {
    /// The new family's id.
    pub id: FamilyId,
    /// The audience of its access tokens.
    pub api: ApiUri,
    /// When no refresh can renew it any more.
    pub expires_at: i64,
    /// The keyed hash of its first refresh token, and when that stops being good if it is not used.
    pub token: Option<(String, i64)>,
}

/// The columns of a family `f`, as [`Family::from_row`] reads them.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT f.id, f.client_id, f.client_generation, f.user_id, f.user_generation, f.api, f.scope, f.amr, ",
            "f.auth_time, f.session_id, f.is_offline, f.claims, f.expires_at, f.revoked_at",
            $rest
        )
    };
}

impl FromRow for Family {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.parse("id")?,
            client_id: row.parse("client_id")?,
            client_generation: row.integer("client_generation")?,
            user_id: row.parse("user_id")?,
            user_generation: row.integer("user_generation")?,
            api: row.parse("api")?,
            scope: row.parse("scope")?,
            authentication: row.authentication()?,
            session_id: row.maybe_parse("session_id")?,
            is_offline: row.integer("is_offline")? != 0,
            claims: row.maybe_parse("claims")?,
            expires_at: row.integer("expires_at")?,
            revoked_at: row.maybe_integer("revoked_at")?,
        })
    }
}

impl FromRow for Presented {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            generation: row.integer("generation")?,
            expires_at: row.integer("token_expires_at")?,
            used_at: row.maybe_integer("used_at")?,
            is_superseded: row.maybe_integer("successor_used_at")?.is_some(),
            client_is_live: row.maybe_integer("live_client")?.is_some(),
            family: Family::from_row(row)?,
        })
    }
}

/// A refresh token with its user, unless they were disabled or changed since, and what its API says.
pub(super) struct PresentedFor(pub(super) Presented, pub(super) Option<Stored>, pub(super) Option<Terms>);

impl FromRow for PresentedFor {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self(Presented::from_row(row)?, Option::from_row(row)?, Option::from_row(row)?))
    }
}

/// Reads the token with this keyed hash, as a [`PresentedFor`].
pub(super) fn presented(digest: &str) -> Sql {
    const SQL: &str = select!(
        ", t.generation, t.expires_at AS token_expires_at, t.used_at, s.used_at AS successor_used_at,
            CASE WHEN c.generation = f.client_generation AND c.disabled_at IS NULL THEN c.generation END AS live_client,
            CASE WHEN u.generation = f.user_generation AND u.disabled_at IS NULL THEN u.username END AS username,
            u.email, u.full_name, u.claims AS user_claims, u.created_at,
            coalesce(u.updated_at, u.created_at) AS updated_at, u.disabled_at,
            (SELECT string_agg(r.name || ' ' || r.scope, '\n') FROM user_roles ur
                JOIN roles r ON r.name = ur.role WHERE ur.user_id = u.id) AS roles,
            ap.access_token_lifetime AS api_lifetime,
            CASE WHEN ap.uri IS NOT NULL THEN coalesce((SELECT string_agg(sc.scope, ' ') FROM api_scopes sc
                WHERE sc.api = f.api), '') END AS api_scope
        FROM refresh_tokens t JOIN families f ON f.id = t.family_id
        JOIN users u ON u.id = f.user_id JOIN clients c ON c.id = f.client_id
        LEFT JOIN apis ap ON ap.uri = f.api
        LEFT JOIN refresh_tokens s ON s.family_id = t.family_id AND s.generation = t.generation + 1
        WHERE t.digest = $1"
    );
    sql!(SQL, digest)
}

/// Forgets the oldest families of a user with a client, should they have as many as they may have: one is to begin. Before
/// user and client are locked, as a refresh locks its family first.
pub(super) fn make_room(user: UserId, client: &ClientId) -> Sql {
    const SQL: &str = "DELETE FROM families WHERE id IN (SELECT id FROM families
        WHERE user_id = $1 AND client_id = $2 ORDER BY created_at DESC LIMIT 10 OFFSET $3)";
    sql!(SQL, user.to_string(), client.as_str(), AT_ONCE - 1).making_out_of_date()
}

/// Begins a family with its first refresh token, in the transaction that checked user and client.
pub(super) fn begin(db: &mut Db, family: &Family, token: Option<&(String, i64)>, now: i64) {
    const SQL: &str =
        "INSERT INTO families (id, client_id, client_generation, user_id, user_generation, api, scope,
            amr, auth_time, session_id, is_offline, claims, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    let begun = sql!(
        SQL,
        family.id.to_string(),
        family.client_id.as_str(),
        family.client_generation,
        family.user_id.to_string(),
        family.user_generation,
        family.api.as_str(),
        family.scope.to_string(),
        join(&family.authentication.methods),
        family.authentication.at,
        family.session_id.map(|id| id.to_string()),
        family.is_offline,
        family.claims.as_ref().map(ToString::to_string),
        now,
        family.expires_at,
    );
    begun.later(db);
    if let Some((digest, expires_at)) = token {
        insert_token(family.id, 0, digest, *expires_at).later(db);
    }
}

/// Keeps a refresh token, unless another transaction did so before: it is one, like the use of its parent.
pub(super) fn insert_token(family: FamilyId, generation: i64, digest: &str, expires_at: i64) -> Sql {
    const SQL: &str = "INSERT INTO refresh_tokens (digest, family_id, generation, expires_at, repeats)
                       VALUES ($1, $2, $3, $4, 0) ON CONFLICT DO NOTHING";
    sql!(SQL, digest, family.to_string(), generation, expires_at).once()
}

/// Ends a family.
pub(super) async fn revoke(db: &mut Db, family: FamilyId, entry: &Audit) -> Result<bool, Error> {
    const SQL: &str = "UPDATE families SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
    let revoked = sql!(SQL, family.to_string(), entry.at).run(db).await? == 1;
    if revoked {
        audit::insert(db, entry).await?;
    }
    Ok(revoked)
}

/// Ends the families that rest on a session. The entry for the audit trail is the caller's.
pub(super) async fn revoke_of_session(db: &mut Db, session: SessionId, now: i64) -> Result<(), Error> {
    const SQL: &str = "UPDATE families SET revoked_at = $2
                       WHERE session_id = $1 AND is_offline = 0 AND revoked_at IS NULL";
    sql!(SQL, session.to_string(), now).run(db).await.map(drop)
}

/// Ends all that a user has granted to a client, and counts it. The entry for the audit trail is the caller's.
pub(super) async fn revoke_of_client(
    db: &mut Db,
    user: UserId,
    client: &ClientId,
    now: i64,
) -> Result<u64, Error> {
    const SQL: &str = "UPDATE families SET revoked_at = $3
                       WHERE user_id = $1 AND client_id = $2 AND revoked_at IS NULL";
    sql!(SQL, user.to_string(), client.as_str(), now).run(db).await
}

impl Store {
    /// A family, whatever its state.
    pub async fn family(&self, id: FamilyId) -> Result<Option<Family>, Error> {
        const SQL: &str = select!(" FROM families f WHERE f.id = $1");
        sql!(SQL, id.to_string()).optional(&mut self.reader().await?).await
    }

    /// A refresh token as it stands, for introspection and revocation.
    pub async fn presented(&self, digest: &str) -> Result<Option<Presented>, Error> {
        let found = presented(digest).optional(&mut self.reader().await?).await?;
        Ok(found.map(|PresentedFor(presented, ..)| presented))
    }

    /// Ends a family: none of its tokens can be renewed from the moment this returns.
    pub async fn revoke_family(&self, id: FamilyId, entry: Audit) -> Result<bool, Error> {
        self.write(async move |db| revoke(db, id, &entry).await).await
    }
}
