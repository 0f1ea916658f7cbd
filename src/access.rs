//! Checking access tokens that come back to us ([RFC 9068 §4], [RFC 8725]).
//!
//! Only what [`issue`] signs is believed: RS256, a key of our own ring, `typ` `at+jwt`, and a
//! header of exactly three members, so that a key or an algorithm brought along is refused before it is read.
//!
//! [RFC 9068 §4]: https://www.rfc-editor.org/rfc/rfc9068#section-4
//! [RFC 8725]: https://www.rfc-editor.org/rfc/rfc8725

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Validation};
use serde::Deserialize;

use crate::app::App;
use crate::issue;
use crate::model::{FamilyId, UserId};
use crate::protocol::{AccessClaims, BoxError, ClientId, Error, Scope, ScopeToken};
use crate::store::{LiveUser, Standing};

/// Seconds by which clocks may differ.
pub const SKEW: i64 = 30;

/// The longest `kid` that is looked up, in characters.
const KID_CHARACTERS: usize = 64;

/// An access token that was signed here, for which nothing is known yet of revocation.
#[derive(Clone, Debug)]
pub struct Access {
    /// What it says.
    pub claims: AccessClaims,
    /// The client it was issued to.
    pub client_id: ClientId,
    /// The user it acts for.
    pub user_id: Option<UserId>,
    /// Its scope.
    pub scope: Scope,
    /// The family it came from.
    pub family: Option<FamilyId>,
}

/// Every member that a header of ours has, and no other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    typ: String,
    alg: String,
    kid: String,
}

/// Checks form, signature, issuer and times of `token`.
pub fn verify(app: &App, token: &str) -> Result<Access, Error> {
    let header = token.split('.').next().unwrap_or_default();
    let header = URL_SAFE_NO_PAD.decode(header).map_err(refused)?;
    let header: Header = serde_json::from_slice(&header).map_err(refused)?;
    if header.typ != "at+jwt" || header.alg != "RS256" || header.kid.len() > KID_CHARACTERS {
        return Err(refused("the header is not one of ours"));
    }
    let ring = app.keys.current();
    let key = ring.verifier(&header.kid).ok_or_else(|| refused("the key is not one of ours"))?;

    let mut validation = Validation::new(Algorithm::RS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let claims = jsonwebtoken::decode::<AccessClaims>(token, key, &validation).map_err(refused)?.claims;

    let now = app.clock.now();
    if claims.iss != app.issuer().as_str() {
        return Err(refused("the token is another issuer's"));
    }
    if claims.exp.saturating_add(SKEW) <= now {
        return Err(refused("the token has expired"));
    }
    if claims.iat > now.saturating_add(SKEW) {
        return Err(refused("the token is from the future"));
    }
    let client_id = claims.client_id.parse::<ClientId>().map_err(refused)?;
    let user_id =
        if claims.sub == claims.client_id { None } else { Some(claims.sub.parse().map_err(refused)?) };
    let scope = claims.scope.parse().map_err(refused)?;
    let family = issue::family_of(&claims.jti);
    Ok(Access { client_id, user_id, scope, family, claims })
}

/// The one refusal of an access token, whatever its cause.
pub fn refused(cause: impl Into<BoxError>) -> Error {
    Error::invalid_token("the access token is malformed, expired or revoked").because(cause)
}

impl Access {
    /// How the token stands: revoked, or its client or user gone.
    pub async fn standing(&self, app: &App) -> Result<Standing, Error> {
        Ok(app.store.standing(&self.claims.jti, self.family, &self.client_id, self.user_id).await?)
    }

    /// Demands `token` of the scope ([RFC 6750 §3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)).
    pub fn require(&self, token: ScopeToken) -> Result<(), Error> {
        if self.scope.contains(&token) { Ok(()) } else { Err(Error::insufficient_scope(token.into())) }
    }

    /// The user it acts for, whatever API it is for: `profile` is the user's word that its holder may read their
    /// profile here, so `aud` says nothing about it. Refused when it or they have been stopped meanwhile.
    pub async fn user(&self, app: &App) -> Result<LiveUser, Error> {
        let user_id = self.user_id.ok_or_else(|| refused("the token acts for no user"))?;
        if !self.standing(app).await?.is_good() {
            return Err(refused("the token was revoked, or its client or user is gone or disabled"));
        }
        let default_role = app.config().users.default_role.clone();
        let user = app.store.live_user(user_id, default_role.as_ref()).await?;
        user.ok_or_else(|| refused("the user is gone or disabled"))
    }
}
