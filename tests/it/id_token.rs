//! ID tokens: OpenID Connect Core §2, §3.1.3, §8 and §12.

use std::time::Duration;

use claviger::admin::client::Description;
use claviger::code::CodeRequest;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::code_flow::{NONCE, code_request, relying_party};
use crate::relying_party::{RelyingParty, relying_party as openid_party};
use crate::server::{Answer, PASSWORD, START, Server, part};

fn claims(answer: &Answer) -> Value {
    part(&answer.text("id_token"), 1)
}

#[tokio::test]
async fn an_id_token_says_who_signed_in_when_and_how_and_no_more() {
    let server = Server::start().await;
    let (app, alice) = (server.relying_party("app").await, server.user("alice").await);
    let session = server.session(&alice).await;
    server.advance(Duration::from_secs(100)).await;
    let request = code_request("openid profile email address phone items:read");
    let tokens = app.try_redeem(&app.code_in(&session, request).await).await.granted();

    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, tokens.access_token().as_bytes());
    let at_hash = base64_url(&hash.as_ref()[..16]);
    let expected = json!({
        "iss": "http://localhost:8080", "sub": alice.id, "aud": "app", "iat": START + 100, "exp": START + 700,
        "auth_time": START, "nonce": NONCE, "acr": "1", "amr": ["pwd"], "at_hash": at_hash,
        "sid": session.id().to_string(),
    });
    assert_eq!(claims(&tokens), expected);
}

fn base64_url(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

#[tokio::test]
async fn an_id_token_verifies_with_a_stock_library_and_is_no_access_token() {
    let server = Server::start().await;
    let (app, alice) = (server.relying_party("app").await, server.user("alice").await);
    let tokens = app.tokens(&alice, "openid profile").await;
    let id_token = tokens.text("id_token");

    let header = decode_header(&id_token).unwrap();
    assert_eq!((header.typ.as_deref(), header.alg), (Some("JWT"), Algorithm::RS256));
    let jwks: JwkSet = serde_json::from_value(server.get("/.well-known/jwks.json").await.body).unwrap();
    let key = DecodingKey::from_jwk(jwks.find(&header.kid.unwrap()).unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.set_audience(&["app"]);
    validation.set_issuer(&["http://localhost:8080"]);
    assert_eq!(decode::<Value>(&id_token, &key, &validation).unwrap().claims["sub"], alice.id.as_str());

    assert_eq!(server.me(&id_token).await.status, 401);
    assert_eq!(app.introspect(&id_token).await, json!({"active": false}));
}

/// OpenID Connect Core §12.2.
#[tokio::test]
async fn a_refresh_gives_an_id_token_of_the_same_sign_in_without_its_nonce() {
    let server = Server::start().await;
    let (app, alice) = (server.relying_party("app").await, server.user("alice").await);
    let first = app.tokens(&alice, "openid profile").await;
    server.advance(Duration::from_secs(60)).await;
    let second = app.refresh(&first).await;

    let (before, after) = (claims(&first), claims(&second));
    for claim in ["iss", "sub", "aud", "auth_time", "acr", "amr", "sid"] {
        assert_eq!(before[claim], after[claim], "{claim}");
    }
    assert_eq!(after["iat"], START + 60);
    assert_ne!(before["at_hash"], after["at_hash"]);
    assert!(after.get("nonce").is_none());

    let token = second.text("refresh_token");
    let form = [("grant_type", "refresh_token"), ("refresh_token", &*token), ("scope", "profile")];
    let narrowed = app.post("/token", &form).await.granted();
    assert!(narrowed.body.get("id_token").is_none(), "this token was not to be about the user");
    assert!(app.refresh(&narrowed).await.body.get("id_token").is_some());
}

/// OpenID Connect Core §5.5: by name, and then also at a refresh.
#[tokio::test]
async fn claims_that_are_asked_for_by_name_stand_in_the_id_token() {
    let server = Server::start().await;
    let (app, alice) = (server.relying_party("app").await, server.user("alice").await);
    let session = server.session(&alice).await;
    let asked = json!({
        "id_token": {"email": null, "name": {"essential": true}, "birthdate": null, "iss": null, "no such": null},
        "userinfo": {"preferred_username": null},
    });
    let claims_request = Some(asked.to_string().parse().unwrap());
    let request = CodeRequest { claims: claims_request, ..code_request("openid") };
    let tokens = app.try_redeem(&app.code_in(&session, request).await).await.granted();
    for tokens in [app.refresh(&tokens).await, tokens] {
        let claims = claims(&tokens);
        assert_eq!((&claims["email"], &claims["name"]), (&"alice@example.com".into(), &"ALICE".into()));
        assert!(claims.get("birthdate").is_none() && claims.get("preferred_username").is_none());
        assert_eq!(claims["iss"], "http://localhost:8080");
    }
}

/// Nobody signed in on our pages, and nobody was asked.
#[tokio::test]
async fn the_password_grant_and_a_client_itself_are_given_no_id_token() {
    let server = Server::start().await;
    let (app, alice) = (server.relying_party("app").await, server.user("alice").await);
    let all = "openid profile email offline_access items:read";
    let by_password = app.password(&alice, all).await;
    assert_eq!(by_password.text("scope"), "email items:read profile");
    assert!(by_password.body.get("id_token").is_none());
    assert_eq!(app.try_password(&alice, PASSWORD, "openid offline_access").await.error(), "invalid_scope");

    let own = app.post("/token", &[("grant_type", "client_credentials"), ("scope", all)]).await.granted();
    assert_eq!(own.text("scope"), "items:read");
    assert!(own.body.get("id_token").is_none());
}

/// OpenID Connect Core §8.1: two sectors cannot compare sessions either, and sign out by what they were told.
#[tokio::test]
async fn a_session_has_a_name_of_its_own_in_each_sector() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    let in_sector = async |id, sector: Option<&str>| {
        let sector = sector.map(str::to_owned);
        RelyingParty::with(&server, Description { sector, ..openid_party(id) }).await
    };
    let one = in_sector("one", Some("app.example.com")).await;
    let two = in_sector("two", Some("app.example.com")).await;
    let other = in_sector("other", Some("other.example.com")).await;
    let (public, also) = (in_sector("public", None).await, in_sector("also", None).await);

    let browser = Browser::new(&server);
    let tokens = one.tokens(&browser, &alice, &[]).await;
    let mut sids = vec![claims(&tokens)["sid"].clone()];
    for party in [&two, &other, &public, &also] {
        sids.push(claims(&party.redeem(&browser.open(&party.request(&[])).await).await)["sid"].clone());
    }
    assert!(sids[0] == sids[1] && sids[3] == sids[4], "{sids:?}");
    assert!(sids[0] != sids[2] && sids[0] != sids[3] && sids[2] != sids[3], "{sids:?}");
    assert_eq!(claims(&one.client.refresh(&tokens).await)["sid"], sids[0]);

    let elsewhere = Browser::new(&server);
    let another = claims(&one.tokens(&elsewhere, &alice, &[]).await)["sid"].clone();
    assert_ne!(another, sids[0]);
    let page = elsewhere.open(&format!("/logout?id_token_hint={}", tokens.text("id_token"))).await;
    assert!(page.body.contains("Sign out?"), "it is another session's: {page:?}");
    let page = browser.open(&format!("/logout?id_token_hint={}", tokens.text("id_token"))).await;
    assert!(page.body.contains("You are signed out"), "{page:?}");
}

/// OpenID Connect Core §8.1: the same within a sector, unlike beyond it, and the same wherever a client is told.
#[tokio::test]
async fn pairwise_subjects_are_one_for_each_sector_and_user() {
    let server = Server::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let in_sector = async |id, sector: Option<&str>| {
        let sector = sector.map(str::to_owned);
        server.client_with(Description { sector, ..relying_party(id) }).await
    };
    let one = in_sector("one", Some("app.example.com")).await;
    let two = in_sector("two", Some("app.example.com")).await;
    let other = in_sector("other", Some("other.example.com")).await;
    let public = in_sector("public", None).await;

    let mut subjects = Vec::new();
    for (client, user) in [(&one, &alice), (&two, &alice), (&other, &alice), (&public, &alice), (&one, &bob)]
    {
        let tokens = client.tokens(user, "openid profile").await;
        let subject = claims(&tokens)["sub"].as_str().unwrap().to_owned();
        let bearer = server.request("POST", "/userinfo").bearer_auth(tokens.access_token());
        let introspected = client.introspect(&tokens.access_token()).await;
        assert_eq!(tokens.claims()["sub"], subject);
        assert_eq!(Answer::of(bearer).await.granted().body["sub"], subject);
        assert_eq!((&introspected["sub"], &introspected["username"]), (&json!(subject), &json!(user.name)));
        assert_eq!(client.introspect(&tokens.text("refresh_token")).await["sub"], subject);
        assert_eq!(server.me(&tokens.access_token()).await.granted().body["username"], user.name);
        let refreshed = client.refresh(&tokens).await;
        assert_eq!(claims(&refreshed)["sub"], subject);
        client.post("/revoke", &[("token", &refreshed.access_token())]).await.granted();
        assert_eq!(server.me(&refreshed.access_token()).await.status, 401);
        subjects.push(subject);
    }
    assert_eq!(subjects[0], subjects[1]);
    assert_eq!(subjects[3], alice.id);
    let distinct: std::collections::HashSet<_> = subjects.iter().collect();
    assert_eq!(distinct.len(), 4, "{subjects:?}");
    let is_client_id = |subject: &String| subject.parse::<claviger::protocol::ClientId>().is_ok();
    assert!(!subjects.iter().any(is_client_id), "threat rule 11: {subjects:?}");
}
