//! Redeeming authorization codes: RFC 6749 §4.1.3, RFC 7636, and the races.

use std::time::Duration;

use claviger::admin::client::Description;
use claviger::model::{AuthMethod, Profile};
use claviger::store::Retention;
use insta::assert_snapshot;

use crate::code_flow::{REDIRECT_URI, VERIFIER, code_request, relying_party};
use crate::server::{API, START, Server};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test]
async fn a_code_gives_tokens_for_the_user_of_its_session() {
    let server = Server::start().await;
    let (app, alice) = (server.relying_party("app").await, server.user("alice").await);

    let code = app.code(&alice, "openid profile items:read").await;
    assert!(code.starts_with("cvc_"));
    server.advance(seconds(10)).await;
    let tokens = app.try_redeem(&code).await.granted();
    let claims = tokens.claims();
    assert_eq!(
        (&claims["sub"], &claims["aud"], &claims["client_id"]),
        (&alice.id.clone().into(), &API.into(), &"app".into())
    );
    assert_eq!(
        (&claims["auth_time"], &claims["scope"]),
        (&START.into(), &"items:read openid profile".into())
    );
    assert_eq!((&tokens.body["token_type"], &tokens.body["expires_in"]), (&"Bearer".into(), &600.into()));
    assert_eq!(tokens.headers["cache-control"], "no-store");
    server.me(&tokens.access_token()).await.granted();
    app.refresh(&tokens).await;
}

/// A client that may not use refresh tokens is given none, and one without `openid` no ID token.
#[tokio::test]
async fn a_code_gives_no_more_than_its_client_and_scope_ask_for() {
    let server = Server::start().await;
    let grants = vec!["authorization_code".to_owned()];
    let scope = "items:read items:write openid".parse().unwrap();
    let app = server.client_with(Description { grants, scope, ..relying_party("app") }).await;
    let alice = server.user("alice").await;
    let tokens = app.tokens(&alice, "items:read").await;
    assert_eq!(tokens.text("scope"), "items:read");
    assert!(tokens.body.get("refresh_token").is_none() && tokens.body.get("id_token").is_none());
}

/// oidcc-codereuse: RFC 6749 §4.1.2.
#[tokio::test]
async fn a_code_is_good_for_one_use_and_its_second_use_ends_what_the_first_gave() {
    let server = Server::start().await;
    let (app, alice) = (server.relying_party("app").await, server.user("alice").await);

    let code = app.code(&alice, "openid profile").await;
    let first = app.try_redeem(&code).await.granted();
    let second = app.refresh(&first).await;
    assert_snapshot!(app.try_redeem(&code).await.wire(), @r#"
    400 Bad Request
    cache-control: no-store
    {"error":"invalid_grant","error_description":"the authorization code is not valid"}
    "#);
    assert_eq!(app.try_refresh(&second).await.error(), "invalid_grant");
    for token in [&first, &second] {
        assert_eq!(server.me(&token.access_token()).await.status, 401);
    }
    let reused = server.database().await.count("audit WHERE event = 'authorization_code.reused'").await;
    assert_eq!(reused, 1);
}

/// oidcc-codereuse-30seconds, and later: for an hour after its time.
#[tokio::test]
async fn a_used_code_that_comes_back_late_still_ends_what_it_gave() {
    let server = Server::start().await;
    let (app, alice) = (server.relying_party("app").await, server.user("alice").await);
    for wait in [30, 1800] {
        let code = app.code(&alice, "profile").await;
        let tokens = app.try_redeem(&code).await.granted();
        server.advance(seconds(wait)).await;
        let current = app.refresh(&tokens).await;
        assert_eq!(app.try_redeem(&code).await.error(), "invalid_grant");
        assert_eq!(server.me(&current.access_token()).await.status, 401, "{wait} s");
    }
}

#[tokio::test]
async fn a_code_expires_after_sixty_seconds_or_what_its_client_s_profile_says() {
    let server = Server::start().await;
    let (app, alice) = (server.relying_party("app").await, server.user("alice").await);
    let profile = Profile { code_lifetime: Some(5), ..Profile::default() };
    let brief = server.client_with(Description { profile, ..relying_party("brief") }).await;

    for (client, lifetime) in [(&app, 60), (&brief, 5)] {
        let (good, late) = (client.code(&alice, "profile").await, client.code(&alice, "profile").await);
        server.advance(seconds(lifetime - 1)).await;
        client.try_redeem(&good).await.granted();
        server.advance(seconds(1)).await;
        assert_eq!(client.try_redeem(&late).await.error(), "invalid_grant", "{}", client.id);
    }
}

/// R8: a browser that asks and asks makes its own requests void, not the disk full.
#[tokio::test]
async fn of_the_codes_of_a_session_that_nobody_redeems_the_newest_are_kept() {
    let server = Server::start().await;
    let (app, alice) = (server.relying_party("app").await, server.user("alice").await);
    let (session, other) = (server.session(&alice).await, server.session(&alice).await);
    let beside = app.code_in(&other, code_request("profile")).await;
    let redeemed = app.code_in(&session, code_request("profile")).await;
    let tokens = app.try_redeem(&redeemed).await.granted();

    let mut codes = Vec::new();
    for _ in 0..34 {
        codes.push(app.code_in(&session, code_request("profile")).await);
        server.advance(seconds(1)).await;
    }
    let kept = "authorization_codes WHERE redeemed_at IS NULL";
    assert_eq!(server.database().await.count(kept).await, 32 + 1);
    for code in &codes[..2] {
        assert_eq!(app.try_redeem(code).await.error(), "invalid_grant");
    }
    for code in codes[2..].iter().chain([&beside]) {
        app.try_redeem(code).await.granted();
    }
    assert_eq!(app.try_redeem(&redeemed).await.error(), "invalid_grant", "its reuse is still noticed");
    assert_eq!(app.try_refresh(&tokens).await.error(), "invalid_grant");
}

/// R8.
#[tokio::test]
async fn a_code_that_nobody_redeemed_is_forgotten_soon_after_its_end_and_another_after_an_hour() {
    let server = Server::start().await;
    let (app, alice) = (server.relying_party("app").await, server.user("alice").await);
    app.tokens(&alice, "profile").await;
    app.code(&alice, "profile").await;
    let retention = Retention { families: 3600, audit: 86_400, failures: 86_400, known_prefixes: 86_400 };
    let left = async |passed| {
        assert!(!server.app.store.sweep(START + passed, retention).await.unwrap());
        server.database().await.count("authorization_codes").await
    };
    assert_eq!((left(119).await, left(120).await), (2, 1));
    assert_eq!((left(60 + 3599).await, left(60 + 3600).await), (1, 0));
}

/// Who presents a code without what it was committed to has not used it, and learns nothing of it.
#[tokio::test]
async fn a_code_that_is_presented_wrongly_stays_good() {
    let server = Server::start().await;
    let (app, alice) = (server.relying_party("app").await, server.user("alice").await);
    let other = server.relying_party("other").await;

    let code = app.code(&alice, "profile").await;
    let wrong: [(&[(&str, &str)], &str); 10] = [
        (&[("redirect_uri", "")], "invalid_grant"),
        (&[("redirect_uri", "https://app.example.com/callback")], "invalid_grant"),
        (&[("redirect_uri", "https://app.example.com/callback?from=claviger&")], "invalid_grant"),
        (&[("redirect_uri", "https://APP.example.com/callback?from=claviger")], "invalid_grant"),
        (&[("code_verifier", "")], "invalid_grant"),
        (&[("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXK")], "invalid_grant"),
        (&[("code_verifier", "too short")], "invalid_request"),
        (&[("resource", "https://other.example.com")], "invalid_target"),
        (&[("code", "")], "invalid_request"),
        (&[("code", "cvc_x")], "invalid_grant"),
    ];
    for (change, error) in wrong {
        assert_eq!(app.redeem_with(&code, change).await.error(), error, "{change:?}");
    }
    assert_eq!(other.try_redeem(&code).await.error(), "invalid_grant");
    let stranger = other.try_redeem("cvc_x").await.wire();
    assert_eq!(other.try_redeem(&code).await.wire(), stranger, "another's code is like none");

    app.redeem_with(&code, &[("resource", API)]).await.granted();
    assert_eq!(app.redeem_with(&code, &[("code_verifier", "")]).await.error(), "invalid_grant");
}

/// Not even a thief who lacks the verifier can end what a code gave.
#[tokio::test]
async fn only_who_could_have_used_a_code_can_use_it_twice() {
    let server = Server::start().await;
    let (app, alice) = (server.relying_party("app").await, server.user("alice").await);
    let code = app.code(&alice, "profile").await;
    let tokens = app.try_redeem(&code).await.granted();
    app.redeem_with(&code, &[("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXK")]).await;
    server.me(&tokens.access_token()).await.granted();
}

/// RFC 9700 §2.1.1: a challenge cannot be stripped from the request.
#[tokio::test]
async fn a_verifier_without_a_challenge_is_refused() {
    let server = Server::start().await;
    let (app, alice) = (server.relying_party("app").await, server.user("alice").await);
    let session = server.session(&alice).await;
    let request = || claviger::code::CodeRequest { code_challenge: None, ..code_request("profile") };
    let code = app.code_in(&session, request()).await;
    assert_eq!(app.redeem_with(&code, &[("code_verifier", VERIFIER)]).await.error(), "invalid_grant");
    app.redeem_with(&code, &[("code_verifier", "")]).await.granted();
}

/// RFC 6749 §4.1.3: demanded where it was sent, and else the sole registered one at most.
#[tokio::test]
async fn a_redirect_uri_that_was_left_out_may_be_left_out() {
    let server = Server::start().await;
    let (app, alice) = (server.relying_party("app").await, server.user("alice").await);
    let session = server.session(&alice).await;
    for (given, is_good) in [("", true), (REDIRECT_URI, true), ("https://app.example.com/", false)] {
        let request = claviger::code::CodeRequest { redirect_uri: None, ..code_request("profile") };
        let code = app.code_in(&session, request).await;
        let answer = app.redeem_with(&code, &[("redirect_uri", given)]).await;
        assert_eq!(answer.status == 200, is_good, "{given}: {answer:?}");
    }
}

#[tokio::test]
async fn a_public_client_redeems_by_its_verifier_alone() {
    let server = Server::start().await;
    let spa = Description {
        auth_method: AuthMethod::None,
        grants: ["authorization_code", "refresh_token"].map(str::to_owned).into(),
        ..relying_party("spa")
    };
    let (spa, alice) = (server.client_with(spa).await, server.user("alice").await);
    let tokens = spa.tokens(&alice, "openid").await;
    spa.refresh(&tokens).await;
}

#[tokio::test]
async fn a_role_that_was_taken_away_meanwhile_is_not_granted() {
    let server = Server::start().await;
    let (app, alice) = (server.relying_party("app").await, server.user("alice").await);
    let (some, nothing) =
        (app.code(&alice, "openid items:write").await, app.code(&alice, "items:write").await);
    server.change_roles(&alice, &["reader"], &["writer"]).await;
    assert_eq!(app.try_redeem(&some).await.granted().text("scope"), "openid");
    assert_eq!(app.try_redeem(&nothing).await.error(), "invalid_scope");
    server.change_roles(&alice, &["writer"], &[]).await;
    app.try_redeem(&nothing).await.granted();
}

/// What was not consented to is not granted, whatever a code says; a first-party client that asks nobody needs none.
#[tokio::test]
async fn a_code_rests_on_consent_that_covers_its_scope() {
    use claviger::model::{ConsentPolicy, Event};

    let server = Server::start().await;
    let alice = server.user("alice").await;
    let profile = Profile { consent: ConsentPolicy::Skip, ..Profile::default() };
    let own = server.client_with(Description { profile, ..relying_party("own") }).await;
    let app = server.relying_party("app").await;
    let session = server.session(&alice).await;
    for (client, is_good) in [(&app, false), (&own, true)] {
        let id = client.id.parse().unwrap();
        let entry = server.app.audit(Event::ConsentGranted);
        let user = session.user().id;
        let (api, scope) = (API.parse().unwrap(), "profile".parse().unwrap());
        server.app.store.grant_consent(user, id, api, scope, entry).await.unwrap();
        let live = server.app.store.live_client(&client.id.parse().unwrap()).await.unwrap().unwrap();
        let request = code_request("profile email");
        let code = claviger::code::issue_code(&server.app, &live, &session, request).await.unwrap();
        assert_eq!(client.try_redeem(&code).await.status == 200, is_good, "{}", client.id);
    }
}

/// R1: fifty at once, one winner, and its tokens are revoked by the second use.
#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_parallel_redemptions_one_wins_and_its_tokens_are_revoked() {
    let server = Server::start().await;
    let (app, alice) = (server.relying_party("app").await, server.user("alice").await);
    let session = server.session(&alice).await;

    let rounds = std::env::var("TEST_RACES").map_or(200, |rounds| rounds.parse().unwrap());
    for round in 0..rounds {
        let code = app.code_in(&session, code_request("openid profile")).await;
        let uses = (0..50).map(|_| app.try_redeem(&code));
        let answers = futures_util::future::join_all(uses).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!(won.len(), 1, "round {round}");
        assert!(lost.iter().all(|answer| answer.error() == "invalid_grant"), "round {round}: {lost:?}");
        assert_eq!(server.me(&won[0].access_token()).await.status, 401, "round {round}");
        assert_eq!(app.try_refresh(&won[0]).await.error(), "invalid_grant", "round {round}");
    }
}
