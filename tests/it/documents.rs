//! Documents are given from what is at hand, in every point as their endpoints make them.

use std::time::Duration;

use claviger::rotate;

use crate::server::Server;

const JWKS: &str = "/.well-known/jwks.json";
const METADATA: &str = "/.well-known/openid-configuration";
const DOCUMENTS: [&str; 4] = [JWKS, METADATA, "/.well-known/oauth-authorization-server", "/openapi.json"];

/// Status, header and body of an answer, without what is its own.
async fn told(request: reqwest::RequestBuilder) -> (u16, Vec<(String, String)>, String) {
    let answer = request.send().await.unwrap();
    let header = answer.headers().iter();
    let header = header.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let header = header.filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str())).collect();
    (answer.status().as_u16(), header, answer.text().await.unwrap())
}

/// The document at `path`, which is the same from hand and from its endpoint, as which a condition that does not hold has
/// it made anew.
async fn document(server: &Server, path: &str) -> (u16, Vec<(String, String)>, String) {
    let at_hand = told(server.request("GET", path)).await;
    let made = server.request("GET", path).header("if-none-match", "\"another\"");
    assert_eq!(at_hand, told(made).await, "{path}");
    at_hand
}

#[tokio::test]
async fn a_document_is_at_hand_as_its_endpoint_makes_it() {
    for issuer in ["http://localhost:8080", "https://login.example.com"] {
        let server = Server::start_with(&format!("issuer = \"{issuer}\"\n")).await;
        // The API was added after it had begun, which it obeys within a second.
        server.app.refresh_directory().await.unwrap();
        for path in DOCUMENTS {
            let first = document(&server, path).await;
            assert_eq!(first.0, 200, "{path}");
            assert_eq!(document(&server, path).await, first, "{path} again");
            assert_eq!(document(&server, &format!("{path}/?x=y")).await, first, "{path}/?x=y");
            let of_a_page = server.request("GET", path).header("origin", "https://evil.example");
            assert_eq!(told(of_a_page).await, first, "{path} for a page");
        }
    }
}

#[tokio::test]
async fn an_issuer_with_a_path_has_its_documents_at_hand_too() {
    let server = Server::start_with("issuer = \"http://localhost:8080/tenant\"\n").await;
    for path in ["/.well-known/openid-configuration/tenant", "/tenant/openapi.json"] {
        assert_eq!(document(&server, path).await.0, 200, "{path}");
    }
    for path in DOCUMENTS {
        assert_eq!(server.get(path).await.status, 404, "{path}");
    }
}

/// R4.
#[tokio::test]
async fn what_is_at_hand_goes_with_the_keys_the_time_and_the_directory() {
    let server = Server::start().await;
    let kept_for = |document: &(u16, Vec<(String, String)>, String)| {
        document.1.iter().find(|(name, _)| name == "cache-control").unwrap().1.clone()
    };
    let before = document(&server, JWKS).await;
    assert_eq!(kept_for(&before), "public, max-age=300");

    rotate::request(&server.app, 2048, false).await.unwrap();
    server.until("the next key is published", async |server| server.kids().await.len() == 2).await;
    let published = document(&server, JWKS).await;
    assert_ne!(published, before);

    // The next key signs ten minutes after it was published, and within one poll.
    server.advance(Duration::from_secs(400)).await;
    let later = document(&server, JWKS).await;
    assert_eq!((later.2.as_str(), kept_for(&later).as_str()), (published.2.as_str(), "public, max-age=215"));

    let before = document(&server, METADATA).await;
    server.client("web").await;
    server
        .until("the grants are named", async |server| {
            server.get(METADATA).await.body["grant_types_supported"][0] == "password"
        })
        .await;
    assert_ne!(document(&server, METADATA).await, before);
}
