//! Metadata of protected resources (RFC 9728): of APIs, and of the server itself.

use claviger::admin;
use serde_json::json;

use crate::server::{API, Answer, Server};

const PATH: &str = "/.well-known/oauth-protected-resource";

/// What is told of a resource, as soon as the server has seen that it is there.
async fn told(server: &Server, query: &str) -> Answer {
    let url = format!("{PATH}{query}");
    server.until("it is told of", async |server| server.get(&url).await.status == 200).await;
    server.get(&url).await
}

/// RFC 9728 §2, §3.3.
#[tokio::test]
async fn an_api_is_described_by_the_uri_that_its_tokens_are_for() {
    let server = Server::start().await;
    let expected = json!({
        "resource": API,
        "authorization_servers": ["http://localhost:8080"],
        "scopes_supported": ["items:read", "items:write"],
        "bearer_methods_supported": ["header"],
    });
    assert_eq!(told(&server, "?resource=https%3A%2F%2Fapi.example.com").await.body, expected);
    assert_eq!(told(&server, &format!("?resource={API}")).await.body, expected, "also as it is");
}

/// RFC 9728 §3.3: what is compared as written is found as written.
#[tokio::test]
async fn nothing_is_said_of_what_is_no_api() {
    let server = Server::start().await;
    told(&server, &format!("?resource={API}")).await;
    for (query, status) in [
        ("?resource=https://api.example.com/", 404),
        ("?resource=https://API.example.com", 404),
        ("?resource=https://other.example", 404),
        ("/https://api.example.com", 404),
        ("?resource=https://api.example.com&resource=https://api.example.com", 400),
        ("?resource=%ff", 400),
    ] {
        assert_eq!(server.get(&format!("{PATH}{query}")).await.status, status, "{query}");
    }
    let host = server.request("GET", PATH).header("host", "api.example.com").header("x-forwarded-host", API);
    let own = Answer::of(host).await.body;
    assert_eq!(own["resource"], "http://localhost:8080", "a header says nothing");
}

#[tokio::test]
async fn the_server_describes_itself_as_the_resource_that_its_own_endpoints_are() {
    let server = Server::start().await;
    server.client("web").await;
    assert_eq!(
        server.get(PATH).await.body,
        json!({
            "resource": "http://localhost:8080",
            "authorization_servers": ["http://localhost:8080"],
            "scopes_supported": ["profile"],
            "bearer_methods_supported": ["header"],
        })
    );
    let by_its_issuer = format!("{PATH}?resource=http://localhost:8080");
    assert_eq!(server.get(&by_its_issuer).await.body, server.get(PATH).await.body);
}

/// RFC 9728 §5.1.
#[tokio::test]
async fn every_bearer_challenge_names_the_metadata() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);
    let token = web.password(&alice, "items:read").await.access_token();
    let named = "resource_metadata=\"http://localhost:8080/.well-known/oauth-protected-resource\"";
    for path in ["/users/me", "/userinfo"] {
        for token in [None, Some("x.y.z"), Some(&*token)] {
            let request = server.request("GET", path);
            let request = token.into_iter().fold(request, |request, token| request.bearer_auth(token));
            let answer = Answer::of(request).await;
            let challenge = &answer.headers["www-authenticate"];
            assert!(challenge.starts_with("Bearer realm="), "{challenge}");
            assert!(challenge.ends_with(&format!(", {named}")), "{path} {token:?}: {challenge}");
        }
    }
    let basic = server.request("POST", "/token").basic_auth("nobody", Some("x"));
    let answer = Answer::of(basic.form(&[("grant_type", "password")])).await;
    assert!(!answer.headers["www-authenticate"].contains("resource_metadata"));
}

/// RFC 9111, RFC 9110 §13.
#[tokio::test]
async fn the_metadata_of_an_api_is_kept_as_long_as_it_holds() {
    let server = Server::start().await;
    let url = format!("{PATH}?resource={API}");
    let first = told(&server, &format!("?resource={API}")).await;
    assert_eq!(first.headers["cache-control"], "public, max-age=300");
    assert_eq!(first.headers["access-control-allow-origin"], "*");
    let asked = async |etag: &str| {
        let request = server.request("GET", &url).header("if-none-match", etag);
        request.send().await.unwrap().status().as_u16()
    };
    let etag = &first.headers["etag"];
    assert_eq!((asked(etag).await, asked("\"another\"").await), (304, 200));

    admin::api::remove(&server.app, &API.parse().unwrap()).await.unwrap();
    server.until("the API is gone", async |server| server.get(&url).await.status == 404).await;
}
