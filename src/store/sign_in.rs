//! Signing in: what a password is checked against, how failures are counted, and what a success gives.

use super::db::Db;
use super::families::{self, Granting};
use super::sql::{FromRow, Row, sql};
use super::users::{self, LiveUser};
use super::{Error, Store, audit, clients};
use crate::model::{Audit, Authentication, Family, Narrowing, UserId};
use crate::protocol::{ClientId, RoleName, Username};

/// What a sign-in by password is checked against.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The user.
    pub user_id: UserId,
    /// The user's generation now; the sign-in counts only if it is still the same afterwards.
    pub generation: i64,
    /// The sealed password hash.
    pub password_hash: Option<String>,
    /// Whether the user was disabled, so that no password is right.
    pub is_disabled: bool,
}

impl FromRow for Credentials {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            user_id: row.parse("id")?,
            generation: row.integer("generation")?,
            password_hash: row.maybe_text("password_hash")?,
            is_disabled: row.maybe_integer("disabled_at")?.is_some(),
        })
    }
}

/// A password that was right, and is still to be taken.
pub struct SignIn {
    /// What it was checked against.
    pub credentials: Credentials,
    /// The account, as [`Store::failures`] knows it.
    pub account: String,
    /// The network it came from, as a keyed hash.
    pub prefix: String,
    /// The entry for the audit trail.
    pub entry: Audit,
}

impl SignIn {
    /// Takes the password: forgets failures, remembers the network. `None` when the user is disabled, or no longer as
    /// `credentials` say. The caller has locked the user.
    pub(super) async fn take(
        &self,
        db: &mut Db,
        credentials: &Credentials,
        default_role: Option<&RoleName>,
    ) -> Result<Option<LiveUser>, Error> {
        const FORGET: &str = "DELETE FROM login_failures WHERE account = $1";
        const KNOW: &str = "INSERT INTO known_prefixes (user_id, prefix, seen_at) VALUES ($1, $2, $3)
                            ON CONFLICT (user_id, prefix) DO UPDATE SET seen_at = excluded.seen_at";
        let Credentials { user_id: id, generation, .. } = *credentials;
        let Some(user) = users::live(db, id, generation, default_role).await? else { return Ok(None) };
        sql!(FORGET, &self.account).run(db).await?;
        sql!(KNOW, id.to_string(), &self.prefix, self.entry.at).run(db).await?;
        audit::insert(db, &self.entry).await?;
        Ok(Some(user))
    }
}

/// What a client asks for with a password that a user entrusted to it.
pub struct PasswordGrant {
    /// The client, and its generation when it was authenticated.
    pub client: (ClientId, i64),
    /// What bounds the scope.
    pub narrowing: Narrowing,
    /// The family to begin.
    pub granting: Granting,
}

/// What a sign-in through a client gave.
pub struct SignedIn {
    /// The user.
    pub user: LiveUser,
    /// The family; none when nothing of the scope could be granted.
    pub family: Option<Family>,
}

struct Failures(i64, i64);

impl FromRow for Failures {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self(row.integer("failures")?, row.integer("last_failed_at")?))
    }
}

impl Store {
    /// What the password of `username` is checked against; `None` when nobody has that name.
    pub async fn credentials(&self, username: &Username) -> Result<Option<Credentials>, Error> {
        const SQL: &str = "SELECT id, generation, password_hash, disabled_at FROM users WHERE username = $1";
        let mut db = self.reader().await?;
        sql!(SQL, username.as_str()).optional(&mut db).await
    }

    /// How often signing in to `account` has failed since it last succeeded, and when it last did.
    pub async fn failures(&self, account: &str) -> Result<(i64, i64), Error> {
        const SQL: &str = "SELECT failures, last_failed_at FROM login_failures WHERE account = $1";
        let mut db = self.reader().await?;
        let found = sql!(SQL, account).optional::<Failures>(&mut db).await?;
        Ok(found.map_or((0, 0), |Failures(count, last)| (count, last)))
    }

    /// Whether `user` has lately signed in from the network `prefix`.
    pub async fn knows_prefix(&self, user: UserId, prefix: &str) -> Result<bool, Error> {
        const SQL: &str = "SELECT 1 FROM known_prefixes WHERE user_id = $1 AND prefix = $2";
        let mut db = self.reader().await?;
        sql!(SQL, user.to_string(), prefix).exists(&mut db).await
    }

    /// Counts a failed sign-in. Of names that nobody has, only the count is kept.
    pub async fn sign_in_failed(
        &self,
        account: String,
        user: Option<UserId>,
        entry: Audit,
    ) -> Result<(), Error> {
        const SQL: &str = "INSERT INTO login_failures (account, user_id, failures, last_failed_at)
            VALUES ($1, $2, 1, $3)
            ON CONFLICT (account) DO UPDATE SET failures = login_failures.failures + 1, last_failed_at = $3";
        self.write(async move |db| {
            sql!(SQL, &account, user.map(|id| id.to_string()), entry.at).run(db).await?;
            if user.is_some() {
                audit::insert(db, &entry).await?;
            }
            Ok(())
        })
        .await
    }

    /// Completes a sign-in through a client; `None` when the user or the client has been disabled or changed
    /// meanwhile.
    pub async fn sign_in(
        &self,
        sign_in: SignIn,
        grant: PasswordGrant,
        default_role: Option<RoleName>,
    ) -> Result<Option<SignedIn>, Error> {
        // User and client stay as they are until this is written.
        const LOCK: &str = "SELECT 1 FROM users u, clients c WHERE u.id = $1 AND c.id = $2 FOR SHARE";
        self.write(async move |db| {
            let PasswordGrant { client: (client, client_generation), narrowing, granting } = &grant;
            families::make_room(sign_in.credentials.user_id, client).later(db);
            sql!(LOCK, sign_in.credentials.user_id.to_string(), client.as_str()).lock(db).await?;
            if !clients::live(client, *client_generation).exists(db).await? {
                return Ok(None);
            }
            let Some(user) = sign_in.take(db, &sign_in.credentials, default_role.as_ref()).await? else {
                return Ok(None);
            };

            let (scope, now) = (narrowing.for_user(user.roles()), sign_in.entry.at);
            if scope.is_empty() {
                return Ok(Some(SignedIn { user, family: None }));
            }
            let family = Family {
                id: granting.id,
                client_id: client.clone(),
                client_generation: *client_generation,
                user_id: user.id,
                user_generation: user.generation,
                api: granting.api.clone(),
                scope,
                authentication: Authentication::by_password(now),
                session_id: None,
                is_offline: false,
                claims: None,
                expires_at: granting.expires_at,
                revoked_at: None,
            };
            families::begin(db, &family, granting.token.as_ref(), now);
            Ok(Some(SignedIn { user, family: Some(family) }))
        })
        .await
    }

    /// Keeps a stronger hash of the same password, sealed, unless the user has changed since `generation`.
    pub async fn rehash(&self, id: UserId, generation: i64, hash: String) -> Result<(), Error> {
        const SQL: &str = "UPDATE users SET password_hash = $3 WHERE id = $1 AND generation = $2";
        self.write(async move |db| sql!(SQL, id.to_string(), generation, &hash).run(db).await)
            .await
            .map(|_| ())
    }
}
