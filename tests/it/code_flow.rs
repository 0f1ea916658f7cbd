//! The code grant without a browser: sessions and codes are made by the functions that the pages call.

use claviger::admin;
use claviger::code::{self, CodeRequest};
use claviger::grant::Target;
use claviger::model::standard_claims::scope_of_request;
use claviger::model::{AuthMethod, Event, Method, SessionId};
use claviger::protocol::{ClientId, CodeChallenge};
use claviger::store::{LiveSession, NewSession, SignIn};
use claviger::vault::Vault;

use crate::server::{API, Answer, Client, Server, User, description};

/// Where codes of tests are sent to.
pub const REDIRECT_URI: &str = "https://app.example.com/callback?from=claviger";

/// The example of RFC 7636 appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// The `nonce` of requests: it comes back byte for byte.
pub const NONCE: &str = "n-0S6_WzA2Mj \"é\\";

/// Seconds that sessions of tests live.
pub const SESSION: i64 = 7 * 86_400;

/// A confidential client for the code grant and every other, which asks for consent.
pub fn relying_party(id: &str) -> admin::client::Description {
    let grants = ["authorization_code", "password", "refresh_token", "client_credentials"];
    admin::client::Description {
        grants: grants.map(str::to_owned).into(),
        scope: "items:read items:write openid profile email address phone offline_access".parse().unwrap(),
        auth_method: AuthMethod::ClientSecretBasic,
        redirect_uris: vec![REDIRECT_URI.parse().unwrap()],
        ..description(id)
    }
}

/// Signs `name` in, in the browser that has the session cookie with the digest `former`, if in one.
pub async fn sign_in(vault: &Vault, name: &str, former: Option<&str>) -> LiveSession {
    let credentials = vault.store.credentials(&name.parse().unwrap()).await.unwrap().unwrap();
    let now = vault.clock.now();
    let sign_in = SignIn {
        entry: vault.audit(Event::SignedIn).user(credentials.user_id),
        credentials,
        account: name.to_owned(),
        prefix: "a network".to_owned(),
    };
    let new = NewSession {
        id: SessionId(vault.random.id(now)),
        digest: vault.random.text::<32>(),
        former: former.map(str::to_owned),
        methods: vec![Method::Password],
        expires_at: now + SESSION,
        agent: Some("a browser".to_owned()),
        ended: vault.audit(Event::SessionEnded),
        displaced: vault.audit(Event::SessionEnded),
        password: None,
    };
    vault.store.begin_session(sign_in, new, None).await.unwrap().unwrap()
}

/// A request for `scope`, to be varied.
pub fn code_request(scope: &str) -> CodeRequest {
    let api_scope = "items:read items:write".parse().unwrap();
    CodeRequest {
        redirect_uri: Some(REDIRECT_URI.parse().unwrap()),
        code_challenge: Some(CodeChallenge::read(CHALLENGE, Some("S256")).unwrap()),
        nonce: Some(NONCE.to_owned()),
        target: Target { uri: API.parse().unwrap(), scope: api_scope, lifetime: 600 },
        scope: scope.parse().unwrap(),
        claims: None,
    }
}

impl Server {
    /// Adds a [`relying_party`].
    pub async fn relying_party(&self, id: &str) -> Client<'_> {
        self.client_with(relying_party(id)).await
    }

    /// Signs `user` in, in a new browser.
    pub async fn session(&self, user: &User) -> LiveSession {
        sign_in(&self.app, &user.name, None).await
    }

    /// Ends a session, as signing out does.
    pub async fn sign_out(&self, session: &LiveSession) {
        let entry = self.app.audit(Event::SessionEnded);
        assert!(self.app.store.end_session(session.user().id, session.id(), entry).await.unwrap());
    }
}

impl Client<'_> {
    /// A code for `scope`, to which `user` consents in a new browser.
    pub async fn code(&self, user: &User, scope: &str) -> String {
        let session = self.server.session(user).await;
        self.code_in(&session, code_request(scope)).await
    }

    /// A code for `request`, to which the user of `session` consents.
    pub async fn code_in(&self, session: &LiveSession, request: CodeRequest) -> String {
        let app = &self.server.app;
        let id: ClientId = self.id.parse().unwrap();
        let (user, entry) = (session.user().id, app.audit(Event::ConsentGranted));
        let named = request.claims.as_ref().map(scope_of_request).unwrap_or_default();
        let scope = request.scope.union(&named);
        app.store.grant_consent(user, id.clone(), request.target.uri.clone(), scope, entry).await.unwrap();
        let client = app.store.live_client(&id).await.unwrap().unwrap();
        code::issue_code(app, &client, session, request).await.unwrap()
    }

    /// Redeems `code` with what [`code_request`] committed to, but for `change`: parameters to set, or to leave out when
    /// empty.
    pub async fn redeem_with(&self, code: &str, change: &[(&str, &str)]) -> Answer {
        let usual = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ];
        let is_kept = |name: &str| change.iter().all(|(changed, _)| *changed != name);
        let form: Vec<_> =
            usual.into_iter().filter(|(name, _)| is_kept(name)).chain(change.iter().copied()).collect();
        self.post("/token", &form).await
    }

    /// Redeems `code`.
    pub async fn try_redeem(&self, code: &str) -> Answer {
        self.redeem_with(code, &[]).await
    }

    /// Tokens for `scope`, to which `user` consents in a new browser.
    pub async fn tokens(&self, user: &User, scope: &str) -> Answer {
        self.try_redeem(&self.code(user, scope).await).await.granted()
    }
}
