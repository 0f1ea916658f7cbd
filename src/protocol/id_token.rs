//! The claims of an ID token ([OpenID Connect Core §2]).
//!
//! [OpenID Connect Core §2]: https://openid.net/specs/openid-connect-core-1_0.html#IDToken

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value};

/// What an ID token says.
#[derive(Clone, Debug, Serialize)]
pub struct IdClaims {
    /// The issuer.
    pub iss: String,
    /// The user, as this client knows them.
    pub sub: String,
    /// The client; one.
    pub aud: String,
    /// When it expires.
    pub exp: i64,
    /// When it was issued.
    pub iat: i64,
    /// When the user proved who they are.
    pub auth_time: i64,
    /// The `nonce` of the request, byte for byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// How strongly the user proved who they are.
    pub acr: &'static str,
    /// By which means.
    pub amr: Vec<&'static str>,
    /// The hash of the access token that it came with.
    pub at_hash: String,
    /// The session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// What the request asked for by name (§5.5).
    #[serde(flatten)]
    pub requested: Map<String, Value>,
}

/// The `at_hash` of an access token, for a signature with SHA-256 ([OpenID Connect Core §3.1.3.6]).
///
/// [OpenID Connect Core §3.1.3.6]: https://openid.net/specs/openid-connect-core-1_0.html#CodeIDToken
pub fn at_hash(access_token: &str) -> String {
    URL_SAFE_NO_PAD.encode(&digest(&SHA256, access_token.as_bytes()).as_ref()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OpenID Connect Core appendix A.3.
    #[test]
    fn the_hash_of_the_standard_s_example_is_right() {
        assert_eq!(at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"), "77QmUPtjPfzWtF2AnpK9RQ");
    }
}
