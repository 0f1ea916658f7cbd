//! Introspection and revocation: RFC 7662, RFC 7009.

use serde_json::json;

use crate::server::{API, START, Server};

#[tokio::test]
async fn an_active_token_is_described_to_its_client_and_its_api() {
    let server = Server::start().await;
    let (web, api, alice) =
        (server.client("web").await, server.confidential("api").await, server.user("alice").await);
    let token = web.password(&alice, "items:read profile").await;

    let mut answer = api.introspect(&token.access_token()).await;
    answer.as_object_mut().unwrap().remove("jti").unwrap();
    let expected = json!({
        "active": true, "scope": "items:read profile", "client_id": "web", "username": "alice",
        "token_type": "Bearer", "exp": START + 600, "iat": START, "sub": alice.id, "aud": API,
        "iss": "http://localhost:8080", "auth_time": START, "roles": ["writer"],
    });
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn a_user_s_name_is_told_only_for_the_scope_profile() {
    let server = Server::start().await;
    let (api, alice) = (server.confidential("api").await, server.user("alice").await);
    for (scope, name) in [("items:read", None), ("items:read profile", Some("alice"))] {
        let tokens = api.password(&alice, scope).await;
        for token in [tokens.access_token(), tokens.text("refresh_token")] {
            let answer = api.introspect(&token).await;
            assert_eq!((&answer["active"], &answer["sub"]), (&json!(true), &json!(alice.id)));
            assert_eq!(answer.get("username").and_then(|name| name.as_str()), name, "{scope}");
        }
    }
}

/// RFC 7662 §2.2: exactly `{"active":false}`, whatever the reason.
#[tokio::test]
async fn everything_else_is_inactive_and_says_nothing_more() {
    let server = Server::start().await;
    let (web, api, alice) =
        (server.client("web").await, server.confidential("api").await, server.user("alice").await);
    let stranger = server
        .client_with(claviger::admin::client::Description {
            apis: Vec::new(),
            scope: "profile".parse().unwrap(),
            auth_method: claviger::model::AuthMethod::ClientSecretBasic,
            ..crate::server::description("stranger")
        })
        .await;
    let token = web.password(&alice, "items:read").await;
    let (access, refresh) = (token.access_token(), token.text("refresh_token"));

    assert_eq!(stranger.introspect(&access).await, json!({"active": false}), "another API's");
    for text in [&*refresh, "garbage", "a.b.c", &access[..access.len() - 3], "cvr_short"] {
        assert_eq!(api.introspect(text).await, json!({"active": false}), "{text}");
    }
    server.advance(std::time::Duration::from_secs(700)).await;
    assert_eq!(api.introspect(&access).await, json!({"active": false}), "expired");
}

#[tokio::test]
async fn a_client_must_have_a_secret_to_introspect() {
    let server = Server::start().await;
    let web = server.client("web").await;
    let answer = web.post("/introspect", &[("token", "x")]).await;
    assert_eq!((answer.status, answer.error()), (401, "invalid_client"));
}

#[tokio::test]
async fn a_revoked_access_token_is_refused_from_then_on_and_the_grant_goes_on() {
    let server = Server::start().await;
    let (web, api, alice) =
        (server.client("web").await, server.confidential("api").await, server.user("alice").await);
    let token = web.password(&alice, "profile").await;
    server.me(&token.access_token()).await.granted();

    for _ in 0..2 {
        let answer = web.post("/revoke", &[("token", &token.access_token())]).await;
        assert_eq!((answer.status, &answer.body), (200, &json!(null)));
    }
    assert_eq!(server.me(&token.access_token()).await.status, 401);
    assert_eq!(api.introspect(&token.access_token()).await, json!({"active": false}));
    let renewed = web.refresh(&token).await;
    server.me(&renewed.access_token()).await.granted();
}

/// R5.
#[tokio::test]
async fn a_revoked_refresh_token_takes_its_family_along() {
    let server = Server::start().await;
    let (api, alice) = (server.confidential("api").await, server.user("alice").await);
    let first = api.password(&alice, "profile").await;
    let second = api.refresh(&first).await;
    assert_eq!(api.introspect(&second.text("refresh_token")).await["active"], true);
    assert_eq!(api.introspect(&first.text("refresh_token")).await, json!({"active": false}), "it was used");

    let form = [("token", &*first.text("refresh_token")), ("token_type_hint", "access_token")];
    api.post("/revoke", &form).await.granted();
    assert_eq!(api.try_refresh(&second).await.error(), "invalid_grant");
    for token in [&first, &second] {
        assert_eq!(server.me(&token.access_token()).await.status, 401);
        assert_eq!(api.introspect(&token.access_token()).await, json!({"active": false}));
    }
    assert_eq!(api.introspect(&second.text("refresh_token")).await, json!({"active": false}));
}

/// RFC 7009 §2.1, §2.2.
#[tokio::test]
async fn another_client_s_token_cannot_be_revoked_and_an_unknown_one_is_no_error() {
    let server = Server::start().await;
    let (web, other, alice) =
        (server.client("web").await, server.client("other").await, server.user("alice").await);
    let token = web.password(&alice, "profile").await;
    for text in [token.access_token(), token.text("refresh_token")] {
        assert_eq!(other.post("/revoke", &[("token", &text)]).await.error(), "invalid_grant");
    }
    assert_eq!(other.post("/revoke", &[("token", "unknown")]).await.status, 200);
    server.me(&token.access_token()).await.granted();
    web.refresh(&token).await;
}
