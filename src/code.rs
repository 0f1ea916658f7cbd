//! Authorization codes: what the authorization endpoint gives for the token endpoint to redeem
//! ([RFC 6749 §4.1.2](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2)).

use crate::app::App;
use crate::grant::Target;
use crate::model::{Authorization, CODE_LIFETIME, FamilyId};
use crate::protocol::{AuthorizationCode, ClaimsRequest, CodeChallenge, Error, RedirectUri, Scope};
use crate::store::{LiveClient, LiveSession};

/// What a code is to stand for, besides who asks and who lets.
#[derive(Clone, Debug)]
pub struct CodeRequest {
    /// The `redirect_uri` of the request; `None` when it was left out.
    pub redirect_uri: Option<RedirectUri>,
    /// The `code_challenge` of the request.
    pub code_challenge: Option<CodeChallenge>,
    /// The `nonce` of the request.
    pub nonce: Option<String>,
    /// The API that the access tokens are for.
    pub target: Target,
    /// What the user let the client have.
    pub scope: Scope,
    /// The `claims` of the request, as far as the client may have them.
    pub claims: Option<ClaimsRequest>,
}

/// Gives `client` a code for what the user of `session` let it have. It is kept, as a keyed hash, before this returns.
pub async fn issue_code(
    app: &App,
    client: &LiveClient,
    session: &LiveSession,
    request: CodeRequest,
) -> Result<String, Error> {
    let (code, now) = (AuthorizationCode::new(app.random.bytes()), app.clock.now());
    let CodeRequest { redirect_uri, code_challenge, nonce, target, scope, claims } = request;
    let authorization = Authorization {
        client_id: client.id.clone(),
        client_generation: client.generation,
        user_id: session.user().id,
        user_generation: session.user().generation,
        session_id: session.id(),
        family_id: FamilyId(app.random.id(now)),
        redirect_uri,
        code_challenge,
        nonce,
        api: target.uri,
        scope,
        claims,
        expires_at: now.saturating_add(client.profile.code_lifetime.unwrap_or(CODE_LIFETIME)),
    };
    if app.store.add_code(digest(app, &code), authorization, now).await? {
        return Ok(code.to_text());
    }
    // Whoever asks again is told to sign in.
    Err(Error::unavailable(1).because("the user, the client or the session ended at the same moment"))
}

/// What the store keeps of a code.
pub fn digest(app: &App, code: &AuthorizationCode) -> String {
    app.hashes.authorization_code.text(code.secret())
}
