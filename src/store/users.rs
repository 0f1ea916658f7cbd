//! Users and their roles.

use std::str::FromStr;
use std::sync::Arc;

use super::db::Db;
use super::sql::{FromRow, Row, Sql, sql};
use super::{Error, Store, audit};
use crate::model::{Audit, ClaimChanges, ClaimError, Role, User, UserId};
use crate::protocol::{self, RoleName, Username};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT u.id AS user_id, u.username, u.email, u.full_name, u.claims AS user_claims, ",
            "u.generation AS user_generation, u.created_at, coalesce(u.updated_at, u.created_at) AS updated_at, ",
            "u.disabled_at, (SELECT string_agg(r.name || ' ' || r.scope, '\n') FROM user_roles ur ",
            "JOIN roles r ON r.name = ur.role WHERE ur.user_id = u.id) AS roles FROM users u ",
            $rest
        )
    };
}

/// Proof that a user is there and enabled; only this file makes one.
#[derive(Clone, Debug)]
pub struct LiveUser {
    user: Arc<User>,
    roles: Arc<[Role]>,
}

impl LiveUser {
    /// The user's roles with what they allow.
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }
}

impl std::ops::Deref for LiveUser {
    type Target = User;

    fn deref(&self) -> &User {
        &self.user
    }
}

/// A user with what their roles allow, whatever their state.
pub(super) struct Stored {
    user: User,
    roles: Vec<Role>,
}

impl Stored {
    /// The user, if enabled and of `generation`; without roles of their own they have `default_role`.
    pub(super) async fn of(
        self,
        generation: i64,
        db: &mut Db,
        default_role: Option<&RoleName>,
    ) -> Result<Option<LiveUser>, Error> {
        if self.user.generation == generation { self.live(db, default_role).await } else { Ok(None) }
    }

    /// The user, if enabled; without roles of their own they have `default_role`.
    pub(super) async fn live(
        self,
        db: &mut Db,
        default_role: Option<&RoleName>,
    ) -> Result<Option<LiveUser>, Error> {
        let Self { mut user, mut roles } = self;
        if user.disabled_at.is_some() {
            return Ok(None);
        }
        if let (true, Some(default)) = (roles.is_empty(), default_role) {
            roles = sql!("SELECT name, scope FROM roles WHERE name = $1", default.as_str()).all(db).await?;
            user.roles = roles.iter().map(|role| role.name.clone()).collect();
        }
        Ok(Some(LiveUser { user: Arc::new(user), roles: roles.into() }))
    }
}

/// In a row of an outer join there may be none.
impl FromRow for Option<Stored> {
    fn from_row(row: &Row) -> Result<Self, Error> {
        row.maybe_text("username")?.map(|_| Stored::from_row(row)).transpose()
    }
}

impl FromRow for Stored {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let mut roles = row.lines::<Role>("roles")?;
        roles.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
        let user = User {
            id: row.parse("user_id")?,
            username: row.parse("username")?,
            email: row.maybe_text("email")?,
            full_name: row.maybe_text("full_name")?,
            claims: row.parse("user_claims")?,
            roles: roles.iter().map(|role| role.name.clone()).collect(),
            generation: row.integer("user_generation")?,
            created_at: row.integer("created_at")?,
            updated_at: row.integer("updated_at")?,
            disabled_at: row.maybe_integer("disabled_at")?,
        };
        Ok(Self { user, roles })
    }
}

/// As the statement writes it: the name, and what it allows.
impl FromStr for Role {
    type Err = protocol::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, scope) = text.split_once(' ').unwrap_or((text, ""));
        Ok(Self { name: name.parse()?, scope: scope.parse()? })
    }
}

struct Name(Username);

impl FromRow for Name {
    fn from_row(row: &Row) -> Result<Self, Error> {
        row.parse("username").map(Self)
    }
}

/// A user to be added.
pub struct NewUser {
    /// The user; its roles must be there.
    pub user: User,
    /// The sealed password hash.
    pub password_hash: String,
}

/// Reads the user `id`, as a [`Stored`].
pub(super) fn by_id(id: UserId) -> Sql {
    sql!(select!("WHERE u.id = $1"), id.to_string())
}

/// The user `id`, if enabled and of `generation`; without roles of their own they have `default_role`.
pub(super) async fn live(
    db: &mut Db,
    id: UserId,
    generation: i64,
    default_role: Option<&RoleName>,
) -> Result<Option<LiveUser>, Error> {
    match by_id(id).optional::<Stored>(db).await? {
        Some(found) => found.of(generation, db, default_role).await,
        None => Ok(None),
    }
}

/// Keeps the user's roles from being changed by another transaction meanwhile.
const LOCK: &str = "SELECT 1 FROM users WHERE id = $1 FOR UPDATE";

impl Store {
    /// The user called `username`, whatever their state.
    pub async fn user(&self, username: &Username) -> Result<Option<User>, Error> {
        let mut db = self.reader().await?;
        let found =
            sql!(select!("WHERE u.username = $1"), username.as_str()).optional::<Stored>(&mut db).await?;
        Ok(found.map(|found| found.user))
    }

    /// The user `id`, whatever their state.
    pub async fn user_by_id(&self, id: UserId) -> Result<Option<User>, Error> {
        let mut db = self.reader().await?;
        Ok(by_id(id).optional::<Stored>(&mut db).await?.map(|found| found.user))
    }

    /// All users.
    pub async fn users(&self) -> Result<Vec<User>, Error> {
        let mut db = self.reader().await?;
        let found = sql!(select!("ORDER BY u.username")).all::<Stored>(&mut db).await?;
        Ok(found.into_iter().map(|found| found.user).collect())
    }

    /// Names of users, a thousand at most, that begin as `username` does.
    pub async fn usernames_like(&self, username: &Username) -> Result<Vec<Username>, Error> {
        const SQL: &str =
            "SELECT username FROM users WHERE substr(username, 1, 1) = substr($1, 1, 1) LIMIT 1000";
        let mut db = self.reader().await?;
        let found = sql!(SQL, username.as_str()).all::<Name>(&mut db).await?;
        Ok(found.into_iter().map(|Name(name)| name).collect())
    }

    /// Adds a user; false when there is one of that name.
    pub async fn add_user(&self, new: NewUser, entry: Audit) -> Result<bool, Error> {
        const SQL: &str =
            "INSERT INTO users (id, username, email, full_name, claims, password_hash, generation, created_at)
                           VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (username) DO NOTHING";
        self.write(async move |db| {
            let NewUser { user, password_hash } = &new;
            let (email, full_name) = (user.email.clone(), user.full_name.clone());
            let id = user.id.to_string();
            let added = sql!(
                SQL,
                id,
                user.username.as_str(),
                email,
                full_name,
                user.claims.to_string(),
                password_hash,
                user.generation,
                user.created_at
            );
            if added.run(db).await? == 0 {
                return Ok(false);
            }
            insert_roles(db, user.id, &user.roles).await?;
            audit::insert(db, &entry).await?;
            Ok(true)
        })
        .await
    }

    /// Gives `user` the roles `add`, which must be there, and takes `remove`; false when the user is not.
    pub async fn change_roles(
        &self,
        id: UserId,
        add: Vec<RoleName>,
        remove: Vec<RoleName>,
        entry: Audit,
    ) -> Result<bool, Error> {
        const TAKE: &str = "DELETE FROM user_roles WHERE user_id = $1 AND role = $2";
        self.write(async move |db| {
            sql!(LOCK, id.to_string()).lock(db).await?;
            if !sql!("SELECT 1 FROM users WHERE id = $1", id.to_string()).exists(db).await? {
                return Ok(false);
            }
            for role in &remove {
                sql!(TAKE, id.to_string(), role.as_str()).run(db).await?;
            }
            insert_roles(db, id, &add).await?;
            audit::insert(db, &entry).await?;
            Ok(true)
        })
        .await
    }

    /// Changes the user's claims, of all that they have when it is done; `None` when there is no such user.
    pub async fn change_claims(
        &self,
        id: UserId,
        changes: ClaimChanges,
        entry: Audit,
    ) -> Result<Option<Result<User, ClaimError>>, Error> {
        const SQL: &str =
            "UPDATE users SET email = $2, full_name = $3, claims = $4, updated_at = $5 WHERE id = $1";
        self.write(async move |db| {
            sql!(LOCK, id.to_string()).lock(db).await?;
            let found = sql!(select!("WHERE u.id = $1"), id.to_string()).optional::<Stored>(db).await?;
            let Some(Stored { user, .. }) = found else { return Ok(None) };
            let changed = match changes.of(&user, entry.at) {
                Ok(changed) => changed,
                Err(refused) => return Ok(Some(Err(refused))),
            };
            let (email, full_name) = (changed.email.clone(), changed.full_name.clone());
            let claims = changed.claims.to_string();
            sql!(SQL, id.to_string(), email, full_name, claims, entry.at).run(db).await?;
            audit::insert(db, &entry).await?;
            Ok(Some(Ok(changed)))
        })
        .await
    }

    /// Lets a user sign in again.
    pub async fn enable_user(&self, id: UserId, entry: Audit) -> Result<bool, Error> {
        const SQL: &str = "UPDATE users SET disabled_at = NULL WHERE id = $1";
        self.change_user(id, entry, async |db, id| sql!(SQL, id.to_string()).run(db).await).await
    }

    pub(super) async fn change_user<F>(&self, id: UserId, entry: Audit, change: F) -> Result<bool, Error>
    where
        F: AsyncFn(&mut Db, UserId) -> Result<u64, Error> + Send + 'static,
    {
        self.write(async move |db| {
            let changed = change(db, id).await? == 1;
            if changed {
                audit::insert(db, &entry).await?;
            }
            Ok(changed)
        })
        .await
    }
}

async fn insert_roles(db: &mut Db, user: UserId, roles: &[RoleName]) -> Result<(), Error> {
    const SQL: &str =
        "INSERT INTO user_roles (user_id, role) VALUES ($1, $2) ON CONFLICT (user_id, role) DO NOTHING";
    for role in roles {
        sql!(SQL, user.to_string(), role.as_str()).run(db).await?;
    }
    Ok(())
}
