//! Scope, audience and roles of a token.

use claviger::admin::client::Description;
use insta::assert_snapshot;
use serde_json::json;

use crate::code_flow::relying_party;
use crate::server::{API, Server, description};

#[tokio::test]
async fn a_token_holds_what_was_asked_for_and_client_api_and_roles_allow() {
    let server = Server::start().await;
    let web = server.client("web").await;
    let (reader, nobody) =
        (server.user_with_roles("reader", &["reader"]).await, server.user_with_roles("nobody", &[]).await);
    assert_eq!(web.password(&reader, "").await.text("scope"), "items:read profile");
    assert_eq!(web.password(&reader, "items:read items:write").await.text("scope"), "items:read");
    assert_eq!(web.password(&nobody, "").await.text("scope"), "profile");
    let refused = web.try_password(&nobody, crate::server::PASSWORD, "items:write").await;
    assert_eq!(refused.error(), "invalid_scope");
}

#[tokio::test]
async fn users_without_a_role_have_the_default_one() {
    let server = Server::start_with("[users]\ndefault_role = \"reader\"").await;
    let (web, nobody) = (server.client("web").await, server.user_with_roles("nobody", &[]).await);
    let token = web.password(&nobody, "").await;
    assert_eq!(token.text("scope"), "items:read profile");
    assert_eq!(token.claims()["roles"], serde_json::json!(["reader"]));
    assert_eq!(web.refresh(&token).await.text("scope"), "items:read profile");
}

/// RFC 8707 §2.
#[tokio::test]
async fn a_token_is_for_one_api_that_its_client_may_ask_for() {
    let server = Server::start().await;
    let scopes = [("orders:read".parse().unwrap(), None)].into();
    let orders = "https://orders.example.com/v1";
    claviger::admin::api::add(&server.app, orders.parse().unwrap(), scopes, Some(120)).await.unwrap();
    let both = server
        .client_with(claviger::admin::client::Description {
            scope: "items:read orders:read".parse().unwrap(),
            apis: vec![API.parse().unwrap(), orders.parse().unwrap()],
            grants: vec!["client_credentials".to_owned()],
            auth_method: claviger::model::AuthMethod::ClientSecretBasic,
            ..description("both")
        })
        .await;

    let default = both.post("/token", &[("grant_type", "client_credentials")]).await.granted();
    assert_eq!((&default.claims()["aud"], &default.claims()["scope"]), (&API.into(), &"items:read".into()));
    let form = [("grant_type", "client_credentials"), ("resource", orders)];
    let other = both.post("/token", &form).await.granted();
    assert_eq!((&other.claims()["aud"], &other.claims()["scope"]), (&orders.into(), &"orders:read".into()));
    assert_eq!(other.body["expires_in"], 120, "the API's own lifetime");
    for resource in ["https://orders.example.com/v1/", "https://elsewhere.example", "x"] {
        let form = [("grant_type", "client_credentials"), ("resource", resource)];
        assert_eq!(both.post("/token", &form).await.error(), "invalid_target", "{resource}");
    }
}

#[tokio::test]
async fn a_client_s_own_token_names_the_client_and_no_user() {
    let server = Server::start().await;
    let backend = server.confidential("backend").await;
    let token = backend.post("/token", &[("grant_type", "client_credentials")]).await.granted();
    let claims = token.claims();
    assert_eq!((&claims["sub"], &claims["client_id"]), (&"backend".into(), &"backend".into()));
    assert!(claims.get("auth_time").is_none() && claims.get("roles").is_none());
    assert!(token.body.get("refresh_token").is_none(), "RFC 6749 §4.4.3");
    assert_eq!(token.text("scope"), "items:read items:write", "`profile` is a user's");
}

/// RFC 6750 §3, §3.1.
#[tokio::test]
async fn bearer_refusals_say_what_is_missing_and_no_more() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);
    let token = web.password(&alice, "items:read").await;

    assert_snapshot!(server.get("/users/me").await.wire(), @r#"
    401 Unauthorized
    cache-control: no-store
    www-authenticate: Bearer realm="claviger", resource_metadata="http://localhost:8080/.well-known/oauth-protected-resource"
    "#);
    assert_snapshot!(server.me("not-a-token").await.wire(), @r#"
    401 Unauthorized
    cache-control: no-store
    www-authenticate: Bearer realm="claviger", error="invalid_token", error_description="the access token is malformed, expired or revoked", resource_metadata="http://localhost:8080/.well-known/oauth-protected-resource"
    {"error":"invalid_token","error_description":"the access token is malformed, expired or revoked"}
    "#);
    assert_snapshot!(server.me(&token.access_token()).await.wire(), @r#"
    403 Forbidden
    cache-control: no-store
    www-authenticate: Bearer realm="claviger", error="insufficient_scope", error_description="the token lacks a scope that this needs: `profile`", scope="profile", resource_metadata="http://localhost:8080/.well-known/oauth-protected-resource"
    {"error":"insufficient_scope","error_description":"the token lacks a scope that this needs: `profile`"}
    "#);
}

#[tokio::test]
async fn a_user_sees_their_own_profile() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);
    let token = web.password(&alice, "profile").await;
    assert_snapshot!(server.me(&token.access_token()).await.wire(), @r#"
    200 OK
    cache-control: no-store
    {"disabled":false,"email":"alice@example.com","full_name":"ALICE","roles":["writer"],"username":"alice"}
    "#);
}

/// What a client of somebody else's may see is what the user let it have.
#[tokio::test]
async fn a_client_of_others_sees_of_a_profile_what_its_scope_opens() {
    let server = Server::start().await;
    let alice = server.user_with_roles("alice", &["reader", "writer"]).await;
    let foreign = Description { first_party: false, ..relying_party("foreign") };
    let grants = ["authorization_code", "refresh_token"].map(str::to_owned).into();
    let foreign = server.client_with(Description { grants, ..foreign }).await;
    for (scope, email, roles) in [
        ("profile", json!(null), json!([])),
        ("profile email", json!("alice@example.com"), json!([])),
        ("profile items:read", json!(null), json!(["reader", "writer"])),
        ("profile items:write", json!(null), json!(["writer"])),
    ] {
        let token = foreign.tokens(&alice, scope).await.access_token();
        let expected = json!({
            "username": "alice", "full_name": "ALICE", "email": email, "disabled": false, "roles": roles,
        });
        assert_eq!(server.me(&token).await.granted().body, expected, "{scope}");
    }
}

#[tokio::test]
async fn a_token_expires_and_a_little_skew_is_forgiven() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);
    let token = web.password(&alice, "profile").await.access_token();
    server.advance(std::time::Duration::from_secs(629)).await;
    assert_eq!(server.me(&token).await.status, 200);
    server.advance(std::time::Duration::from_secs(1)).await;
    assert_eq!(server.me(&token).await.status, 401);
}
