//! The claims of an access token ([RFC 9068 §2.2]).
//!
//! [RFC 9068 §2.2]: https://www.rfc-editor.org/rfc/rfc9068#section-2.2

use serde::{Deserialize, Serialize};

/// What an access token says. Reading refuses a missing, doubled or wrongly typed claim.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccessClaims {
    /// The issuer.
    pub iss: String,
    /// The user's id, or the client's where no user is involved.
    pub sub: String,
    /// The API; one.
    pub aud: String,
    /// When it expires.
    pub exp: i64,
    /// When it was issued.
    pub iat: i64,
    /// Its own id; for a token of a family, the family's id, `.` and chance.
    pub jti: String,
    /// The client it was issued to.
    pub client_id: String,
    /// The scope, separated by one space.
    pub scope: String,
    /// When the user proved who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// The user's roles that mean something to the API (§2.2.3.1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
}

impl AccessClaims {
    /// Whether the token is for the API `audience`, compared as written
    /// ([RFC 9068 §4](https://www.rfc-editor.org/rfc/rfc9068#section-4)).
    pub fn is_for(&self, audience: &str) -> bool {
        self.aud == audience
    }
}

/// What an ID token of ours that comes back as `id_token_hint` says of whom it is about.
#[derive(Clone, Debug, Deserialize)]
pub struct IdTokenHint {
    /// The issuer.
    pub iss: String,
    /// The user, as its client knows them.
    pub sub: String,
    /// The client; one.
    pub aud: String,
    /// The session.
    pub sid: Option<String>,
}
