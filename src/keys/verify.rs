//! Checking what was signed here: access tokens ([RFC 9068 §4], [RFC 8725]), and ID tokens that come back as hints.
//!
//! Only what claviger signs is believed: RS256, a key that is known already, the `typ` that is asked for, and a header of
//! exactly three members, so that a key or an algorithm brought along is refused before it is read.
//!
//! [RFC 9068 §4]: https://www.rfc-editor.org/rfc/rfc9068#section-4
//! [RFC 8725]: https://www.rfc-editor.org/rfc/rfc8725

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::protocol::{AccessClaims, BoxError, IdTokenHint};

/// Seconds by which clocks may differ.
pub const SKEW: i64 = 30;

/// The longest `kid` that is looked up, in characters.
const KID_CHARACTERS: usize = 64;

/// Every member that a header of ours has, and no other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    typ: String,
    alg: String,
    kid: String,
}

/// What `token` says at `now`, if `issuer` signed it with the key that `key` finds by its `kid`. Whether the audience
/// and the scope are right is for the caller to say; an error is for the log.
pub fn access_token<'k>(
    token: &str,
    issuer: &str,
    now: i64,
    key: impl FnOnce(&str) -> Option<&'k DecodingKey>,
) -> Result<AccessClaims, BoxError> {
    let claims: AccessClaims = signed(token, "at+jwt", key)?;
    if claims.iss != issuer {
        return Err("the token is another issuer's".into());
    }
    if claims.exp.saturating_add(SKEW) <= now {
        return Err("the token has expired".into());
    }
    if claims.iat > now.saturating_add(SKEW) {
        return Err("the token is from the future".into());
    }
    Ok(claims)
}

/// What the ID token `token` says of whom it is about, if `issuer` signed it with the key that `key` finds. One that has
/// expired is as good as ever for that
/// ([OpenID Connect RP-Initiated Logout §2](https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout)).
pub fn id_token_hint<'k>(
    token: &str,
    issuer: &str,
    key: impl FnOnce(&str) -> Option<&'k DecodingKey>,
) -> Result<IdTokenHint, BoxError> {
    let claims: IdTokenHint = signed(token, "JWT", key)?;
    if claims.iss == issuer { Ok(claims) } else { Err("the ID token is another issuer's".into()) }
}

/// The claims of `token`, whose header and signature are right. Its times are the caller's matter.
fn signed<'k, C: DeserializeOwned>(
    token: &str,
    typ: &str,
    key: impl FnOnce(&str) -> Option<&'k DecodingKey>,
) -> Result<C, BoxError> {
    let header = token.split('.').next().unwrap_or_default();
    let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header)?)?;
    if header.typ != typ || header.alg != "RS256" || header.kid.len() > KID_CHARACTERS {
        return Err("the header is not one of ours".into());
    }
    let key = key(&header.kid).ok_or("the key is not one of ours")?;

    let mut validation = Validation::new(Algorithm::RS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    Ok(jsonwebtoken::decode(token, key, &validation)?.claims)
}
