//! Authorization codes: keeping one, and redeeming it once.

use super::db::Db;
use super::families::{self, Granting};
use super::sessions::{self, Stored};
use super::sql::{FromRow, Row, sql};
use super::users::{self, LiveUser};
use super::{Error, Store, clients, consents};
use crate::clock::Clock;
use crate::model::{Audit, Authorization, Family, Narrowing, OFFLINE_ACCESS, OPENID};
use crate::protocol::RoleName;

/// Codes of one session that may wait to be redeemed; an older one is forgotten.
const WAITING: i64 = 32;

impl FromRow for Authorization {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            client_id: row.parse("client_id")?,
            client_generation: row.integer("client_generation")?,
            user_id: row.parse("user_id")?,
            user_generation: row.integer("user_generation")?,
            session_id: row.parse("session_id")?,
            family_id: row.parse("family_id")?,
            redirect_uri: row.maybe_parse("redirect_uri")?,
            code_challenge: row.maybe_parse("code_challenge")?,
            nonce: row.maybe_text("nonce")?,
            api: row.parse("api")?,
            scope: row.parse("scope")?,
            claims: row.maybe_parse("claims")?,
            expires_at: row.integer("expires_at")?,
        })
    }
}

/// A code that its client presents with all that it must bring along.
pub struct Redeem {
    /// The code's keyed hash.
    pub digest: String,
    /// What it stands for, as [`Store::authorization`] found it.
    pub authorization: Authorization,
    /// The family to begin.
    pub granting: Granting,
    /// What bounds the scope.
    pub narrowing: Narrowing,
    /// Whether it rests on the user's consent.
    pub needs_consent: bool,
    /// The role of users who have none.
    pub default_role: Option<RoleName>,
    /// The entry for the audit trail, should it have been redeemed before.
    pub reused: Audit,
    /// Tells the time when it is redeemed, which may be later than when it was asked for.
    pub clock: Clock,
}

/// What presenting a code gave.
pub enum Redeemed {
    /// The family was begun.
    Live {
        /// The family.
        family: Box<Family>,
        /// The user.
        user: LiveUser,
    },
    /// Nothing of its scope can be granted any more; the code is as good as before.
    Unfit,
    /// It is not, or no longer, good; the reason is for the log.
    Refused(&'static str),
}

/// What a code rests on, if all of it still stands, or what does not. The caller has locked it.
async fn rests_on(
    db: &mut Db,
    code: &Authorization,
    default_role: Option<&RoleName>,
    now: i64,
) -> Result<Result<(LiveUser, Stored), &'static str>, Error> {
    let user = users::live(db, code.user_id, code.user_generation, default_role).await?;
    let Some(user) = user else { return Ok(Err("the user was disabled or changed since")) };
    if !clients::is_live(db, &code.client_id, code.client_generation).await? {
        return Ok(Err("the client was disabled since"));
    }
    let session = sessions::unended(db, code.session_id, now).await?;
    Ok(session.map(|session| (user, session)).ok_or("the session has ended"))
}

/// Decides on a code that was not redeemed before.
async fn decide(db: &mut Db, redeem: &Redeem, now: i64) -> Result<Redeemed, Error> {
    let Redeem { authorization: code, granting, .. } = redeem;
    if code.expires_at <= now {
        return Ok(Redeemed::Refused("the code has expired"));
    }
    let (user, session) = match rests_on(db, code, redeem.default_role.as_ref(), now).await? {
        Ok(live) => live,
        Err(cause) => return Ok(Redeemed::Refused(cause)),
    };
    if redeem.needs_consent {
        let consent = consents::find(db, code.user_id, &code.client_id, &code.api).await?;
        if !code.consent().is_within(&consent) {
            return Ok(Redeemed::Refused("the consent was withdrawn"));
        }
    }
    let scope = redeem.narrowing.for_user(user.roles());
    if scope.is_empty() {
        return Ok(Redeemed::Unfit);
    }
    // What was not granted for offline access ends with the session.
    let is_offline = scope.contains(&OFFLINE_ACCESS);
    let end = if is_offline { i64::MAX } else { session.expires_at };
    let family = Box::new(Family {
        id: code.family_id,
        client_id: code.client_id.clone(),
        client_generation: code.client_generation,
        user_id: code.user_id,
        user_generation: code.user_generation,
        api: code.api.clone(),
        scope,
        authentication: session.authentication,
        session_id: Some(code.session_id),
        is_offline,
        claims: code.claims.clone(),
        expires_at: granting.expires_at.min(end),
        revoked_at: None,
    });
    Ok(Redeemed::Live { family, user })
}

impl Store {
    /// Keeps a code under its keyed hash, and of the others that its session waits for the newest alone; false when what
    /// it rests on is over already.
    pub async fn add_code(&self, digest: String, code: Authorization, now: i64) -> Result<bool, Error> {
        const FORGET: &str = "DELETE FROM authorization_codes WHERE session_id = $1 AND redeemed_at IS NULL
            AND digest NOT IN (SELECT digest FROM authorization_codes
                WHERE session_id = $1 AND redeemed_at IS NULL ORDER BY expires_at DESC, digest LIMIT $2)";
        const LOCK: &str = "SELECT 1 FROM users u, clients c, sessions s
                            WHERE u.id = $1 AND c.id = $2 AND s.id = $3 FOR SHARE";
        const SQL: &str = "INSERT INTO authorization_codes (digest, client_id, client_generation, user_id,
                user_generation, session_id, family_id, redirect_uri, code_challenge, nonce, api, scope, claims,
                expires_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
        self.write(async move |db| {
            let (user, session) = (code.user_id.to_string(), code.session_id.to_string());
            // Codes first, as redeeming one locks it first.
            sql!(FORGET, &session, WAITING - 1).run(db).await?;
            sql!(LOCK, &user, code.client_id.as_str(), &session).lock(db).await?;
            if rests_on(db, &code, None, now).await?.is_err() {
                return Ok(false);
            }
            let added = sql!(
                SQL,
                &digest,
                code.client_id.as_str(),
                code.client_generation,
                user,
                code.user_generation,
                session,
                code.family_id.to_string(),
                code.redirect_uri.as_ref().map(ToString::to_string),
                code.code_challenge.as_ref().map(ToString::to_string),
                code.nonce.clone(),
                code.api.as_str(),
                code.scope.to_string(),
                code.claims.as_ref().map(ToString::to_string),
                code.expires_at,
            );
            added.run(db).await?;
            Ok(true)
        })
        .await
    }

    /// What a code stands for, whether or not it was redeemed.
    pub async fn authorization(&self, digest: &str) -> Result<Option<Authorization>, Error> {
        const SQL: &str =
            "SELECT client_id, client_generation, user_id, user_generation, session_id, family_id,
                redirect_uri, code_challenge, nonce, api, scope, claims, expires_at
            FROM authorization_codes WHERE digest = $1";
        sql!(SQL, digest).optional(&mut self.reader().await?).await
    }

    /// Redeems a code, once: begins its family with its first refresh token. A second call ends that family, however
    /// late it comes ([RFC 6749 §4.1.2]).
    ///
    /// [RFC 6749 §4.1.2]: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2
    pub async fn redeem_code(&self, redeem: Redeem) -> Result<Redeemed, Error> {
        // The code first: of several uses each sees what the one before it did. Then what it rests on: who ends that
        // waits and then finds the family, or comes first, and nothing is begun.
        const LOCK_CODE: &str = "SELECT 1 FROM authorization_codes WHERE digest = $1 FOR UPDATE";
        const LOCK: &str = "SELECT 1 FROM authorization_codes a
            JOIN users u ON u.id = a.user_id JOIN clients c ON c.id = a.client_id
            JOIN sessions s ON s.id = a.session_id
            WHERE a.digest = $1 FOR SHARE OF u, c, s";
        const LOCK_CONSENT: &str = "SELECT 1 FROM consents WHERE user_id = $1 AND client_id = $2 FOR SHARE";
        const IS_REDEEMED: &str =
            "SELECT 1 FROM authorization_codes WHERE digest = $1 AND redeemed_at IS NOT NULL";
        const REDEEM: &str = "UPDATE authorization_codes SET redeemed_at = $2
                              WHERE digest = $1 AND redeemed_at IS NULL AND expires_at > $2";
        const TELL: &str = "INSERT INTO session_clients (session_id, client_id) VALUES ($1, $2)
                            ON CONFLICT (session_id, client_id) DO NOTHING";
        self.write(async move |db| {
            let Redeem { digest, authorization: code, granting, .. } = &redeem;
            sql!(LOCK_CODE, digest).lock(db).await?;
            if sql!(IS_REDEEMED, digest).exists(db).await? {
                families::revoke(db, code.family_id, &redeem.reused).await?;
                return Ok(Redeemed::Refused("the code was redeemed before"));
            }
            families::make_room(db, code.user_id, &code.client_id).await?;
            sql!(LOCK, digest).lock(db).await?;
            sql!(LOCK_CONSENT, code.user_id.to_string(), code.client_id.as_str()).lock(db).await?;
            let now = redeem.clock.now();
            let decided = decide(db, &redeem, now).await?;
            if let Redeemed::Live { family, .. } = &decided {
                if sql!(REDEEM, digest, now).run(db).await? != 1 {
                    return Ok(Redeemed::Refused("the code was withdrawn or expired at the same moment"));
                }
                families::begin(db, family, granting.token.as_ref(), now).await?;
                if family.scope.contains(&OPENID) {
                    sql!(TELL, code.session_id.to_string(), code.client_id.as_str()).run(db).await?;
                }
            }
            Ok(decided)
        })
        .await
    }
}
