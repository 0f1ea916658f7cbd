//! A client that signs people in by OpenID Connect.

use std::collections::BTreeMap;

use claviger::admin::client::Description;
use claviger::model::{AuthMethod, ConsentPolicy, Pkce, Profile};

use crate::browser::{Browser, Page};
use crate::server::{Answer, Client, Server, User, description};

/// Where answers go.
pub const REDIRECT_URI: &str = "https://rp.example.com/cb";

/// Where a browser goes after signing out.
pub const AFTER_LOGOUT: &str = "https://rp.example.com/bye?from=us";

/// A client with a secret, which need not prove possession of its codes, and whose users are not asked.
pub struct RelyingParty<'s> {
    /// At the token endpoint.
    pub client: Client<'s>,
}

/// A description of one, to be varied.
pub fn relying_party(id: &str) -> Description {
    Description {
        grants: ["authorization_code", "refresh_token"].map(str::to_owned).into(),
        auth_method: AuthMethod::ClientSecretBasic,
        scope: "openid profile email address phone offline_access items:read items:write".parse().unwrap(),
        redirect_uris: vec![REDIRECT_URI.parse().unwrap()],
        post_logout_redirect_uris: vec![AFTER_LOGOUT.parse().unwrap()],
        profile: Profile { pkce: Pkce::Optional, consent: ConsentPolicy::Skip, ..Profile::default() },
        ..description(id)
    }
}

impl<'s> RelyingParty<'s> {
    /// One called `id`.
    pub async fn new(server: &'s Server, id: &str) -> Self {
        Self::with(server, relying_party(id)).await
    }

    /// One as described.
    pub async fn with(server: &'s Server, description: Description) -> Self {
        Self { client: server.client_with(description).await }
    }

    /// The path of its request, in which `params` replace what it usually says; those that are empty are left out.
    pub fn request(&self, params: &[(&str, &str)]) -> String {
        let usual = [
            ("client_id", &*self.client.id),
            ("response_type", "code"),
            ("redirect_uri", REDIRECT_URI),
            ("scope", "openid"),
            ("state", "the state"),
            ("nonce", "the nonce"),
        ];
        let all: BTreeMap<_, _> = usual.into_iter().chain(params.iter().copied()).collect();
        let all = all.into_iter().filter(|(_, value)| !value.is_empty());
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(all).finish();
        format!("/authorize?{query}")
    }

    /// Signs `user` in with `browser`, which is not signed in, and comes back with what we say.
    pub async fn sign_in(&self, browser: &Browser<'_>, user: &User, params: &[(&str, &str)]) -> Page {
        let page = browser.open(&self.request(params)).await;
        assert!(page.is_at("/sign-in"), "{page:?}");
        let page = browser.sign_in(&page, user).await;
        assert_eq!(page.status, 303, "{page:?}");
        page
    }

    /// Tries to redeem the code of `page`.
    pub async fn try_redeem(&self, page: &Page) -> Answer {
        let code = page.told("code");
        let form = [("grant_type", "authorization_code"), ("code", &*code), ("redirect_uri", REDIRECT_URI)];
        self.client.post("/token", &form).await
    }

    /// The tokens for the code of `page`.
    pub async fn redeem(&self, page: &Page) -> Answer {
        self.try_redeem(page).await.granted()
    }

    /// What the ID token says that `user` gets by signing in with `browser`.
    pub async fn tokens(&self, browser: &Browser<'_>, user: &User, params: &[(&str, &str)]) -> Answer {
        self.redeem(&self.sign_in(browser, user, params).await).await
    }
}
