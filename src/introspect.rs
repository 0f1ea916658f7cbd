//! Introspection ([RFC 7662]): what a token means now, for those whom it concerns.
//!
//! A client may ask about its own tokens and about access tokens for an API of its own; about all others it
//! learns only `{"active":false}`.
//!
//! [RFC 7662]: https://www.rfc-editor.org/rfc/rfc7662

use serde::Serialize;

use crate::app::App;
use crate::model::{Client, Family, PROFILE, Verdict};
use crate::protocol::{Error, RefreshToken, Scope};
use crate::store::Standing;
use crate::{access, issue, subject};

/// The answer ([RFC 7662 §2.2](https://www.rfc-editor.org/rfc/rfc7662#section-2.2)).
#[derive(Debug, Default, Serialize)]
pub struct Introspection {
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    token: Option<ActiveToken>,
}

#[derive(Debug, Serialize)]
struct ActiveToken {
    scope: String,
    client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    sub: String,
    aud: String,
    iss: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
}

/// Says what `token` means, to `client`, which must have authenticated (§2.1).
pub async fn introspect(app: &App, client: &Client, token: &str) -> Result<Introspection, Error> {
    if client.is_public() {
        return Err(Error::invalid_client("only a confidential client may introspect tokens"));
    }
    let token = match RefreshToken::parse(token) {
        Some(token) => refresh_token(app, client, &token).await?,
        None => access_token(app, client, token).await?,
    };
    Ok(Introspection { active: token.is_some(), token })
}

async fn access_token(app: &App, client: &Client, token: &str) -> Result<Option<ActiveToken>, Error> {
    let Ok(access) = access::verify(app, token) else { return Ok(None) };
    let is_own = access.client_id == client.id;
    let is_for_own_api = client.apis.iter().any(|api| access.claims.is_for(api.as_str()));
    let standing = if is_own || is_for_own_api { access.standing(app).await? } else { None };
    let Some(standing) = standing else { return Ok(None) };
    let claims = access.claims;
    Ok(Some(ActiveToken {
        scope: claims.scope,
        client_id: claims.client_id,
        username: username(&standing, &access.scope),
        token_type: Some("Bearer"),
        exp: claims.exp,
        iat: Some(claims.iat),
        sub: claims.sub,
        aud: claims.aud,
        iss: claims.iss,
        jti: Some(claims.jti),
        auth_time: claims.auth_time,
        roles: claims.roles,
    }))
}

async fn refresh_token(
    app: &App,
    client: &Client,
    token: &RefreshToken,
) -> Result<Option<ActiveToken>, Error> {
    let Some(presented) = app.store.presented(&issue::digest(app, token)).await? else { return Ok(None) };
    // One that was used is not active, although a lost answer may still be fetched with it.
    let is_unused = presented.verdict(app.clock.now(), 0) == Verdict::Rotate;
    let Family { id, client_id, user_id, api, scope, authentication, expires_at, .. } = presented.family;
    if client_id != client.id || !is_unused {
        return Ok(None);
    }
    let Some(standing) = app.store.read_standing("", Some(id), &client_id, None).await? else {
        return Ok(None);
    };
    Ok(Some(ActiveToken {
        scope: scope.to_string(),
        client_id: client_id.to_string(),
        username: username(&standing, &scope),
        token_type: None,
        exp: presented.expires_at.min(expires_at),
        iat: None,
        sub: subject::of(app, client, user_id),
        aud: api.to_string(),
        iss: app.issuer().to_string(),
        jti: None,
        auth_time: Some(authentication.at),
        roles: Vec::new(),
    }))
}

/// The user's name, if there is a user and the token's scope opens their profile. Who may not read it knows the user by
/// `sub`, which may be pairwise.
fn username(standing: &Standing, scope: &Scope) -> Option<String> {
    let user = standing.user.as_ref().filter(|_| scope.contains(&PROFILE));
    user.map(|user| user.username.to_string())
}
