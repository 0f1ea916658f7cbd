//! Explaining tokens: the words never disagree with what the server does.

use std::time::Duration;

use claviger::admin;
use claviger::explain::{self, Question};
use claviger::model::Event;
use claviger::rotate;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::code_flow::{VERIFIER, code_request};
use crate::server::{API, Answer, PASSWORD, START, Server, part};

impl Server {
    async fn explain(&self, token: &str) -> Value {
        self.explain_for(token, Question::default()).await
    }

    async fn explain_for(&self, token: &str, question: Question) -> Value {
        let explanation = explain::explain(&self.app, &self.app.config(), token, &question).await.unwrap();
        let explanation = json!(explanation);
        assert!(!explanation.to_string().contains(token), "the token is not told: {explanation}");
        explanation
    }
}

/// The sentences.
fn because(explanation: &Value) -> String {
    let sentences = explanation["because"].as_array().unwrap().iter();
    sentences.map(|sentence| sentence.as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

/// What a claim means.
fn meaning<'a>(explanation: &'a Value, claim: &str) -> &'a str {
    let claims = explanation["claims"].as_array().unwrap();
    let said = claims
        .iter()
        .find(|said| said["claim"] == claim)
        .unwrap_or_else(|| panic!("no `{claim}`: {claims:?}"));
    said["meaning"].as_str().unwrap()
}

#[tokio::test]
async fn a_good_token_is_explained_claim_by_claim() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);
    let token = web.password(&alice, "items:read profile").await.access_token();
    server.advance(Duration::from_secs(60)).await;

    let explanation = server.explain(&token).await;
    assert_eq!(
        (&explanation["kind"], &explanation["accepted"], &explanation["verified"], &explanation["ended_by"]),
        (&json!("access_token"), &json!(true), &json!(true), &Value::Null)
    );
    assert_snapshot!(because(&explanation), @"
    this server signed it, what it rests on stands, and it is good until 2027-01-15T08:10:00Z, in 9 min
    `https://api.example.com` must accept it
    ");
    let claims = explanation["claims"].as_array().unwrap().iter();
    let told: Vec<_> = claims
        .filter(|said| said["claim"] != "jti")
        .map(|said| format!("{}: {}", said["claim"].as_str().unwrap(), said["meaning"].as_str().unwrap()))
        .collect();
    assert_snapshot!(told.join("\n"), @"
    aud: it is for this API, and no other may take it
    auth_time: the user proved who they are at 2027-01-15T08:00:00Z, 60 s ago
    client_id: the client that it was given to
    exp: it expires at 2027-01-15T08:10:00Z, in 9 min
    iat: it was issued at 2027-01-15T08:00:00Z, 60 s ago
    iss: the issuer: this server
    roles: the user's roles that mean something to the API
    scope: what it allows: `items:read`; `profile`, about the user's own person
    sub: the user `alice`
    ");
    assert!(meaning(&explanation, "jti").contains("it belongs to the grant"));
}

#[tokio::test]
async fn an_api_and_a_scope_that_a_token_is_not_for_are_named() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);
    let tokens = web.password(&alice, "items:read").await;
    let question =
        |api: &str, scope: &str| Question { api: Some(api.parse().unwrap()), scope: scope.parse().unwrap() };

    let good = server.explain_for(&tokens.access_token(), question(API, "items:read")).await;
    assert_eq!(good["accepted"], true);
    let bad = question("https://other.example", "items:read items:write");
    let told = server.explain_for(&tokens.access_token(), bad.clone()).await;
    assert_eq!(told["accepted"], false);
    assert_snapshot!(because(&told), @"
    it is for `https://api.example.com`, and not for `https://other.example`
    it lacks the scope `items:write`
    ");
    let refresh = server.explain_for(&tokens.text("refresh_token"), bad).await;
    assert_eq!(refresh["accepted"], false);
    assert!(
        because(&refresh).starts_with("its grant lacks the scope `items:write`\nits access tokens are for")
    );
}

/// What ends tokens, each by what a person or a client does, and the event that says so.
#[tokio::test]
async fn every_end_is_told_by_its_event_and_never_otherwise_than_introspection() {
    const ENDS: [(&str, &str); 11] = [
        ("reuse", "refresh_token.reused"),
        ("code", "authorization_code.reused"),
        ("revoke", "family.revoked"),
        ("revoke access", "access_token.revoked"),
        ("sign out", "session.ended"),
        ("withdraw", "consent.withdrawn"),
        ("disable", "user.disabled"),
        ("password", "user.password_set"),
        ("remove", "user.removed"),
        ("client", "client.disabled"),
        ("remove client", "client.removed"),
    ];
    for (end, event) in ENDS {
        let server = Server::start().await;
        let (app, api, alice) =
            (server.relying_party("app").await, server.confidential("api").await, server.user("alice").await);
        let session = server.session(&alice).await;
        let code = app.code_in(&session, code_request("items:read openid")).await;
        let tokens = app.try_redeem(&code).await.granted();
        let (access, refresh) = (tokens.access_token(), tokens.text("refresh_token"));
        for token in [&access, &refresh] {
            assert_eq!(server.explain(token).await["accepted"], true, "{end}");
        }

        server.advance(Duration::from_secs(60)).await;
        let (name, client) = ("alice".parse().unwrap(), "app".parse().unwrap());
        match end {
            "reuse" => {
                let second = app.refresh(&tokens).await;
                app.refresh(&second).await;
                assert_eq!(app.try_refresh(&tokens).await.error(), "invalid_grant");
            }
            "code" => assert_eq!(app.redeem_with(&code, &[("code_verifier", VERIFIER)]).await.status, 400),
            "revoke" => drop(app.post("/revoke", &[("token", &refresh)]).await),
            "revoke access" => drop(app.post("/revoke", &[("token", &access)]).await),
            "sign out" => server.sign_out(&session).await,
            "withdraw" => {
                let entry = server.app.audit(Event::ConsentWithdrawn);
                assert!(server.app.store.withdraw_consent(session.user().id, client, entry).await.unwrap());
            }
            "disable" => drop(admin::user::disable(&server.app, &name).await.unwrap()),
            "password" => server.set_password(&alice, &format!("{PASSWORD}-2")).await,
            "remove" => admin::user::remove(&server.app, &name).await.unwrap(),
            "client" => drop(admin::client::disable(&server.app, &client).await.unwrap()),
            _ => admin::client::remove(&server.app, &client).await.unwrap(),
        }

        for (kind, token) in [("access", &access), ("refresh", &refresh)] {
            let explanation = server.explain(token).await;
            let by = if kind == "access" { &api } else { &app };
            let is_active = by.introspect(token).await["active"] == true;
            assert_eq!(explanation["accepted"], is_active, "{end}: {kind}: {explanation:#}");
            let is_forgotten = kind == "refresh" && end.starts_with("remove");
            if is_active || is_forgotten {
                assert!(end == "revoke access" || is_forgotten, "{end}: {kind}");
                continue;
            }
            assert_eq!(explanation["ended_by"]["event"], event, "{end}: {kind}: {explanation:#}");
            assert_eq!(explanation["ended_by"]["at"], "2027-01-15T08:01:00Z", "{end}: {kind}");
            assert!(
                because(&explanation).starts_with("it was ended at 2027-01-15T08:01:00Z: "),
                "{explanation:#}"
            );
            let note = explanation["notes"][0].as_str().unwrap();
            assert!(kind == "refresh" || note.contains("takes it until 2027-01-15T08:10:30Z"), "{note}");
        }
        server.advance(Duration::from_secs(700)).await;
        let expired = server.explain(&access).await;
        assert!(because(&expired).starts_with("it expired at"), "{expired:#}");
        assert_eq!(expired["ended_by"]["event"], event, "{end}: an end before the expiry is still told");
    }
}

#[tokio::test]
async fn what_happened_after_a_token_expired_did_not_end_it() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);
    let token = web.password(&alice, "items:read").await.access_token();
    server.advance(Duration::from_secs(700)).await;
    admin::user::disable(&server.app, &"alice".parse().unwrap()).await.unwrap();
    let explanation = server.explain(&token).await;
    assert_snapshot!(because(&explanation), @"it expired at 2027-01-15T08:10:00Z, 100 s ago");
    assert_eq!((&explanation["ended_by"], &explanation["verified"]), (&Value::Null, &json!(true)));
}

#[tokio::test]
async fn a_revoked_key_is_told_and_so_is_one_that_was_never_here() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);
    let answer = web.password(&alice, "items:read").await;
    let kid = answer.header()["kid"].as_str().unwrap().to_owned();
    rotate::revoke(&server.app, 2048, &kid).await.unwrap();
    let explanation = server.explain(&answer.access_token()).await;
    assert_eq!(explanation["ended_by"]["event"], "key.revoked");
    assert!(because(&explanation).starts_with("the key that it names was revoked at 2027-01-15T08:00:00Z"));
    assert_eq!(explanation["verified"], false);

    let elsewhere = Server::start().await;
    let (web, alice) = (elsewhere.client("web").await, elsewhere.user("alice").await);
    let stranger = web.password(&alice, "items:read").await.access_token();
    let explanation = server.explain(&stranger).await;
    assert!(because(&explanation).starts_with("the key that it names is not published"), "{explanation:#}");
    assert_eq!(meaning(&explanation, "sub"), "whom it is about", "what was not verified names nobody");
}

#[tokio::test]
async fn a_refresh_token_is_told_its_place_in_its_grant() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);
    let first = web.password(&alice, "items:read").await;
    let token = first.text("refresh_token");
    let told = async |expected: &str, accepted: bool| {
        let explanation = server.explain(&token).await;
        assert!(because(&explanation).starts_with(expected), "{explanation:#}");
        assert_eq!(explanation["accepted"], accepted, "{expected}");
        explanation
    };
    let explanation = told("it was not used yet", true).await;
    assert_eq!(meaning(&explanation, "sub"), "the user `alice`");
    assert_eq!(
        meaning(&explanation, "grant"),
        format!("the grant, a family of refresh tokens; it was made at {}", now(START))
    );
    let second = web.refresh(&first).await;
    told("it was used at 2027-01-15T08:00:00Z, which is now; until the window", true).await;
    server.advance(Duration::from_secs(40)).await;
    told("it was used at 2027-01-15T08:00:00Z, 40 s ago; a second use now would end the whole grant", false)
        .await;
    web.refresh(&second).await;
    let explanation =
        told("it was used at 2027-01-15T08:00:00Z, 40 s ago, and so was its successor", false).await;
    assert_eq!(explanation["ended_by"], Value::Null, "to explain a token is not to use it");
    web.try_refresh(&first).await;
    told("it was ended at 2027-01-15T08:00:40Z: a refresh token of its grant was used again", false).await;

    let lone =
        server.explain(&Answer::text(&web.password(&alice, "items:read").await, "refresh_token")).await;
    assert_eq!(lone["accepted"], true);
    let elsewhere = Server::start().await;
    assert!(because(&elsewhere.explain(&token).await).starts_with("it is well-formed, but not kept here"));
}

fn now(at: i64) -> String {
    format!("{}, which is now", claviger::clock::moment(at))
}

#[tokio::test]
async fn an_id_token_opens_nothing() {
    let server = Server::start().await;
    let (app, alice) = (server.relying_party("app").await, server.user("alice").await);
    let session = server.session(&alice).await;
    let code = app.code_in(&session, code_request("openid")).await;
    let token = app.try_redeem(&code).await.granted().text("id_token");
    let explanation = server.explain(&token).await;
    assert_eq!((&explanation["kind"], &explanation["accepted"]), (&json!("id_token"), &json!(false)));
    assert!(because(&explanation).starts_with("it is an ID token, and no access token"));
    assert_eq!(meaning(&explanation, "aud"), "it is for this client, and tells it who signed in");
    assert_eq!(meaning(&explanation, "sub"), "the user `alice`");
    server.sign_out(&session).await;
    let explanation = server.explain(&token).await;
    assert_eq!(explanation["ended_by"]["event"], "session.ended");
}

#[tokio::test]
async fn what_was_forged_or_is_foreign_is_told_why_and_nothing_of_it_is_believed() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);
    let token = web.password(&alice, "items:read").await.access_token();
    let (header, claims) = (part(&token, 0), part(&token, 1));
    let forge = |header: Value, claims: &Value| {
        let signature = token.rsplit('.').next().unwrap();
        format!("{}.{}.{signature}", encode(&header), encode(claims))
    };
    let with = |name: &str, value: Value| {
        let mut header = header.clone();
        header[name] = value;
        header
    };
    let foreign = json!({ "iss": "https://other.example", "sub": alice.id, "exp": 4_000_000_000_i64 });
    let altered = {
        let mut claims = claims.clone();
        claims["scope"] = json!("items:read items:write");
        claims
    };
    for (token, expected) in [
        (forge(with("alg", json!("none")), &claims), "its `alg` is `none`"),
        (forge(with("typ", json!("at")), &claims), "its `typ` is `at`"),
        (forge(with("kid", json!("../../etc/passwd")), &claims), "the key that it names is not published"),
        (forge(with("jwk", json!({})), &claims), "its header is not one of ours: unknown field `jwk`"),
        (forge(header.clone(), &altered), "its signature is not that of the key"),
        (forge(header.clone(), &foreign), "it says that its issuer is `https://other.example`"),
        ("garbage".to_owned(), "it is not a token"),
        (format!("{}x", &token[..token.len() - 20]), "its signature is not that of the key"),
    ] {
        let explanation = server.explain(&token).await;
        assert!(because(&explanation).starts_with(expected), "{expected}: {explanation:#}");
        assert_eq!(
            (&explanation["accepted"], &explanation["verified"]),
            (&json!(false), &json!(false)),
            "{expected}"
        );
        assert!(!explanation["claims"].to_string().contains("alice"), "{expected}");
    }
}

fn encode(value: &Value) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string())
}
