//! A role: a named set of scopes that a user may be given.

use crate::protocol::{RoleName, Scope};

/// A role and what it allows.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Role {
    /// Its name, as it stands in the `roles` claim.
    pub name: RoleName,
    /// What a user with this role may be granted.
    pub scope: Scope,
}
