//! Signing in: what a password is checked against, how failures are counted, and what a success gives.

use super::families::{self, Granting};
use super::sql::{FromRow, Row, sql};
use super::users::{self, LiveUser};
use super::{Error, Store, audit, clients};
use crate::model::{Audit, Family, Narrowing, UserId};
use crate::protocol::{ClientId, RoleName, Scope, Username};

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

/// A sign-in whose password was right.
pub struct SignIn {
    /// What it was checked against.
    pub credentials: Credentials,
    /// The client, and its generation when it was authenticated.
    pub client: (ClientId, i64),
    /// What bounds the scope.
    pub narrowing: Narrowing,
    /// The account, as [`Store::failures`] knows it.
    pub account: String,
    /// The network it came from, as a keyed hash.
    pub prefix: String,
    /// The family to begin.
    pub granting: Granting,
    /// The entry for the audit trail.
    pub entry: Audit,
}

/// What a sign-in gave.
pub struct SignedIn {
    /// The user.
    pub user: LiveUser,
    /// The scope, which may be empty: nothing was granted then.
    pub scope: Scope,
    /// The family; none when nothing was granted.
    pub family: Option<Family>,
    /// When it happened.
    pub auth_time: i64,
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

    /// Completes a sign-in; `None` when the user or the client has been disabled or changed meanwhile.
    pub async fn sign_in(
        &self,
        sign_in: SignIn,
        default_role: Option<RoleName>,
    ) -> Result<Option<SignedIn>, Error> {
        // User and client stay as they are until this is written.
        const LOCK: &str = "SELECT 1 FROM users u, clients c WHERE u.id = $1 AND c.id = $2 FOR SHARE";
        const FORGET: &str = "DELETE FROM login_failures WHERE account = $1";
        const KNOW: &str = "INSERT INTO known_prefixes (user_id, prefix, seen_at) VALUES ($1, $2, $3)
                            ON CONFLICT (user_id, prefix) DO UPDATE SET seen_at = excluded.seen_at";
        self.write(async move |db| {
            let SignIn { credentials, client: (client, client_generation), entry, .. } = &sign_in;
            let (id, now) = (credentials.user_id, entry.at);
            sql!(LOCK, id.to_string(), client.as_str()).lock(db).await?;
            let user = users::live(db, id, Some(credentials.generation), default_role.as_ref()).await?;
            let client_is_live = clients::is_live(db, client, *client_generation).await?;
            let Some(user) = user.filter(|_| client_is_live) else { return Ok(None) };

            sql!(FORGET, &sign_in.account).run(db).await?;
            sql!(KNOW, id.to_string(), &sign_in.prefix, now).run(db).await?;
            audit::insert(db, entry).await?;

            let scope = sign_in.narrowing.for_user(user.roles());
            let family = if scope.is_empty() {
                None
            } else {
                let granting = &sign_in.granting;
                let family = granting.family(client, *client_generation, &user, scope.clone(), now);
                families::begin(db, &family, granting, now).await?;
                Some(family)
            };
            Ok(Some(SignedIn { user, scope, family, auth_time: now }))
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
