//! Checking what was signed here: access tokens ([RFC 9068 §4], [RFC 8725]), and ID tokens that come back as hints.
//!
//! Only what claviger signs is believed: RS256, a key that is known already, the `typ` that is asked for, and a header of
//! exactly three members, so that a key or an algorithm brought along is refused before it is read.
//!
//! [RFC 9068 §4]: https://www.rfc-editor.org/rfc/rfc9068#section-4
//! [RFC 8725]: https://www.rfc-editor.org/rfc/rfc8725

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::protocol::{AccessClaims, BoxError, IdTokenHint};

/// Seconds by which clocks may differ.
pub const SKEW: i64 = 30;

/// The longest `kid` that is looked up, in characters.
const KID_CHARACTERS: usize = 64;

/// Why a token is not believed, for the log and for the operator.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Its header is not one of ours: it cannot be read, or has a member too many, doubled or too few.
    #[error("its header is not one of ours: {0}")]
    Header(BoxError),
    /// Its `typ` is of another kind of token.
    #[error("its `typ` is `{0}`")]
    Typ(String),
    /// Its `alg` is not what we sign by.
    #[error("its `alg` is `{0}`")]
    Algorithm(String),
    /// Its `kid` is no key that is published.
    #[error("its key is not one of ours")]
    Key(String),
    /// Its signature is not that key's.
    #[error("its signature is not right")]
    Signature,
    /// Its claims cannot be read: one is missing, doubled or of a wrong type.
    #[error("its claims are not right: {0}")]
    Claims(BoxError),
    /// Its `iss` is not this issuer.
    #[error("it is another issuer's")]
    Issuer,
    /// It has expired.
    #[error("it has expired")]
    Expired,
    /// It was issued later than now.
    #[error("it is from the future")]
    Future,
}

impl Refused {
    /// Claims that cannot be read.
    pub fn claims(cause: impl Into<BoxError>) -> Self {
        Self::Claims(cause.into())
    }

    /// Whether one of our keys has signed it all the same.
    pub fn is_signed_here(&self) -> bool {
        match self {
            Self::Header(_) | Self::Typ(_) | Self::Algorithm(_) | Self::Key(_) | Self::Signature => false,
            // The claims are read after the signature was found right.
            Self::Claims(_) | Self::Issuer | Self::Expired | Self::Future => true,
        }
    }
}

/// Every member that a header of ours has, and no other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    typ: String,
    alg: String,
    kid: String,
}

/// The claims of an access token, and the one that is honoured although we never issue it.
#[derive(Deserialize)]
pub struct Received {
    /// What it says otherwise.
    #[serde(flatten)]
    pub claims: AccessClaims,
    nbf: Option<i64>,
}

/// What `token` says at `now`, if `issuer` signed it with the key that `key` finds by its `kid`. Whether the audience
/// and the scope are right is for the caller to say.
pub fn access_token<'k>(
    token: &str,
    issuer: &str,
    now: i64,
    key: impl FnOnce(&str) -> Option<&'k DecodingKey>,
) -> Result<AccessClaims, Refused> {
    let received = received(token, key)?;
    received.check(issuer, now)?;
    Ok(received.claims)
}

/// What `token` says, if it was signed with the key that `key` finds by its `kid`; it is still to be
/// [checked](Received::check).
pub fn received<'k>(
    token: &str,
    key: impl FnOnce(&str) -> Option<&'k DecodingKey>,
) -> Result<Received, Refused> {
    signed(token, "at+jwt", key)
}

impl Received {
    /// Refuses what another issuer says, and what does not hold at `now`.
    pub fn check(&self, issuer: &str, now: i64) -> Result<(), Refused> {
        let Self { claims, nbf } = self;
        if claims.iss != issuer {
            return Err(Refused::Issuer);
        }
        if claims.exp.saturating_add(SKEW) <= now {
            return Err(Refused::Expired);
        }
        if nbf.unwrap_or(claims.iat).max(claims.iat) > now.saturating_add(SKEW) {
            return Err(Refused::Future);
        }
        Ok(())
    }
}

/// What the ID token `token` says of whom it is about, if `issuer` signed it with the key that `key` finds. One that has
/// expired is as good as ever for that
/// ([OpenID Connect RP-Initiated Logout §2](https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout)).
pub fn id_token_hint<'k>(
    token: &str,
    issuer: &str,
    key: impl FnOnce(&str) -> Option<&'k DecodingKey>,
) -> Result<IdTokenHint, Refused> {
    let claims: IdTokenHint = signed(token, "JWT", key)?;
    if claims.iss == issuer { Ok(claims) } else { Err(Refused::Issuer) }
}

/// The claims of `token`, whose header and signature are right. Its times are the caller's matter.
fn signed<'k, C: DeserializeOwned>(
    token: &str,
    typ: &str,
    key: impl FnOnce(&str) -> Option<&'k DecodingKey>,
) -> Result<C, Refused> {
    let Header { typ: found, alg, kid } = header(token).map_err(Refused::Header)?;
    if alg != "RS256" {
        return Err(Refused::Algorithm(alg));
    }
    if found != typ {
        return Err(Refused::Typ(found));
    }
    if kid.len() > KID_CHARACTERS {
        return Err(Refused::Key(kid));
    }
    let Some(key) = key(&kid) else { return Err(Refused::Key(kid)) };

    let mut validation = Validation::new(Algorithm::RS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    match jsonwebtoken::decode(token, key, &validation) {
        Ok(token) => Ok(token.claims),
        Err(error) if matches!(error.kind(), ErrorKind::Json(_) | ErrorKind::Utf8(_)) => {
            Err(Refused::claims(error))
        }
        Err(_) => Err(Refused::Signature),
    }
}

fn header(token: &str) -> Result<Header, BoxError> {
    let header = token.split('.').next().unwrap_or_default();
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header)?)?)
}
