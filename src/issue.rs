//! Issuing tokens: the one function that signs, and the proofs it takes.
//!
//! A [`Granted`] is made only from a client and a user whom the store found enabled in the transaction that
//! decided. What must be kept was committed before; signing comes last, so a request that is cut off can be
//! repeated.

use serde::Serialize;

use crate::app::App;
use crate::config::LONGEST_ACCESS_TOKEN;
use crate::grant::Target;
use crate::id_token;
use crate::keys::ring::NoSigner;
use crate::keys::signer::Typ;
use crate::model::{Family, FamilyId, OPENID, SigningAlg};
use crate::protocol::{AccessClaims, ApiUri, Error, RefreshToken, Scope};
use crate::store::{Granting, LiveClient, LiveUser};
use crate::subject;
use crate::vault::Vault;

/// Proof that a grant was decided.
pub struct Granted {
    client: LiveClient,
    target: Target,
    scope: Scope,
    acting: Option<Acting>,
    refresh_token: Option<RefreshToken>,
}

/// The user that a token acts for, and by what.
struct Acting {
    user: LiveUser,
    family: Family,
    nonce: Option<String>,
}

impl Granted {
    /// To the client itself.
    pub fn to_client(client: LiveClient, target: Target, scope: Scope) -> Result<Self, Error> {
        let scope = not_empty(scope)?;
        Ok(Self { client, target, scope, acting: None, refresh_token: None })
    }

    /// To a client that acts for `user`, by `family`, which the store has just begun or found live. `scope` is what
    /// this token may hold of it; `refresh_token` is the one that comes along.
    pub fn to_user(
        client: LiveClient,
        target: Target,
        user: LiveUser,
        family: Family,
        scope: Scope,
        refresh_token: Option<RefreshToken>,
    ) -> Result<Self, Error> {
        let scope = not_empty(scope)?;
        let acting = Some(Acting { user, family, nonce: None });
        Ok(Self { client, target, scope, acting, refresh_token })
    }

    /// The same, with the `nonce` of its authorization request for the ID token.
    pub fn with_nonce(mut self, nonce: Option<String>) -> Self {
        self.acting = self.acting.map(|acting| Acting { nonce, ..acting });
        self
    }
}

impl Acting {
    /// The user's roles that mean something to the API ([RFC 9068 §2.2.3.1]).
    ///
    /// [RFC 9068 §2.2.3.1]: https://www.rfc-editor.org/rfc/rfc9068#section-2.2.3.1
    fn roles(&self, target: &Target) -> Vec<String> {
        let meant =
            self.user.roles().iter().filter(|role| !role.scope.intersection(&target.scope).is_empty());
        meant.map(|role| role.name.to_string()).collect()
    }
}

/// The refusal when nothing of what was asked for is left.
pub fn nothing_to_grant() -> Error {
    Error::invalid_scope("nothing of this scope can be granted")
}

fn not_empty(scope: Scope) -> Result<Scope, Error> {
    if scope.is_empty() { Err(nothing_to_grant()) } else { Ok(scope) }
}

/// The answer of the token endpoint ([RFC 6749 §5.1], [OpenID Connect Core §3.1.3.3]).
///
/// [RFC 6749 §5.1]: https://www.rfc-editor.org/rfc/rfc6749#section-5.1
/// [OpenID Connect Core §3.1.3.3]: https://openid.net/specs/openid-connect-core-1_0.html#TokenResponse
#[derive(Serialize)]
pub struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    scope: String,
}

impl TokenResponse {
    /// The access token alone.
    pub fn into_access_token(self) -> String {
        self.access_token
    }
}

/// Refuses when nothing could be signed by `alg` now: before a one-time credential is used for nothing.
pub fn check_ready(app: &App, alg: SigningAlg) -> Result<(), Error> {
    let ring = app.keys.current();
    ring.signer(alg, app.clock.read()).map(|_| ()).map_err(no_signer)
}

fn no_signer(error: NoSigner) -> Error {
    Error::unavailable(1).because(error)
}

/// Signs an access token for what was granted, and an ID token beside it where `openid` is of the scope.
pub fn issue(app: &App, granted: Granted) -> Result<TokenResponse, Error> {
    let Granted { client, target, scope, acting, refresh_token } = granted;
    let now = app.clock.now();
    let claims = AccessClaims {
        iss: app.issuer().to_string(),
        sub: match &acting {
            Some(acting) => subject::of(app, &client, acting.user.id),
            None => client.id.to_string(),
        },
        aud: target.uri.to_string(),
        exp: now.saturating_add(target.lifetime),
        iat: now,
        jti: jti(app, acting.as_ref().map(|acting| acting.family.id)),
        client_id: client.id.to_string(),
        scope: scope.to_string(),
        auth_time: acting.as_ref().map(|acting| acting.family.authentication.at),
        roles: acting.as_ref().map(|acting| acting.roles(&target)).unwrap_or_default(),
    };
    let ring = app.keys.current();
    let signer = ring.signer(client.profile.signing_alg, app.clock.read()).map_err(no_signer)?;
    let access_token = signer.sign(Typ::AccessToken, &claims);
    let id_token = acting.filter(|_| scope.contains(&OPENID)).map(|Acting { user, family, nonce }| {
        let claims = id_token::claims(app, &client, &user, &family, nonce, &access_token);
        signer.sign(Typ::IdToken, &claims)
    });
    Ok(TokenResponse {
        access_token,
        token_type: "Bearer",
        expires_in: target.lifetime,
        refresh_token: refresh_token.map(|token| token.to_text()),
        id_token,
        scope: claims.scope,
    })
}

/// A token's id; it begins with its family's, so that a revoked family takes its access tokens along.
fn jti(app: &App, family: Option<FamilyId>) -> String {
    match family {
        Some(family) => format!("{family}.{}", app.random.text::<12>()),
        None => app.random.text::<16>(),
    }
}

/// The family in a token's id.
pub fn family_of(jti: &str) -> Option<FamilyId> {
    jti.split_once('.').and_then(|(family, _)| family.parse().ok())
}

/// A new family `id` for tokens of `api`, with its first refresh token if `is_renewable`.
///
/// Every token of a user has a family, so that it ends with what it rests on.
pub fn begin_family(
    app: &App,
    id: FamilyId,
    api: &ApiUri,
    is_renewable: bool,
) -> (Granting, Option<RefreshToken>) {
    let (config, now) = (app.config(), app.clock.now());
    let token = is_renewable.then(|| RefreshToken::new(app.random.bytes()));
    let idle_end = now.saturating_add(config.tokens.refresh_token_idle.get());
    let lifetime = if is_renewable { config.tokens.refresh_token_lifetime } else { LONGEST_ACCESS_TOKEN };
    let granting = Granting {
        id,
        api: api.clone(),
        expires_at: now.saturating_add(lifetime.get()),
        token: token.as_ref().map(|token| (digest(app, token), idle_end)),
    };
    (granting, token)
}

/// The one successor of `parent`, of `generation` in `family`: whoever asks again is given the same.
pub fn successor(app: &App, parent: &RefreshToken, family: FamilyId, generation: i64) -> RefreshToken {
    RefreshToken::new(app.hashes.successors.derive(parent.secret(), family.0.as_bytes(), generation))
}

/// What the store keeps of a refresh token.
pub fn digest(vault: &Vault, token: &RefreshToken) -> String {
    vault.hashes.refresh_token.text(token.secret())
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;
    use crate::admin::{ROLES_BYTES, SCOPE_BYTES};

    /// Every part as long as it may be configured, and the largest key.
    #[test]
    fn no_configuration_makes_a_token_over_4_kib() {
        let (uri, roles) = ("x".repeat(256), ROLES_BYTES / "\"1234567890123\",".len());
        let claims = AccessClaims {
            iss: uri.clone(),
            sub: "x".repeat(128),
            aud: uri,
            exp: i64::MAX,
            iat: i64::MAX,
            jti: format!("{}.{}", FamilyId(uuid::Uuid::nil()), "x".repeat(16)),
            client_id: "x".repeat(128),
            scope: "x".repeat(SCOPE_BYTES),
            auth_time: Some(i64::MAX),
            roles: vec!["1234567890123".to_owned(); roles],
        };
        let header = format!(r#"{{"typ":"at+jwt","alg":"RS256","kid":"{}"}}"#, "x".repeat(43));
        let parts = [header.into_bytes(), serde_json::to_vec(&claims).unwrap(), vec![0; 4096 / 8]];
        let token = parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
        assert!(token.len() <= 4096, "{} bytes", token.len());
    }
}
