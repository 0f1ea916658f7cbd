//! Sessions: beginning, using and ending them.
//!
//! What rests on a session is locked before it, as a refresh locks its family first. A family that is begun
//! meanwhile waits for the session, and is found by the statement that comes after.

mod begin;

pub use begin::NewSession;

use super::db::Db;
use super::sql::{FromRow, Row, Sql, sql};
use super::users::{self, LiveUser};
use super::{Error, Store, audit, families};
use crate::model::{Audit, Authentication, Session, SessionId, UserId};
use crate::protocol::RoleName;

/// How many seconds may pass until it is written down that a session was used.
const SEEN_EVERY: i64 = 60;

/// Sessions that a user may have at the same time.
const AT_ONCE: i64 = 100;

/// Proof that a browser is signed in: its session goes on, and its user is enabled; only this module makes one.
#[derive(Clone, Debug)]
pub struct LiveSession {
    id: SessionId,
    digest: String,
    user: LiveUser,
    authentication: Authentication,
    expires_at: i64,
}

impl LiveSession {
    /// The id.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// The keyed hash of its cookie.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The user.
    pub fn user(&self) -> &LiveUser {
        &self.user
    }

    /// How the user proved who they are.
    pub fn authentication(&self) -> &Authentication {
        &self.authentication
    }

    /// When it ends, however often it is used.
    pub fn expires_at(&self) -> i64 {
        self.expires_at
    }
}

/// A session as it stands.
pub(super) struct Stored {
    pub(super) id: SessionId,
    pub(super) user_id: UserId,
    user_generation: i64,
    pub(super) authentication: Authentication,
    seen_at: i64,
    pub(super) expires_at: i64,
}

impl FromRow for Stored {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.parse("id")?,
            user_id: row.parse("user_id")?,
            user_generation: row.integer("user_generation")?,
            authentication: row.authentication()?,
            seen_at: row.integer("seen_at")?,
            expires_at: row.integer("expires_at")?,
        })
    }
}

impl Stored {
    /// Whether it is a session of `user`, with the password that they have.
    fn is_of(&self, user: &LiveUser) -> bool {
        self.user_id == user.id && self.user_generation == user.generation
    }
}

impl FromRow for Session {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.parse("id")?,
            auth_time: row.integer("auth_time")?,
            seen_at: row.integer("seen_at")?,
            expires_at: row.integer("expires_at")?,
            agent: row.maybe_text("agent")?,
        })
    }
}

/// The sessions that were not ended and have not expired at `$1`.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT s.id, s.user_id, s.user_generation, s.amr, s.auth_time, s.seen_at, s.expires_at, s.agent
            FROM sessions s WHERE s.ended_at IS NULL AND s.expires_at > $1 AND ",
            $rest
        )
    };
}

/// Reads the session `id`, if it was not ended and has not expired, as a [`Stored`]. The caller has locked it.
pub(super) fn unended(id: SessionId, now: i64) -> Sql {
    sql!(select!("s.id = $2"), now, id.to_string())
}

/// The session with this keyed hash of its cookie, if it was not ended and has not expired.
async fn with_digest(db: &mut Db, digest: &str, now: i64) -> Result<Option<Stored>, Error> {
    sql!(select!("s.digest = $2"), now, digest).optional(db).await
}

/// The session that was used longest ago, of a user who may have no more of them.
async fn one_too_many(db: &mut Db, user: UserId, now: i64) -> Result<Option<Stored>, Error> {
    const SQL: &str = select!("s.user_id = $2 ORDER BY s.seen_at DESC, s.auth_time DESC LIMIT 1 OFFSET $3");
    sql!(SQL, now, user.to_string(), AT_ONCE - 1).optional(db).await
}

/// Keeps what rests on a session from being renewed meanwhile.
async fn lock_families(db: &mut Db, session: SessionId) -> Result<(), Error> {
    const LOCK: &str = "SELECT 1 FROM families WHERE session_id = $1 ORDER BY id FOR UPDATE";
    sql!(LOCK, session.to_string()).lock(db).await
}

/// Ends a session with what rests on it, and has its clients told; false when it was over before.
async fn end(db: &mut Db, user: UserId, id: SessionId, now: i64) -> Result<bool, Error> {
    const END: &str = "UPDATE sessions SET ended_at = $3 WHERE id = $1 AND user_id = $2 AND ended_at IS NULL";
    // A session ends once, so that its id and the client's name the delivery.
    const TELL: &str = "INSERT INTO logout_deliveries (id, client_id, user_id, session_id, attempts, due_at)
        SELECT s.id || '.' || c.id, c.id, s.user_id, s.id, 0, s.ended_at
        FROM sessions s JOIN session_clients sc ON sc.session_id = s.id JOIN clients c ON c.id = sc.client_id
        WHERE s.id = $1 AND c.backchannel_logout_uri IS NOT NULL";
    let (text, user) = (id.to_string(), user.to_string());
    lock_families(db, id).await?;
    if sql!(END, &text, user, now).run(db).await? == 0 {
        return Ok(false);
    }
    families::revoke_of_session(db, id, now).await?;
    sql!(TELL, &text).run(db).await?;
    Ok(true)
}

/// Ends all sessions of `user` but `except` in the same manner, and counts them.
pub(super) async fn end_all(
    db: &mut Db,
    user: UserId,
    except: Option<SessionId>,
    now: i64,
) -> Result<u64, Error> {
    let sessions: Vec<Stored> = sql!(select!("s.user_id = $2"), now, user.to_string()).all(db).await?;
    let mut ended = 0;
    for session in sessions.iter().filter(|session| Some(session.id) != except) {
        ended += u64::from(end(db, user, session.id, now).await?);
    }
    Ok(ended)
}

impl Store {
    /// The session with this keyed hash of its cookie, if it goes on at `now`: it was used within `idle` seconds, and
    /// its user is enabled and has the password that they had then.
    pub async fn live_session(
        &self,
        digest: &str,
        now: i64,
        idle: i64,
        default_role: Option<&RoleName>,
    ) -> Result<Option<LiveSession>, Error> {
        let mut db = self.reader().await?;
        let stored = with_digest(&mut db, digest, now).await?;
        let Some(stored) = stored.filter(|stored| stored.seen_at.saturating_add(idle) > now) else {
            return Ok(None);
        };
        let user = users::live(&mut db, stored.user_id, stored.user_generation, default_role).await?;
        drop(db);
        let Some(user) = user else { return Ok(None) };
        if stored.seen_at.saturating_add(SEEN_EVERY) <= now {
            self.seen(stored.id, now);
        }
        let Stored { id, authentication, expires_at, .. } = stored;
        Ok(Some(LiveSession { id, digest: digest.to_owned(), user, authentication, expires_at }))
    }

    /// Writes down that a session was used. Nobody waits for it: what is lost is written at its next use.
    fn seen(&self, id: SessionId, now: i64) {
        const SQL: &str = "UPDATE sessions SET seen_at = $2 WHERE id = $1 AND seen_at < $2";
        let store = self.clone();
        tokio::spawn(async move {
            let seen = store.write(async move |db| sql!(SQL, id.to_string(), now).run(db).await).await;
            if let Err(error) = seen {
                tracing::warn!(session = %id, %error, "it was not written down that a session was used");
            }
        });
    }

    /// Ends a session of `user` as they wish; false when it is over, or is not theirs.
    pub async fn end_session(&self, user: UserId, id: SessionId, entry: Audit) -> Result<bool, Error> {
        self.write(async move |db| {
            let ended = end(db, user, id, entry.at).await?;
            if ended {
                audit::insert(db, &entry.clone().user(user).detail(format!("session {id}"))).await?;
            }
            Ok(ended)
        })
        .await
        .inspect(|_| self.look_for_logouts())
    }

    /// Ends all sessions of `user` but `except`, and counts them.
    pub async fn end_sessions(
        &self,
        user: UserId,
        except: Option<SessionId>,
        entry: Audit,
    ) -> Result<u64, Error> {
        self.write(async move |db| {
            let ended = end_all(db, user, except, entry.at).await?;
            if ended > 0 {
                audit::insert(db, &entry.clone().user(user).detail(format!("{ended} sessions"))).await?;
            }
            Ok(ended)
        })
        .await
        .inspect(|_| self.look_for_logouts())
    }

    /// The sessions of `user` that go on at `now`, the one used last first.
    pub async fn sessions_of(&self, user: UserId, now: i64, idle: i64) -> Result<Vec<Session>, Error> {
        const SQL: &str = select!(
            "s.user_id = $2 AND s.seen_at > $3
            AND EXISTS (SELECT 1 FROM users u WHERE u.id = s.user_id AND u.generation = s.user_generation)
            ORDER BY s.seen_at DESC, s.auth_time DESC"
        );
        let mut db = self.reader().await?;
        sql!(SQL, now, user.to_string(), now.saturating_sub(idle)).all(&mut db).await
    }
}
