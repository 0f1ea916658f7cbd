//! A user: a person who signs in.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use super::StandardClaims;
use crate::protocol::{RoleName, Username};

/// A user's id, the `sub` of their tokens: a UUID, which no client id can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub struct UserId(pub Uuid);

impl FromStr for UserId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        Uuid::try_parse(text).map(Self)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// A user, without the password.
#[derive(Clone, Debug, serde::Serialize)]
pub struct User {
    /// The id, which never changes.
    pub id: UserId,
    /// The name that the user signs in with.
    pub username: Username,
    /// The e-mail address (the claim `email`).
    pub email: Option<String>,
    /// The name that people know the user by (the claim `name`).
    pub full_name: Option<String>,
    /// The other standard claims.
    pub claims: StandardClaims,
    /// The roles, by name.
    pub roles: Vec<RoleName>,
    /// Grows when the password changes or the user is disabled; what was granted before stays dead.
    pub generation: i64,
    /// When the user was added.
    pub created_at: i64,
    /// When the user's claims were changed last; at first, when the user was added.
    pub updated_at: i64,
    /// When the user was disabled; `None` while they may sign in.
    pub disabled_at: Option<i64>,
}
