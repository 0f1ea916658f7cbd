//! Authorization codes: keeping one, and redeeming it once.

use super::db::Db;
use super::families::{self, Granting};
use super::sessions::{self, Stored};
use super::sql::{FromRow, Row, sql};
use super::users::{self, LiveUser};
use super::{Error, Store, clients, consents};
use crate::clock::Clock;
use crate::model::{Audit, Authorization, Family, Narrowing, OFFLINE_ACCESS, OPENID, Terms};
use crate::protocol::{self, RoleName};

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

/// A code that is presented.
pub struct Redeem<R> {
    /// Its keyed hash.
    pub digest: String,
    /// The role of users who have none.
    pub default_role: Option<RoleName>,
    /// Tells the time when it is redeemed, which may be later than when it was asked for.
    pub clock: Clock,
    /// The request.
    pub redemption: R,
}

/// A request to redeem a code, which is asked in the transaction that decides on it.
pub trait Redemption: Send + 'static {
    /// What the tokens are for.
    type Target: Send + 'static;

    /// What `code` gives, whose API says `terms`; an error when the request does not bring along all that it must.
    fn judge(
        &self,
        code: &Authorization,
        terms: Option<Terms>,
    ) -> Result<Worth<Self::Target>, protocol::Error>;

    /// The entry for the audit trail, should the code have been redeemed before.
    fn reused(&self, code: &Authorization) -> Audit;
}

/// What a code gives to who may redeem it.
pub struct Worth<T> {
    /// What the tokens are for.
    pub target: T,
    /// The family to begin.
    pub granting: Granting,
    /// What bounds the scope.
    pub narrowing: Narrowing,
    /// Whether it rests on the user's consent.
    pub needs_consent: bool,
}

/// What presenting a code gave.
pub enum Redeemed<T> {
    /// The family was begun.
    Live {
        /// The family.
        family: Box<Family>,
        /// The user.
        user: LiveUser,
        /// What the tokens are for.
        target: T,
        /// The `nonce` of the authorization request.
        nonce: Option<String>,
    },
    /// The request does not bring along what it must; the code is as good as before.
    Denied(protocol::Error),
    /// Nothing of its scope can be granted any more; the code is as good as before.
    Empty,
    /// It is not, or no longer, good; the reason is for the log.
    Refused(&'static str),
}

/// A code with when it was redeemed, and what its API says.
struct PresentedCode(Authorization, Option<i64>, Option<Terms>);

impl FromRow for PresentedCode {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self(Authorization::from_row(row)?, row.maybe_integer("redeemed_at")?, Option::from_row(row)?))
    }
}

/// What a code rests on, if all of it still stands, or what does not. The caller has locked it.
async fn rests_on(
    db: &mut Db,
    code: &Authorization,
    default_role: Option<&RoleName>,
    now: i64,
) -> Result<Result<(LiveUser, Stored), &'static str>, Error> {
    let user = users::by_id(code.user_id);
    let client = clients::live(&code.client_id, code.client_generation);
    let session = sessions::unended(code.session_id, now);
    let [user, client, session] = &db.send_all(vec![user, client, session]).await?[..] else {
        return Err(Error::Closed);
    };
    let user = match user.optional::<users::Stored>()? {
        Some(user) => user.of(code.user_generation, db, default_role).await?,
        None => None,
    };
    let Some(user) = user else { return Ok(Err("the user was disabled or changed since")) };
    if client.rows.is_empty() {
        return Ok(Err("the client was disabled since"));
    }
    Ok(session.optional()?.map(|session| (user, session)).ok_or("the session has ended"))
}

/// Decides on a code that was not redeemed before: the family that it begins, for its user.
async fn decide<T>(
    db: &mut Db,
    code: &Authorization,
    worth: &Worth<T>,
    default_role: Option<&RoleName>,
    now: i64,
) -> Result<Result<(Box<Family>, LiveUser), Redeemed<T>>, Error> {
    if code.expires_at <= now {
        return Ok(Err(Redeemed::Refused("the code has expired")));
    }
    let (user, session) = match rests_on(db, code, default_role, now).await? {
        Ok(live) => live,
        Err(cause) => return Ok(Err(Redeemed::Refused(cause))),
    };
    if worth.needs_consent {
        let consent = consents::find(db, code.user_id, &code.client_id, &code.api).await?;
        if !code.consent().is_within(&consent) {
            return Ok(Err(Redeemed::Refused("the consent was withdrawn")));
        }
    }
    let scope = worth.narrowing.for_user(user.roles());
    if scope.is_empty() {
        return Ok(Err(Redeemed::Empty));
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
        expires_at: worth.granting.expires_at.min(end),
        revoked_at: None,
    });
    Ok(Ok((family, user)))
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

    /// Redeems a code, once: begins its family with its first refresh token. A second call ends that family, however
    /// late it comes ([RFC 6749 §4.1.2]).
    ///
    /// [RFC 6749 §4.1.2]: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2
    pub async fn redeem_code<R: Redemption>(&self, redeem: Redeem<R>) -> Result<Redeemed<R::Target>, Error> {
        // The code first: of several uses each sees what the one before it did. Then what it rests on: who ends that
        // waits and then finds the family, or comes first, and nothing is begun.
        const LOCK_CODE: &str = "SELECT 1 FROM authorization_codes WHERE digest = $1 FOR UPDATE";
        const LOCK: &str = "SELECT 1 FROM authorization_codes a
            JOIN users u ON u.id = a.user_id JOIN clients c ON c.id = a.client_id
            JOIN sessions s ON s.id = a.session_id
            WHERE a.digest = $1 FOR SHARE OF u, c, s";
        const LOCK_CONSENT: &str = "SELECT 1 FROM consents WHERE user_id = $1 AND client_id = $2 FOR SHARE";
        const FIND: &str =
            "SELECT a.client_id, a.client_generation, a.user_id, a.user_generation, a.session_id, a.family_id,
                a.redirect_uri, a.code_challenge, a.nonce, a.api, a.scope, a.claims, a.expires_at, a.redeemed_at,
                ap.access_token_lifetime AS api_lifetime,
                CASE WHEN ap.uri IS NOT NULL THEN coalesce((SELECT string_agg(sc.scope, ' ') FROM api_scopes sc
                    WHERE sc.api = a.api), '') END AS api_scope
            FROM authorization_codes a LEFT JOIN apis ap ON ap.uri = a.api WHERE a.digest = $1";
        const REDEEM: &str = "UPDATE authorization_codes SET redeemed_at = $2
                              WHERE digest = $1 AND redeemed_at IS NULL AND expires_at > $2";
        const TELL: &str = "INSERT INTO session_clients (session_id, client_id) VALUES ($1, $2)
                            ON CONFLICT (session_id, client_id) DO NOTHING";
        self.write(async move |db| {
            let Redeem { digest, default_role, clock, redemption } = &redeem;
            sql!(LOCK_CODE, digest).lock(db).await?;
            let Some(PresentedCode(code, redeemed_at, terms)) = sql!(FIND, digest).optional(db).await? else {
                return Ok(Redeemed::Refused("there is no such code"));
            };
            let worth = match redemption.judge(&code, terms) {
                Ok(worth) => worth,
                Err(error) => return Ok(Redeemed::Denied(error)),
            };
            if redeemed_at.is_some() {
                families::revoke(db, code.family_id, &redemption.reused(&code)).await?;
                return Ok(Redeemed::Refused("the code was redeemed before"));
            }
            families::make_room(code.user_id, &code.client_id).later(db);
            sql!(LOCK, digest).lock(db).await?;
            sql!(LOCK_CONSENT, code.user_id.to_string(), code.client_id.as_str()).lock(db).await?;
            let now = clock.now();
            let (family, user) = match decide(db, &code, &worth, default_role.as_ref(), now).await? {
                Ok(granted) => granted,
                Err(refused) => return Ok(refused),
            };
            sql!(REDEEM, digest, now).once().later(db);
            families::begin(db, &family, worth.granting.token.as_ref(), now);
            if family.scope.contains(&OPENID) {
                sql!(TELL, code.session_id.to_string(), code.client_id.as_str()).later(db);
            }
            Ok(Redeemed::Live { family, user, target: worth.target, nonce: code.nonce })
        })
        .await
    }
}
