//! The userinfo endpoint (OpenID Connect Core §5.3) and the metadata that goes with it.

use claviger::admin::client::Description;
use claviger::code::CodeRequest;
use insta::assert_snapshot;
use serde_json::json;

use crate::code_flow::{code_request, relying_party};
use crate::server::{Answer, Server};

/// oidcc-userinfo-get, oidcc-userinfo-post-header, oidcc-userinfo-post-body.
#[tokio::test]
async fn userinfo_takes_the_token_in_the_header_or_in_a_form() {
    let server = Server::start().await;
    let (app, alice) = (server.relying_party("app").await, server.user("alice").await);
    let token = app.tokens(&alice, "openid email").await.access_token();
    let form = [("access_token", &*token)];

    let expected = json!({"sub": alice.id, "email": "alice@example.com", "email_verified": false});
    for request in [
        server.request("GET", "/userinfo").bearer_auth(&token),
        server.request("POST", "/userinfo").bearer_auth(&token),
        server.request("POST", "/userinfo").form(&form),
    ] {
        let answer = Answer::of(request).await.granted();
        assert_eq!(answer.body, expected);
        assert_eq!(
            (&*answer.headers["content-type"], &*answer.headers["cache-control"]),
            ("application/json", "no-store")
        );
    }
    let both = server.request("POST", "/userinfo").bearer_auth(&token).form(&form);
    assert_snapshot!(Answer::of(both).await.wire(), @r#"
    400 Bad Request
    cache-control: no-store
    {"error":"invalid_request","error_description":"the access token comes by two ways, but one is allowed"}
    "#);
    for elsewhere in [
        server.request("GET", &format!("/userinfo?access_token={token}")),
        server.request("POST", &format!("/userinfo?access_token={token}")),
        server.request("GET", "/userinfo").form(&form),
    ] {
        assert_eq!(Answer::of(elsewhere).await.status, 401);
    }
    let json = server.request("POST", "/userinfo").json(&json!({"access_token": token}));
    assert_eq!(Answer::of(json).await.status, 415);
}

#[tokio::test]
async fn userinfo_tells_what_the_scope_and_the_request_ask_for() {
    let server = Server::start().await;
    let (app, alice) = (server.relying_party("app").await, server.user("alice").await);
    let session = server.session(&alice).await;
    let info = async |scope: &str, asked: Option<serde_json::Value>| {
        let claims = asked.map(|asked| asked.to_string().parse().unwrap());
        let request = CodeRequest { claims, ..code_request(scope) };
        let tokens = app.try_redeem(&app.code_in(&session, request).await).await.granted();
        let request = server.request("GET", "/userinfo").bearer_auth(tokens.access_token());
        Answer::of(request).await.granted().body
    };
    assert_eq!(info("openid", None).await, json!({"sub": alice.id}));
    let profile = info("openid profile", None).await;
    assert_eq!((&profile["name"], &profile["preferred_username"]), (&"ALICE".into(), &"alice".into()));
    assert!(profile.get("email").is_none());
    let asked =
        json!({"userinfo": {"email": null, "name": {"value": "BOB"}}, "id_token": {"phone_number": null}});
    assert_eq!(info("openid", Some(asked)).await, json!({"sub": alice.id, "email": "alice@example.com"}));
}

/// RFC 6750 §3.1.
#[tokio::test]
async fn userinfo_refuses_what_is_not_about_a_user_any_more() {
    let server = Server::start().await;
    let (app, alice) = (server.relying_party("app").await, server.user("alice").await);
    assert_snapshot!(server.get("/userinfo").await.wire(), @r#"
    401 Unauthorized
    cache-control: no-store
    www-authenticate: Bearer realm="claviger", resource_metadata="http://localhost:8080/.well-known/oauth-protected-resource"
    "#);
    let info = async |token: String| Answer::of(server.request("GET", "/userinfo").bearer_auth(token)).await;
    let without = info(app.tokens(&alice, "profile").await.access_token()).await;
    assert_snapshot!(without.wire(), @r#"
    403 Forbidden
    cache-control: no-store
    www-authenticate: Bearer realm="claviger", error="insufficient_scope", error_description="the token lacks a scope that this needs: `openid`", scope="openid", resource_metadata="http://localhost:8080/.well-known/oauth-protected-resource"
    {"error":"insufficient_scope","error_description":"the token lacks a scope that this needs: `openid`"}
    "#);

    let session = server.session(&alice).await;
    let tokens = app.try_redeem(&app.code_in(&session, code_request("openid")).await).await.granted();
    info(tokens.access_token()).await.granted();
    server.sign_out(&session).await;
    assert_eq!(info(tokens.access_token()).await.error(), "invalid_token");
}

/// oidc-client-ts reads it from the page.
#[tokio::test]
async fn pages_of_registered_origins_may_read_userinfo() {
    let server = Server::start().await;
    server.relying_party("app").await;
    server
        .until("the client is known", async |server| {
            server.app.directory().has_origin("https://app.example.com")
        })
        .await;
    let request = || server.request("GET", "/userinfo");
    let refused = Answer::of(request().header("origin", "https://app.example.com")).await;
    assert_eq!(refused.headers["access-control-allow-origin"], "https://app.example.com");
    let stranger = Answer::of(request().header("origin", "https://other.example.com")).await;
    assert!(!stranger.headers.contains_key("access-control-allow-origin"));
}

/// Nothing is named that no client may use, and all that OpenID Connect Discovery §3 demands when one may.
#[tokio::test]
async fn the_metadata_tells_of_signing_in_while_a_client_may_use_it() {
    let server = Server::start().await;
    let document = async || server.get("/.well-known/openid-configuration").await.granted().body;
    let before = document().await;
    assert_eq!(before["response_types_supported"], json!([]));
    for member in ["authorization_endpoint", "userinfo_endpoint", "claims_supported", "end_session_endpoint"]
    {
        assert!(before.get(member).is_none(), "{member}");
    }

    let (grants, scope) = (vec!["authorization_code".to_owned()], "openid".parse().unwrap());
    server.client_with(Description { grants, scope, ..relying_party("app") }).await;
    // The API may become known after what was read before.
    let is_known = async |_: &Server| document().await.get("authorization_endpoint").is_some();
    server.until("the client is known", is_known).await;
    let mut document = document().await;
    assert_eq!(document, server.get("/.well-known/oauth-authorization-server").await.body);
    let claims = document["claims_supported"].take();
    for claim in [
        "sub",
        "iss",
        "auth_time",
        "acr",
        "name",
        "email",
        "email_verified",
        "address",
        "phone_number",
        "updated_at",
    ] {
        assert!(claims.as_array().unwrap().contains(&claim.into()), "{claim}");
    }
    let expected = json!({
        "issuer": "http://localhost:8080",
        "authorization_endpoint": "http://localhost:8080/authorize",
        "token_endpoint": "http://localhost:8080/token",
        "userinfo_endpoint": "http://localhost:8080/userinfo",
        "jwks_uri": "http://localhost:8080/.well-known/jwks.json",
        "revocation_endpoint": "http://localhost:8080/revoke",
        "introspection_endpoint": "http://localhost:8080/introspect",
        "end_session_endpoint": "http://localhost:8080/logout",
        "scopes_supported":
            ["address", "email", "items:read", "items:write", "offline_access", "openid", "phone", "profile"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": ["authorization_code"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "subject_types_supported": ["public", "pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "acr_values_supported": ["1"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "display_values_supported": ["page", "popup", "touch", "wap"],
        "ui_locales_supported": ["en", "de"],
        "claim_types_supported": ["normal"],
        "claims_supported": null,
        "claims_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
    });
    assert_eq!(document, expected);
}
