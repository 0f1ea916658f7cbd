//! Users and their roles.

use super::db::Db;
use super::sql::{FromRow, Row, sql};
use super::{Error, Store, audit};
use crate::model::{Audit, ClaimChanges, ClaimError, Role, User, UserId};
use crate::protocol::{RoleName, Username};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, username, email, full_name, claims, generation, created_at, ",
            "coalesce(updated_at, created_at) AS updated_at, disabled_at FROM users ",
            $rest
        )
    };
}

/// Proof that a user is there and enabled; only this file makes one.
#[derive(Clone, Debug)]
pub struct LiveUser {
    user: Box<User>,
    roles: Vec<Role>,
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

impl FromRow for User {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.parse("id")?,
            username: row.parse("username")?,
            email: row.maybe_text("email")?,
            full_name: row.maybe_text("full_name")?,
            claims: row.parse("claims")?,
            roles: Vec::new(),
            generation: row.integer("generation")?,
            created_at: row.integer("created_at")?,
            updated_at: row.integer("updated_at")?,
            disabled_at: row.maybe_integer("disabled_at")?,
        })
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

/// The roles of `user`.
async fn roles(db: &mut Db, user: UserId) -> Result<Vec<Role>, Error> {
    const SQL: &str = "SELECT r.name, r.scope FROM roles r JOIN user_roles ur ON ur.role = r.name
                       WHERE ur.user_id = $1 ORDER BY r.name";
    sql!(SQL, user.to_string()).all(db).await
}

/// The user `id`, if enabled and of `generation`; without roles of their own they have `default_role`.
pub(super) async fn live(
    db: &mut Db,
    id: UserId,
    generation: Option<i64>,
    default_role: Option<&RoleName>,
) -> Result<Option<LiveUser>, Error> {
    let found =
        sql!(select!("WHERE id = $1 AND disabled_at IS NULL"), id.to_string()).optional::<User>(db).await?;
    let Some(mut user) =
        found.filter(|user| generation.is_none_or(|generation| user.generation == generation))
    else {
        return Ok(None);
    };
    let mut roles = roles(db, id).await?;
    if let (true, Some(default)) = (roles.is_empty(), default_role) {
        roles = sql!("SELECT name, scope FROM roles WHERE name = $1", default.as_str()).all(db).await?;
    }
    user.roles = roles.iter().map(|role| role.name.clone()).collect();
    Ok(Some(LiveUser { user: Box::new(user), roles }))
}

/// Keeps the user's roles from being changed by another transaction meanwhile.
const LOCK: &str = "SELECT 1 FROM users WHERE id = $1 FOR UPDATE";

impl Store {
    /// The user called `username`, whatever their state.
    pub async fn user(&self, username: &Username) -> Result<Option<User>, Error> {
        let mut db = self.reader().await?;
        match sql!(select!("WHERE username = $1"), username.as_str()).optional::<User>(&mut db).await? {
            Some(user) => with_roles(&mut db, user).await.map(Some),
            None => Ok(None),
        }
    }

    /// The user `id`, whatever their state.
    pub async fn user_by_id(&self, id: UserId) -> Result<Option<User>, Error> {
        let mut db = self.reader().await?;
        match sql!(select!("WHERE id = $1"), id.to_string()).optional::<User>(&mut db).await? {
            Some(user) => with_roles(&mut db, user).await.map(Some),
            None => Ok(None),
        }
    }

    /// All users.
    pub async fn users(&self) -> Result<Vec<User>, Error> {
        let mut db = self.reader().await?;
        let mut users = Vec::new();
        for user in sql!(select!("ORDER BY username")).all::<User>(&mut db).await? {
            users.push(with_roles(&mut db, user).await?);
        }
        Ok(users)
    }

    /// Names of users, a thousand at most, that begin as `username` does.
    pub async fn usernames_like(&self, username: &Username) -> Result<Vec<Username>, Error> {
        const SQL: &str =
            "SELECT username FROM users WHERE substr(username, 1, 1) = substr($1, 1, 1) LIMIT 1000";
        let mut db = self.reader().await?;
        let found = sql!(SQL, username.as_str()).all::<Name>(&mut db).await?;
        Ok(found.into_iter().map(|Name(name)| name).collect())
    }

    /// The user `id`, if enabled.
    pub async fn live_user(
        &self,
        id: UserId,
        default_role: Option<&RoleName>,
    ) -> Result<Option<LiveUser>, Error> {
        live(&mut self.reader().await?, id, None, default_role).await
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
            let Some(user) = sql!(select!("WHERE id = $1"), id.to_string()).optional::<User>(db).await?
            else {
                return Ok(None);
            };
            let changed = match changes.of(&with_roles(db, user).await?, entry.at) {
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

async fn with_roles(db: &mut Db, mut user: User) -> Result<User, Error> {
    user.roles = roles(db, user.id).await?.into_iter().map(|role| role.name).collect();
    Ok(user)
}

async fn insert_roles(db: &mut Db, user: UserId, roles: &[RoleName]) -> Result<(), Error> {
    const SQL: &str =
        "INSERT INTO user_roles (user_id, role) VALUES ($1, $2) ON CONFLICT (user_id, role) DO NOTHING";
    for role in roles {
        sql!(SQL, user.to_string(), role.as_str()).run(db).await?;
    }
    Ok(())
}
