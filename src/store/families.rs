//! Families of refresh tokens: beginning one, using a token, revoking.
//!
//! On SQLite the writer's transaction excludes every other. On PostgreSQL the family's row is locked first, so
//! that of several uses of a token, on whatever nodes, each sees what the one before it did.

use super::db::Db;
use super::sql::{FromRow, Row, join, sql};
use super::users::{self, LiveUser};
use super::{Error, Store, audit};
use crate::clock::Clock;
use crate::model::{Audit, Family, FamilyId, Narrowing, Presented, SessionId, UserId, Verdict};
use crate::protocol::{ApiUri, ClientId, RoleName, Scope};

/// Generations of a family that are kept, so that their reuse is noticed, and how often older ones are deleted.
const KEPT: i64 = 1000;
const PRUNE_EVERY: i64 = 100;

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

/// A refresh token that is presented.
pub struct Refresh<S> {
    /// Its keyed hash.
    pub digest: String,
    /// The client that presents it.
    pub client: ClientId,
    /// The keyed hash of the successor with a given generation, in a given family.
    pub successor: S,
    /// Seconds that the successor may lie unused.
    pub idle: i64,
    /// What bounds the scope of the access token.
    pub narrowing: Narrowing,
    /// Whether the rest of the request fits what was granted.
    pub is_fit: bool,
    /// Seconds since its first use within which a lost answer may be fetched again.
    pub window: i64,
    /// The role of users who have none.
    pub default_role: Option<RoleName>,
    /// The entry for the audit trail, should it have been used before.
    pub reused: Audit,
    /// The entry for the audit trail, should the family end without suspicion of theft.
    pub revoked: Audit,
    /// Tells the time when it is used, which may be later than when it was asked for.
    pub clock: Clock,
}

/// What presenting a refresh token gave.
pub enum Refreshed {
    /// The grant goes on, with the successor of this generation.
    Live {
        /// The family.
        family: Box<Family>,
        /// The user, as they are now.
        user: LiveUser,
        /// The scope of the access token.
        scope: Scope,
        /// The successor's generation.
        generation: i64,
        /// Whether a lost answer was given again.
        is_repeat: bool,
    },
    /// The request does not fit, or nothing of its scope can be granted any more; the token is as good as before.
    Unfit,
    /// It is not, or no longer, good; the reason is for the log.
    Refused(&'static str),
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

/// A refresh token with its user, unless they were disabled or changed since.
struct PresentedFor(Presented, Option<users::Stored>);

impl FromRow for PresentedFor {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self(Presented::from_row(row)?, Option::from_row(row)?))
    }
}

async fn presented(db: &mut Db, digest: &str) -> Result<Option<PresentedFor>, Error> {
    const SQL: &str = select!(
        ", t.generation, t.expires_at AS token_expires_at, t.used_at, s.used_at AS successor_used_at,
            c.generation AS live_client, u.username, u.email, u.full_name, u.claims AS user_claims, u.created_at,
            coalesce(u.updated_at, u.created_at) AS updated_at, u.disabled_at,
            (SELECT string_agg(r.name || ' ' || r.scope, '\n') FROM user_roles ur
                JOIN roles r ON r.name = ur.role WHERE ur.user_id = u.id) AS roles
        FROM refresh_tokens t JOIN families f ON f.id = t.family_id
        LEFT JOIN users u ON u.id = f.user_id AND u.generation = f.user_generation AND u.disabled_at IS NULL
        LEFT JOIN clients c ON c.id = f.client_id AND c.generation = f.client_generation AND c.disabled_at IS NULL
        LEFT JOIN refresh_tokens s ON s.family_id = t.family_id AND s.generation = t.generation + 1
        WHERE t.digest = $1"
    );
    sql!(SQL, digest).optional(db).await
}

/// Forgets the oldest families of a user with a client, should they have as many as they may have: one is to begin. Before
/// user and client are locked, as a refresh locks its family first.
pub(super) async fn make_room(db: &mut Db, user: UserId, client: &ClientId) -> Result<(), Error> {
    const SQL: &str = "DELETE FROM families WHERE id IN (SELECT id FROM families
        WHERE user_id = $1 AND client_id = $2 ORDER BY created_at DESC LIMIT 10 OFFSET $3)";
    db.changes_what_was_read |= sql!(SQL, user.to_string(), client.as_str(), AT_ONCE - 1).run(db).await? > 0;
    Ok(())
}

/// Begins a family with its first refresh token, in the transaction that checked user and client.
pub(super) async fn begin(
    db: &mut Db,
    family: &Family,
    token: Option<&(String, i64)>,
    now: i64,
) -> Result<(), Error> {
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
    begun.run(db).await?;
    match token {
        Some((digest, expires_at)) => insert_token(db, family.id, 0, digest, *expires_at).await,
        None => Ok(()),
    }
}

async fn insert_token(
    db: &mut Db,
    family: FamilyId,
    generation: i64,
    digest: &str,
    expires_at: i64,
) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO refresh_tokens (digest, family_id, generation, expires_at, repeats)
                       VALUES ($1, $2, $3, $4, 0)";
    sql!(SQL, digest, family.to_string(), generation, expires_at).run(db).await?;
    Ok(())
}

/// Deletes tokens that were used long ago: however often a family is renewed, it takes bounded room.
async fn prune(db: &mut Db, family: FamilyId, generation: i64) -> Result<(), Error> {
    const SQL: &str = "DELETE FROM refresh_tokens WHERE family_id = $1 AND generation < $2";
    if generation % PRUNE_EVERY == 0 {
        sql!(SQL, family.to_string(), generation - KEPT).run(db).await?;
    }
    Ok(())
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
    /// Uses a refresh token: rotates it, gives a lost answer again, or ends its family.
    pub async fn refresh<S>(&self, refresh: Refresh<S>) -> Result<Refreshed, Error>
    where
        S: Fn(FamilyId, i64) -> String + Send + 'static,
    {
        // User and client stay as they are, too, until this is written: who disables them waits, and then finds the
        // successor, or comes first, and nothing is renewed.
        const LOCK: &str = "SELECT 1 FROM families f
            JOIN users u ON u.id = f.user_id JOIN clients c ON c.id = f.client_id
            WHERE f.id = (SELECT family_id FROM refresh_tokens WHERE digest = $1)
            FOR UPDATE OF f FOR SHARE OF u, c";
        const USE: &str = "UPDATE refresh_tokens SET used_at = $2 WHERE digest = $1 AND used_at IS NULL";
        const REPEAT: &str = "UPDATE refresh_tokens SET repeats = repeats + 1 WHERE digest = $1";
        self.write(async move |db| {
            sql!(LOCK, &refresh.digest).lock(db).await?;
            let Some(PresentedFor(presented, user)) = presented(db, &refresh.digest).await? else {
                return Ok(Refreshed::Refused("there is no such refresh token"));
            };
            let family = &presented.family;
            if family.client_id != refresh.client {
                return Ok(Refreshed::Refused("the refresh token is another client's"));
            }
            let user = match user.filter(|_| presented.client_is_live) {
                Some(user) => user.live(db, refresh.default_role.as_ref()).await?,
                None => None,
            };
            let Some(user) = user else {
                return Ok(Refreshed::Refused("the user or the client was disabled or changed since"));
            };

            let scope = refresh.narrowing.for_user(user.roles());
            let generation = presented.generation + 1;
            let now = refresh.clock.now();
            let is_repeat = match presented.verdict(now, refresh.window) {
                Verdict::Rotate | Verdict::Repeat if !refresh.is_fit || scope.is_empty() => {
                    return Ok(Refreshed::Unfit);
                }
                Verdict::Rotate => {
                    if sql!(USE, &refresh.digest, now).run(db).await? != 1 {
                        return Ok(Refreshed::Refused("the refresh token was used at the same moment"));
                    }
                    let digest = (refresh.successor)(family.id, generation);
                    insert_token(db, family.id, generation, &digest, now.saturating_add(refresh.idle))
                        .await?;
                    prune(db, family.id, generation).await?;
                    false
                }
                Verdict::Repeat => {
                    sql!(REPEAT, &refresh.digest).run(db).await?;
                    true
                }
                Verdict::Late => {
                    revoke(db, family.id, &refresh.revoked).await?;
                    return Ok(Refreshed::Refused("the refresh token was used before, too long ago"));
                }
                Verdict::Reused => {
                    revoke(db, family.id, &refresh.reused).await?;
                    return Ok(Refreshed::Refused(
                        "the refresh token was used before, and so was its successor",
                    ));
                }
                Verdict::Ended => return Ok(Refreshed::Refused("the refresh token or its family is over")),
            };
            Ok(Refreshed::Live { family: Box::new(presented.family), user, scope, generation, is_repeat })
        })
        .await
    }

    /// A family, whatever its state.
    pub async fn family(&self, id: FamilyId) -> Result<Option<Family>, Error> {
        const SQL: &str = select!(" FROM families f WHERE f.id = $1");
        sql!(SQL, id.to_string()).optional(&mut self.reader().await?).await
    }

    /// A refresh token as it stands, for introspection and revocation.
    pub async fn presented(&self, digest: &str) -> Result<Option<Presented>, Error> {
        Ok(presented(&mut self.reader().await?, digest).await?.map(|PresentedFor(presented, _)| presented))
    }

    /// Ends a family: none of its tokens can be renewed from the moment this returns.
    pub async fn revoke_family(&self, id: FamilyId, entry: Audit) -> Result<bool, Error> {
        self.write(async move |db| revoke(db, id, &entry).await).await
    }
}
