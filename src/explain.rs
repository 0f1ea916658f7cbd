//! Explaining a token to an operator: what it is, whether it would be accepted, what it says, and which event ended it.
//!
//! It decides nothing. What is accepted is decided by the code that decides on requests ([`access::read`],
//! [`Store::standing`], [`Presented::verdict`]); the audit trail says what happened; here both are put into words.
//! What comes out goes to whoever administers the database, and has no secret in it: neither the token nor a digest.
//!
//! [`access::read`]: crate::access::read
//! [`Store::standing`]: crate::store::Store::standing
//! [`Presented::verdict`]: crate::model::Presented::verdict

mod access_token;
mod claims;
mod ending;
mod identity_token;
mod jwt;
mod refresh_token;

use serde::Serialize;
use serde_json::Value;

use crate::app;
use crate::clock::moment;
use crate::config::Config;
use crate::keys::ring::KeyRing;
use crate::protocol::{ApiUri, AuthorizationCode, RefreshToken, Scope};
use crate::store;
use crate::vault::Vault;

pub use ending::Ending;
use jwt::Jwt;

/// What else is asked about a token.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Whether this API would accept it.
    pub api: Option<ApiUri>,
    /// Whether it holds this scope.
    pub scope: Scope,
}

/// What a text is, that somebody holds for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An access token, or a JWT that claims to be one.
    AccessToken,
    /// A refresh token.
    RefreshToken,
    /// An ID token.
    IdToken,
    /// A logout token.
    LogoutToken,
    /// An authorization code.
    AuthorizationCode,
    /// A client's secret.
    ClientSecret,
    /// A JWT that another issuer has, or claims to have, signed.
    ForeignToken,
    /// Something else.
    Unknown,
}

/// What there is to say about a token.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// What it is.
    pub kind: Kind,
    /// Whether it would be accepted now, and by the API and with the scope that were asked about.
    pub accepted: bool,
    /// Why, or why not: sentences, of which the first decides.
    pub because: Vec<String>,
    /// The event that ended it.
    pub ended_by: Option<Ending>,
    /// Whether what it says is known to be true: it was signed, or is kept, here.
    pub verified: bool,
    /// What else one should know.
    pub notes: Vec<String>,
    /// What it says.
    pub claims: Vec<Said>,
}

/// One thing that a token says, or that is kept for it.
#[derive(Debug, Serialize)]
pub struct Said {
    /// The claim's name.
    pub claim: String,
    /// Its value.
    pub value: Value,
    /// What that means.
    pub meaning: String,
}

impl Said {
    fn new(claim: impl Into<String>, value: impl Into<Value>, meaning: impl Into<String>) -> Self {
        Self { claim: claim.into(), value: value.into(), meaning: meaning.into() }
    }
}

/// What an explanation works with.
struct Desk<'a> {
    vault: &'a Vault,
    config: &'a Config,
    keys: KeyRing,
    now: i64,
}

/// Explains `token`.
pub async fn explain(
    vault: &Vault,
    config: &Config,
    token: &str,
    question: &Question,
) -> Result<Explanation, store::Error> {
    let stored = vault.store.signing_keys().await?;
    let keys = KeyRing::new(app::policy(config), vault.seal.clone(), stored, vault.clock.read());
    let desk = Desk { vault, config, keys, now: vault.clock.now() };

    if let Some(token) = RefreshToken::parse(token) {
        return refresh_token::explain(&desk, &token, question).await;
    }
    let Some(jwt) = Jwt::read(token) else { return Ok(no_jwt(token)) };
    if jwt.text("iss").is_some_and(|issuer| issuer != config.issuer.as_str()) {
        return access_token::foreign(&desk, &jwt, question).await;
    }
    match jwt.typ() {
        Some("JWT") => identity_token::id_token(&desk, &jwt).await,
        Some("logout+jwt") => Ok(identity_token::logout_token(&desk, &jwt)),
        _ => access_token::explain(&desk, &jwt, question).await,
    }
}

/// What is neither a refresh token nor a JWT.
fn no_jwt(text: &str) -> Explanation {
    let (kind, because) = match text.get(..4) {
        Some("cvr_") => (
            Kind::RefreshToken,
            "it begins like a refresh token of a claviger server, but its checksum is wrong: a part is missing or was changed",
        ),
        Some("cvc_") if AuthorizationCode::parse(text).is_some() => (
            Kind::AuthorizationCode,
            "it is an authorization code, which its client redeems for tokens at the token endpoint, once",
        ),
        Some("cvc_") => (
            Kind::AuthorizationCode,
            "it begins like an authorization code of a claviger server, but its checksum is wrong: a part is missing or was changed",
        ),
        Some("cvs_") => {
            (Kind::ClientSecret, "it is a client's secret, which proves who the client is, and is no token")
        }
        _ if text.split('.').count() == 5 => (
            Kind::Unknown,
            "it has five parts, as an encrypted JWT has; this server neither makes nor reads such tokens",
        ),
        _ => (Kind::Unknown, "it is not a token: neither a JWT nor a refresh token of a claviger server"),
    };
    Explanation {
        kind,
        accepted: false,
        because: vec![because.to_owned()],
        ended_by: None,
        verified: false,
        notes: Vec::new(),
        claims: Vec::new(),
    }
}

/// A moment, and how far it is from `now`.
fn when(at: i64, now: i64) -> String {
    let span = |seconds: i64| match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    };
    match now.saturating_sub(at) {
        0 => format!("{}, which is now", moment(at)),
        past @ 1.. => format!("{}, {} ago", moment(at), span(past)),
        ahead => format!("{}, in {}", moment(at), span(ahead.saturating_neg())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_with_its_distance() {
        let now = 1_800_000_000;
        for (at, told) in [
            (now, "2027-01-15T08:00:00Z, which is now"),
            (now - 90, "2027-01-15T07:58:30Z, 90 s ago"),
            (now + 600, "2027-01-15T08:10:00Z, in 10 min"),
            (now - 86_400, "2027-01-14T08:00:00Z, 24 h ago"),
            (now + 30 * 86_400, "2027-02-14T08:00:00Z, in 30 days"),
        ] {
            assert_eq!(when(at, now), told);
        }
        assert!(when(i64::MIN, i64::MAX).contains("ago") && when(i64::MAX, i64::MIN).contains("in"));
    }

    #[test]
    fn what_is_no_token_is_told_what_it_is() {
        let kinds =
            ["", "é", "cvr_abc", "cvc_abc", "cvs_abc", "a.b.c.d.e", "Bearer x"].map(|text| no_jwt(text).kind);
        use Kind::{AuthorizationCode as Code, ClientSecret, RefreshToken as Refresh, Unknown};
        assert_eq!(kinds, [Unknown, Unknown, Refresh, Code, ClientSecret, Unknown, Unknown]);
    }
}
