//! What the OpenID Foundation's certification plans check, one test for each module and of its name.
//!
//! The Basic plan is run in both response modes, so that it is the Form Post plan too.

mod basic;
mod config;
mod logout;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use claviger::admin::client::Description;
use serde_json::Value;

use crate::browser::{Browser, Page};
use crate::relying_party::RelyingParty;
use crate::server::{Answer, Server, User, part};

/// One run of a module: a client, a user with every standard claim, and a browser that knows nothing yet.
struct Run<'s> {
    server: &'s Server,
    rp: RelyingParty<'s>,
    user: User,
    browser: Browser<'s>,
    mode: &'static str,
}

/// The claims that every user of a run has.
const CLAIMS: [(&str, &str); 17] = [
    ("name", "Ann Example"),
    ("given_name", "Ann"),
    ("family_name", "Example"),
    ("middle_name", "B."),
    ("nickname", "annie"),
    ("profile", "https://ann.example.com/me"),
    ("picture", "https://ann.example.com/me.png"),
    ("website", "https://ann.example.com"),
    ("gender", "female"),
    ("birthdate", "1990-01-31"),
    ("zoneinfo", "Europe/Berlin"),
    ("locale", "en-GB"),
    ("email_verified", "true"),
    ("phone_number", "+49 30 1234567"),
    ("phone_number_verified", "true"),
    ("address.locality", "Berlin"),
    ("address.country", "Germany"),
];

impl<'s> Run<'s> {
    async fn new(server: &'s Server, mode: &'static str, description: Description) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let user = server.user(&format!("user{}", NUMBER.fetch_add(1, Ordering::Relaxed))).await;
        let claims = CLAIMS.map(|(name, value)| (name.to_owned(), value.to_owned()));
        claviger::admin::user::set(&server.app, &user.name.parse().unwrap(), &claims).await.unwrap();
        let rp = RelyingParty::with(server, description).await;
        Self { server, rp, user, browser: Browser::new(server), mode }
    }

    /// Sends the browser to the authorization endpoint.
    async fn open(&self, params: &[(&str, &str)]) -> Page {
        let mode = [("response_mode", self.mode)];
        self.browser.open(&self.rp.request(&[&mode, params].concat())).await
    }

    /// The same, and signs in if that is asked for.
    async fn authorize(&self, params: &[(&str, &str)]) -> Page {
        let page = self.open(params).await;
        let page = if page.is_at("/sign-in") { self.browser.sign_in(&page, &self.user).await } else { page };
        assert!(page.answer().contains_key("code"), "{page:?}");
        page
    }

    /// The same, and redeems the code.
    async fn tokens(&self, params: &[(&str, &str)]) -> Answer {
        self.rp.redeem(&self.authorize(params).await).await
    }

    /// What the userinfo endpoint says for an access token.
    async fn userinfo(&self, tokens: &Answer) -> Answer {
        Answer::of(self.server.request("GET", "/userinfo").bearer_auth(tokens.access_token())).await
    }

    /// Checks that the claims of `scope`, and no others, are told.
    async fn check_scope(&self, scope: &str, claims: &[&str]) {
        let tokens = self.tokens(&[("scope", scope)]).await;
        assert!(
            id_token(&tokens).get("name").is_none(),
            "what scopes ask for is told at the userinfo endpoint"
        );
        let told = self.userinfo(&tokens).await.granted().body;
        let names: Vec<_> =
            told.as_object().unwrap().keys().map(String::as_str).filter(|name| *name != "sub").collect();
        assert_eq!(names, claims, "{told}");
        assert_eq!(told["sub"], id_token(&tokens)["sub"]);
    }
}

/// What an ID token says.
fn id_token(tokens: &Answer) -> Value {
    part(&tokens.text("id_token"), 1)
}

/// The members of the metadata document, once the server has noticed that there is a client.
async fn metadata(server: &Server) -> BTreeMap<String, Value> {
    server
        .until("the client is known", async |server| {
            server.get("/.well-known/openid-configuration").await.body.get("authorization_endpoint").is_some()
        })
        .await;
    let document = server.get("/.well-known/openid-configuration").await.granted().body;
    serde_json::from_value(document).unwrap()
}
