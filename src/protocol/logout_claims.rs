//! The claims of a logout token ([OpenID Connect Back-Channel Logout §2.4]).
//!
//! There is no `nonce`: what has one can only be an ID token.
//!
//! [OpenID Connect Back-Channel Logout §2.4]: https://openid.net/specs/openid-connect-backchannel-1_0.html#LogoutToken

use serde::Serialize;
use serde_json::{Value, json};

/// What a logout token says.
#[derive(Clone, Debug, Serialize)]
pub struct LogoutClaims {
    /// The issuer.
    pub iss: String,
    /// The user, as the client knows them.
    pub sub: String,
    /// The client.
    pub aud: String,
    /// When it was signed.
    pub iat: i64,
    /// When it expires.
    pub exp: i64,
    /// Its own id.
    pub jti: String,
    /// What happened: [`LogoutClaims::logout`].
    pub events: Value,
    /// The session that is over.
    pub sid: String,
}

impl LogoutClaims {
    /// The one event of a logout token, which has no members.
    pub fn logout() -> Value {
        json!({ "http://schemas.openid.net/event/backchannel-logout": {} })
    }
}
