//! An authorization: what a user let a client have, until its code is redeemed
//! ([RFC 6749 §4.1.2](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2)).

use super::{FamilyId, SessionId, UserId, standard_claims};
use crate::protocol::{ApiUri, ClaimsRequest, ClientId, CodeChallenge, RedirectUri, Scope};

/// What an authorization code stands for. Nothing of it ever changes.
#[derive(Clone, Debug)]
pub struct Authorization {
    /// The client.
    pub client_id: ClientId,
    /// The client's generation when the code was given.
    pub client_generation: i64,
    /// The user.
    pub user_id: UserId,
    /// The user's generation when the code was given.
    pub user_generation: i64,
    /// The session in which they let it.
    pub session_id: SessionId,
    /// The family that redeeming the code begins, and redeeming it again ends.
    pub family_id: FamilyId,
    /// The `redirect_uri` of the request; `None` when it was left out.
    pub redirect_uri: Option<RedirectUri>,
    /// The `code_challenge` of the request.
    pub code_challenge: Option<CodeChallenge>,
    /// The `nonce` of the request, byte for byte.
    pub nonce: Option<String>,
    /// The audience of the access tokens.
    pub api: ApiUri,
    /// What was granted.
    pub scope: Scope,
    /// The `claims` of the request, as far as the client may have them.
    pub claims: Option<ClaimsRequest>,
    /// When the code stops being good.
    pub expires_at: i64,
}

impl Authorization {
    /// What the user must have consented to: the scope, and what asks for the claims that were named.
    pub fn consent(&self) -> Scope {
        let named = self.claims.as_ref().map(standard_claims::scope_of_request).unwrap_or_default();
        self.scope.union(&named)
    }
}
