//! Malformed requests: the exact error of the RFC, and nothing written.

use insta::assert_snapshot;

use crate::browser::Browser;
use crate::server::{Answer, Server};

const FORM: &str = "application/x-www-form-urlencoded";

async fn post(server: &Server, path: &str, content_type: &str, body: impl Into<reqwest::Body>) -> Answer {
    Answer::of(server.request("POST", path).header("content-type", content_type).body(body)).await
}

#[tokio::test]
async fn every_malformed_token_request_has_its_error() {
    let server = Server::start().await;
    server.client("web").await;
    let long = format!("grant_type=password&client_id=web&username={}&password=x", "a".repeat(9_000));
    let cases = [
        ("", 401, "invalid_client"),
        ("client_id=web", 400, "invalid_request"),
        ("client_id=web&grant_type=", 400, "invalid_request"),
        ("client_id=web&grant_type=unknown", 400, "unsupported_grant_type"),
        ("client_id=web&grant_type=PASSWORD", 400, "unsupported_grant_type"),
        ("client_id=web&grant_type=password", 400, "invalid_request"),
        ("client_id=web&grant_type=password&username=a", 400, "invalid_request"),
        ("client_id=web&grant_type=password&username=a&username=b&password=c", 400, "invalid_request"),
        ("client_id=web&client_id=web&grant_type=password", 400, "invalid_request"),
        ("client_id=web&grant_type=password&username=a%00&password=c", 400, "invalid_request"),
        ("client_id=web&grant_type=password&username=%ff&password=c", 400, "invalid_request"),
        ("client_id=web&grant_type=password&username=%4&password=c", 400, "invalid_request"),
        ("client_id=web&grant_type=refresh_token&refresh_token=x", 400, "invalid_grant"),
        (
            "client_id=web&grant_type=refresh_token&refresh_token=eyJhbGciOiJub25lIn0.e30.",
            400,
            "invalid_grant",
        ),
        ("client_id=web&grant_type=client_credentials", 400, "unauthorized_client"),
        ("client_id=nobody&grant_type=password", 401, "invalid_client"),
        ("client_id=web&client_secret=x&grant_type=password", 401, "invalid_client"),
        ("client_id=%20&grant_type=password", 401, "invalid_client"),
        ("client_secret=x&grant_type=password", 400, "invalid_request"),
        ("grant_type=password&client_id=web&username=a&password=b&scope=a%20%20b", 400, "invalid_scope"),
        ("grant_type=password&client_id=web&username=a&password=b&scope=%22", 400, "invalid_scope"),
        (&long, 400, "invalid_grant"),
    ];
    for (body, status, error) in cases {
        let answer = post(&server, "/token", FORM, body.to_owned()).await;
        assert_eq!((answer.status, answer.error()), (status, error), "{body}");
        assert_eq!(answer.headers["cache-control"], "no-store", "{body}");
        assert_eq!(answer.headers["content-type"], "application/json", "{body}");
        assert_eq!(answer.headers.contains_key("www-authenticate"), status == 401, "{body}");
    }
}

#[tokio::test]
async fn client_authentication_is_by_exactly_one_method() {
    let server = Server::start().await;
    let backend = server.confidential("backend").await;
    let secret = backend.secret.clone().unwrap();
    let ask = async |headers: &[(&str, &str)], form: &[(&str, &str)]| {
        let mut form = form.to_vec();
        form.push(("grant_type", "client_credentials"));
        let request = server.request("POST", "/token").form(&form);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = Answer::of(request).await;
        (answer.status, answer.error().to_owned())
    };
    let basic = |pair: String| {
        use base64::Engine as _;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
    };
    let good = basic(format!("backend:{secret}"));
    let invalid = |status, error: &str| (status, error.to_owned());

    assert_eq!(ask(&[("authorization", &good)], &[]).await, (200, String::new()));
    assert_eq!(ask(&[("authorization", &good)], &[("client_id", "backend")]).await, (200, String::new()));
    let both = [("client_id", "backend"), ("client_secret", &*secret)];
    assert_eq!(ask(&[("authorization", &good)], &both).await, invalid(400, "invalid_request"));
    assert_eq!(
        ask(&[("authorization", &good)], &[("client_id", "web")]).await,
        invalid(400, "invalid_request")
    );
    assert_eq!(
        ask(&[("authorization", &good), ("authorization", &good)], &[]).await,
        invalid(400, "invalid_request")
    );
    assert_eq!(ask(&[], &both).await, invalid(401, "invalid_client"), "it is registered for Basic");
    assert_eq!(ask(&[], &[("client_id", "backend")]).await, invalid(401, "invalid_client"));
    for bad in [
        &*basic("backend:wrong".to_owned()),
        &basic("backend:".to_owned()),
        "Basic",
        "Basic !",
        "Bearer x",
        &basic("x".to_owned()),
    ] {
        assert_eq!(ask(&[("authorization", bad)], &[]).await, invalid(401, "invalid_client"), "{bad}");
    }
}

#[tokio::test]
async fn bodies_that_are_no_form_are_refused() {
    let server = Server::start().await;
    server.client("web").await;
    let body = "client_id=web&grant_type=password&username=a&password=b";
    for content_type in [
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded; charset=iso-8859-1",
        "",
    ] {
        let answer = post(&server, "/token", content_type, body).await;
        assert_eq!((answer.status, answer.error()), (415, "invalid_request"), "{content_type}");
    }
    let answer = post(&server, "/token", "application/x-www-form-urlencoded; charset=UTF-8", body).await;
    assert_eq!(answer.error(), "invalid_grant");
    let answer = post(&server, "/token?client_id=web", FORM, body).await;
    assert_eq!((answer.status, answer.error()), (400, "invalid_request"), "parameters in the URI");
}

#[tokio::test]
async fn a_body_over_16_kib_is_not_read() {
    let server = Server::start().await;
    server.client("web").await;
    let body = format!("client_id=web&grant_type=password&username=a&password={}", "x".repeat(17_000));
    assert_snapshot!(post(&server, "/token", FORM, body.clone()).await.wire(), @r#"
    413 Payload Too Large
    cache-control: no-store
    {"error":"invalid_request","error_description":"the body is larger than 16384 bytes"}
    "#);
}

/// RFC 9110 §15.5.6.
#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let server = Server::start().await;
    let reads = [
        "/users/me",
        "/.well-known/jwks.json",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/healthz",
        "/readyz",
    ];
    for path in reads {
        let answer = Answer::of(server.request("DELETE", path)).await;
        assert_eq!((answer.status, &*answer.headers["allow"]), (405, "GET, HEAD, OPTIONS"), "{path}");
    }
    assert_snapshot!(server.get("/token").await.wire(), @r#"
    405 Method Not Allowed
    allow: POST, OPTIONS
    cache-control: no-store
    {"error":"invalid_request","error_description":"this path takes POST, OPTIONS"}
    "#);
    for path in ["/revoke", "/introspect"] {
        assert_eq!(server.get(path).await.status, 405, "{path}");
    }
}

#[tokio::test]
async fn an_unknown_path_is_not_found() {
    let server = Server::start().await;
    for path in [
        "/",
        "/token/x",
        "/users",
        "/users/me/x",
        "/.well-known",
        "/%00",
        "/..%2ftoken",
        "/%74oken",
        "/token//",
        "//token",
        "/assets",
        "/assetsx",
    ] {
        let answer = server.get(path).await;
        assert_eq!((answer.status, answer.error()), (404, "invalid_request"), "{path}");
    }
    let browser = Browser::new(&server);
    let page = browser.step(browser.request("GET", "/x").header("accept", "text/html,*/*;q=0.8"), "/x").await;
    assert_eq!(page.status, 404);
    assert!(page.body.contains("There is nothing here"), "{page:?}");
}

#[tokio::test]
async fn tokens_at_the_wrong_place_are_refused() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);
    let token = web.password(&alice, "profile").await;
    assert_eq!(server.me(&token.text("refresh_token")).await.status, 401);
    let form = [("grant_type", "refresh_token"), ("refresh_token", &*token.access_token())];
    assert_eq!(web.post("/token", &form).await.error(), "invalid_grant");
    let in_query = server.get(&format!("/users/me?access_token={}", token.access_token())).await;
    assert_eq!(in_query.status, 401, "RFC 9700 §4.3.2: never in the query");
}

/// Fetch standard: preflights and answers, refusals included, are for registered origins alone.
#[tokio::test]
async fn pages_of_registered_origins_may_read_answers() {
    let server = Server::start().await;
    server.client("web").await;
    let origin = "https://app.example.com";
    server.until("the origin is known", async |server| server.app.directory().has_origin(origin)).await;
    let ask = async |method: &str, path: &str, origin: &str| {
        let request = server
            .request(method, path)
            .header("origin", origin)
            .header("access-control-request-method", "POST");
        Answer::of(request).await
    };
    let allowed = |answer: &Answer| answer.headers.get("access-control-allow-origin").cloned();

    let preflight = ask("OPTIONS", "/token", origin).await;
    assert_eq!((preflight.status, allowed(&preflight)), (204, Some(origin.to_owned())));
    let refused = ask("POST", "/token", origin).await;
    assert_eq!((refused.status, allowed(&refused)), (415, Some(origin.to_owned())));
    assert_eq!(
        refused.headers["access-control-expose-headers"],
        "www-authenticate, retry-after, x-request-id"
    );
    for path in ["/token", "/revoke", "/users/me"] {
        assert_eq!(allowed(&ask("OPTIONS", path, "https://evil.example").await), None, "{path}");
        assert_eq!(allowed(&ask("POST", path, "https://evil.example").await), None, "{path}");
    }
    let public = ask("GET", "/.well-known/jwks.json", "https://evil.example").await;
    assert_eq!(allowed(&public), Some("*".to_owned()));
    assert!(!public.headers.contains_key("access-control-expose-headers"), "{public:?}");
    assert_eq!(allowed(&ask("POST", "/introspect", origin).await), None);
}
