//! An API: a resource server, the audience of the tokens that are made for it.

use std::collections::BTreeMap;

use crate::protocol::{ApiUri, Scope, ScopeToken};

/// An API and the scopes that it knows.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Api {
    /// The `aud` of its tokens.
    pub uri: ApiUri,
    /// Its scopes, each with what it allows in a person's words.
    pub scopes: BTreeMap<ScopeToken, Option<String>>,
    /// Seconds that its access tokens live, where it differs from the server's default.
    pub access_token_lifetime: Option<i64>,
    /// When it was marked as one for tests, for which `check-api` mints bad tokens; `None` for all others.
    pub test_since: Option<i64>,
    /// When it was added.
    pub created_at: i64,
}

/// What an API says of its access tokens.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The scope that the API knows.
    pub scope: Scope,
    /// Seconds that its access tokens live, where it differs from the server's default.
    pub access_token_lifetime: Option<i64>,
}

impl Api {
    /// The scopes as a set.
    pub fn scope(&self) -> Scope {
        self.scopes.keys().cloned().collect()
    }

    /// What it says of its access tokens.
    pub fn terms(&self) -> Terms {
        Terms { scope: self.scope(), access_token_lifetime: self.access_token_lifetime }
    }
}
