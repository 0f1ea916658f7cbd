//! Somebody else's API, protected by the crate's own filters.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claviger::clock::Clock;
use claviger::resource::{Caller, Fetched, Resource, refusal};
use claviger::{rotate, scope};
use insta::assert_snapshot;
use warp::Filter as _;

use crate::server::{API, Server};

impl Server {
    async fn jwks(&self) -> String {
        self.get("/.well-known/jwks.json").await.body.to_string()
    }

    async fn resource(&self, audience: &str) -> Resource {
        let clock = self.app.clock.clone();
        Resource::with_clock(self.app.issuer().as_str(), audience, &self.jwks().await, clock).unwrap()
    }
}

/// What the API answers to a request with this `Authorization`.
async fn answer(api: &Resource, authorization: Option<&str>) -> String {
    let read = warp::path!("items").and(api.bearer(scope!("items:read")));
    let routes = read.map(|caller: Caller| caller.claims.client_id).recover(refusal);
    let request = warp::test::request().path("/items");
    let request =
        authorization.into_iter().fold(request, |request, value| request.header("authorization", value));
    let response = request.reply(&routes).await;
    let challenge = response.headers().get("www-authenticate").map(|value| value.to_str().unwrap());
    format!("{} {} {:?}", response.status().as_u16(), challenge.unwrap_or("-"), response.body())
}

#[tokio::test]
async fn a_token_opens_what_its_scope_allows_and_nothing_else_does() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);
    let read = format!("Bearer {}", web.password(&alice, "items:read").await.access_token());
    let write = format!("Bearer {}", web.password(&alice, "items:write").await.access_token());
    let api = server.resource(API).await;
    let other = server.resource("https://other.example").await;

    assert_snapshot!(answer(&api, Some(&read)).await, @r#"200 - b"web""#);
    assert_snapshot!(answer(&api, None).await, @r#"401 Bearer realm="claviger" b"""#);
    assert_snapshot!(answer(&api, Some(&write)).await, @r#"403 Bearer realm="claviger", error="insufficient_scope", error_description="the token lacks a scope that this needs: `items:read`", scope="items:read" b"{\"error\":\"insufficient_scope\",\"error_description\":\"the token lacks a scope that this needs: `items:read`\"}""#);
    assert_snapshot!(answer(&other, Some(&read)).await, @r#"401 Bearer realm="claviger", error="invalid_token", error_description="the access token is malformed, expired or revoked" b"{\"error\":\"invalid_token\",\"error_description\":\"the access token is malformed, expired or revoked\"}""#);
    assert_eq!(answer(&api, Some("Bearer x.y.z")).await, answer(&other, Some(&read)).await);
    server.advance(Duration::from_secs(631)).await;
    assert_eq!(answer(&api, Some(&read)).await, answer(&other, Some(&read)).await);
}

#[tokio::test]
async fn a_key_that_is_not_known_is_asked_for() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);
    let api = server.resource(API).await;
    rotate::request(&server.app, 2048, true).await.unwrap();
    server.advance(Duration::from_secs(1)).await;
    let token = web.password(&alice, "items:read").await.access_token();

    assert!(api.check(&token).is_err());
    tokio::time::timeout(Duration::from_secs(5), api.unknown_key()).await.unwrap();
    api.set_keys(&server.jwks().await).unwrap();
    assert_eq!(api.check(&token).unwrap().claims.client_id, "web");

    assert!(api.set_keys("{}").is_err());
    assert!(api.check(&token).is_ok(), "what cannot be read changes nothing");
}

#[tokio::test]
async fn keys_are_fetched_when_they_are_old_or_one_is_not_known_and_not_twice_within_five_seconds() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);
    let token = web.password(&alice, "items:read").await.access_token();
    let (clock, hand) = Clock::manual(server.app.clock.now());
    let issuer = server.app.issuer().as_str();
    let api = Resource::with_clock(issuer, API, r#"{"keys":[]}"#, clock).unwrap();

    let (fetches, jwks) = (Arc::new(AtomicUsize::new(0)), server.jwks().await);
    let (kept, counted) = (api.clone(), fetches.clone());
    let keeping = tokio::spawn(async move {
        kept.refresh(|| async {
            match counted.fetch_add(1, Ordering::SeqCst) {
                1 => Err("the issuer is away".into()),
                _ => Ok(Fetched { jwks: jwks.clone(), cache_control: "max-age=120".to_owned() }),
            }
        })
        .await
    });
    let after = async |seconds| {
        hand.advance(Duration::from_secs(seconds));
        // On this one thread, the other task goes on until it waits for the hand again.
        for _ in 0..16 {
            tokio::task::yield_now().await;
        }
        fetches.load(Ordering::SeqCst)
    };
    let ask_for_an_unknown_key = || {
        let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"at+jwt","alg":"RS256","kid":"x"}"#);
        let (_, rest) = token.split_once('.').unwrap();
        assert!(api.check(&format!("{header}.{rest}")).is_err());
    };

    assert_eq!(after(0).await, 1);
    assert!(api.check(&token).is_ok());
    assert_eq!((after(5).await, after(114).await, after(1).await), (1, 1, 2), "as old as they may get");
    assert!(api.check(&token).is_ok(), "those that are known stay");
    assert_eq!((after(4).await, after(1).await), (2, 3), "tried again");
    ask_for_an_unknown_key();
    assert_eq!((after(4).await, after(1).await), (3, 4));
    assert_eq!(after(60).await, 4);
    ask_for_an_unknown_key();
    assert_eq!(after(0).await, 5, "at once, when the last time is long ago");
    keeping.abort();
}
