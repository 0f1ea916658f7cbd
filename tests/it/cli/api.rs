//! What an API's developer is given of it.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::operator::Operator;
use crate::server::{API, Answer};

#[test]
fn code_for_a_stack_is_printed_with_this_issuer_and_api() {
    let operator = Operator::settled();
    let code = operator.does(&["api", "show", API, "--stack", "express"]).stdout;
    let constants: Vec<_> = code.lines().filter(|line| line.starts_with("const ")).take(3).collect();
    assert_snapshot!(constants.join("\n"), @r#"
    const ISSUER = "http://localhost:8080";
    const AUDIENCE = "https://api.example.com";
    const SCOPES = ["items:read", "items:write"];
    "#);
    assert_eq!(operator.asks(&["api", "show", API, "--stack", "express"]), json!({ "code": code }));
    assert!(operator.is_told(&["api", "show", "https://api.example.co", "--stack", "go"]).contains(API));
}

/// OpenAPI 3.1 §4.8.27: the flows that a client may use, and no other.
#[test]
fn openapi_offers_the_flows_that_an_enabled_client_may_use() {
    let operator = Operator::new();
    let flows = |operator: &Operator| {
        let shown = operator.asks(&["api", "show", API, "--openapi"]);
        let flows = shown["securitySchemes"]["oauth2"]["flows"].as_object().unwrap();
        flows.keys().cloned().collect::<Vec<_>>()
    };
    operator.does(&["api", "add", API, "--scope", "a", "b=Say \"b\""]);
    assert_snapshot!(operator.is_told(&["api", "show", API, "--openapi"]), @"
    error: no client may ask for tokens for `https://api.example.com`
    hint: add one first: `claviger client add ID --api https://api.example.com --grant GRANT --scope SCOPE`
    ");

    let app = ["--public", "--first-party", "--grant", "password", "--scope", "a", "b"];
    operator.does(&[&["client", "add", "app"][..], &app].concat());
    let shown = operator.does(&["api", "show", API, "--openapi"]).stdout;
    assert_eq!(
        serde_json::from_str::<Value>(&shown).unwrap(),
        json!({ "securitySchemes": { "oauth2": { "type": "oauth2", "flows": { "password": {
            "tokenUrl": "http://localhost:8080/token", "scopes": { "a": "", "b": "Say \"b\"" },
        } } } } })
    );

    let web = ["--grant", "authorization_code", "client_credentials", "--scope", "a"];
    let redirect = ["--redirect-uri", "https://web.example/cb"];
    operator.does(&[&["client", "add", "web"][..], &web, &redirect].concat());
    assert_eq!(flows(&operator), ["authorizationCode", "clientCredentials", "password"]);
    let code = &operator.asks(&["api", "show", API, "--openapi"])["securitySchemes"]["oauth2"]["flows"];
    assert_eq!(code["authorizationCode"]["authorizationUrl"], "http://localhost:8080/authorize");

    operator.does(&["client", "disable", "app"]);
    assert_eq!(flows(&operator), ["authorizationCode", "clientCredentials"]);
    let other = "https://other.example";
    operator.does(&["api", "add", other, "--scope", "c"]);
    assert!(operator.is_told(&["api", "show", other, "--openapi"]).contains("no client"));
}

#[tokio::test]
async fn the_metadata_that_is_printed_is_what_the_server_says() {
    let operator = Operator::settled();
    let served = operator.serves();
    let path = format!("/.well-known/oauth-protected-resource?resource={API}");
    let printed = operator.does(&["api", "show", API, "--metadata"]).stdout;
    let served = Answer::of(served.request("GET", &path)).await;
    assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), served.body);
}
