//! What an ID token says of a sign-in ([OpenID Connect Core §2], [§3.1.3.6]).
//!
//! [OpenID Connect Core §2]: https://openid.net/specs/openid-connect-core-1_0.html#IDToken
//! [§3.1.3.6]: https://openid.net/specs/openid-connect-core-1_0.html#CodeIDToken

use crate::app::App;
use crate::model::{Client, Family, standard_claims};
use crate::protocol::{IdClaims, Scope, at_hash};
use crate::store::LiveUser;
use crate::subject;

/// The claims of the ID token for `client` that comes along with `access_token`, by `family`.
///
/// Claims about the user are in it only when they were asked for by name, and the client may still have them; a scope asks for them at userinfo (§5.4).
pub fn claims(
    app: &App,
    client: &Client,
    user: &LiveUser,
    family: &Family,
    nonce: Option<String>,
    access_token: &str,
) -> IdClaims {
    let now = app.clock.now();
    let asked = family.claims.clone().map(|claims| standard_claims::within(&client.scope, claims).id_token);
    IdClaims {
        iss: app.issuer().to_string(),
        sub: subject::of(app, client, user.id),
        aud: client.id.to_string(),
        exp: now.saturating_add(app.config().tokens.id_token_lifetime.get()),
        iat: now,
        auth_time: family.authentication.at,
        nonce,
        acr: family.authentication.acr(),
        amr: family.authentication.amr(),
        at_hash: at_hash(access_token),
        sid: family.session_id.map(|session| subject::sid(app, client, session)),
        requested: asked.map(|asked| user.released(&Scope::default(), &asked)).unwrap_or_default(),
    }
}
