//! Signing keys: what is published, what signs, and when it changes.

use std::time::Duration;

use claviger::model::SigningAlg;
use claviger::rotate;

use crate::server::{Answer, Server};

const MINUTE: Duration = Duration::from_secs(60);

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    &answer.headers[name]
}

/// RFC 7517 §5, RFC 9110 §13.1.2.
#[tokio::test]
async fn the_jwks_says_how_long_it_may_be_kept_and_spares_who_knows_it() {
    let server = Server::start().await;
    let first = server.get("/.well-known/jwks.json").await;
    assert_eq!(first.status, 200);
    assert_eq!(header(&first, "content-type"), "application/json");
    assert_eq!(header(&first, "cache-control"), "public, max-age=300");
    assert_eq!(header(&first, "access-control-allow-origin"), "*");
    let key = &first.body["keys"][0];
    assert_eq!((&key["kty"], &key["use"], &key["alg"]), (&"RSA".into(), &"sig".into(), &"RS256".into()));
    assert!(key.get("d").is_none());

    let etag = header(&first, "etag");
    for known in [etag, "*", &format!("\"other\", W/{etag}")] {
        let again =
            Answer::of(server.request("GET", "/.well-known/jwks.json").header("if-none-match", known)).await;
        assert_eq!(again.status, 304, "{known}");
        assert_eq!(header(&again, "etag"), etag);
    }
    let head = Answer::of(server.request("HEAD", "/.well-known/jwks.json")).await;
    assert_eq!((head.status, header(&head, "etag")), (200, etag));
}

/// R4, threat rule 15: minute by minute through all the states of a rotation.
#[tokio::test]
async fn a_rotation_lets_every_verifier_know_the_next_key_first() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);
    let old = server.kids().await.remove(0);
    let mut token = web.password(&alice, "items:read").await;

    assert_eq!(rotate::request(&server.app, 2048, false).await.unwrap(), Some(true));
    assert_eq!(
        rotate::request(&server.app, 2048, false).await.unwrap(),
        None,
        "the next key is published already"
    );
    server.until("the next key is published", async |server| server.kids().await.len() == 2).await;
    let new = server.kids().await.into_iter().find(|kid| *kid != old).unwrap();

    // The JWKS as a verifier keeps it, for as long as it may, counted in minutes.
    let (mut known, mut known_at) = (server.kids().await, 0);
    let (mut signed_new_at, mut gone_at) = (None, None);
    let mut issued: Vec<(i32, String)> = Vec::new();
    for minute in 0..=110 {
        if minute - known_at >= 5 {
            (known, known_at) = (server.kids().await, minute);
        }
        token = web.refresh(&token).await;
        let kid = token.header()["kid"].as_str().unwrap().to_owned();
        assert!(known.contains(&kid), "minute {minute}: a copy of the JWKS does not know the key");
        if kid == new {
            signed_new_at.get_or_insert(minute);
        }
        issued.push((minute, kid));
        let published = server.kids().await;
        for (at, kid) in issued.iter().filter(|(at, _)| minute - at < 10) {
            assert!(published.contains(kid), "minute {minute}: a token of minute {at} outlives its key");
        }
        if !published.contains(&old) {
            gone_at.get_or_insert(minute);
        }
        server.advance(MINUTE).await;
    }
    assert_eq!(signed_new_at, Some(10), "the lead");
    let gone_at = gone_at.unwrap();
    assert_eq!(gone_at, 10 + (10 + 60 + 1), "the lead, the longest lifetime and the skew later");
}

#[tokio::test]
async fn keys_rotate_by_themselves() {
    let server = Server::start().await;
    let old = server.kids().await;
    let day = 24 * 60 * MINUTE;
    server.advance(30 * day - 11 * MINUTE).await;
    assert_eq!(server.kids().await, old);
    server.advance(MINUTE).await;
    server.until("the next key is published", async |server| server.kids().await.len() == 2).await;
}

#[tokio::test]
async fn a_revoked_key_is_gone_at_once_and_replaced() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);
    let token = web.password(&alice, "profile").await;
    let old = server.kids().await;

    let entry = server.app.audit(claviger::model::Event::KeyRevoked);
    assert!(server.app.store.revoke_key(old[0].clone(), entry).await.unwrap());
    server
        .until("another key signs", async |server| {
            let kids = server.kids().await;
            kids.len() == 1 && kids != old
        })
        .await;
    assert_eq!(server.me(&token.access_token()).await.status, 401);
    let renewed = web.refresh(&token).await;
    server.me(&renewed.access_token()).await.granted();
}

/// Threat rule 16.
#[tokio::test]
async fn a_server_that_cannot_see_its_keys_stops_signing_and_goes_on_publishing() {
    let server = Server::start().await;
    let ring = server.app.keys.current().clone();
    let now = server.app.clock.read();
    assert!(ring.signer(SigningAlg::Rs256, now).is_ok());
    let later = claviger::clock::Reading { monotonic: now.monotonic + 11 * MINUTE, unix: now.unix + 660 };
    assert!(ring.signer(SigningAlg::Rs256, later).is_err());
    assert!(!ring.jwks().bytes.is_empty());
}

/// What is over goes by itself, and nothing else does.
#[tokio::test]
async fn expired_rows_are_swept() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);
    let old = web.password(&alice, "profile").await;
    web.post("/revoke", &[("token", &old.access_token())]).await.granted();
    let day = 24 * 60 * MINUTE;
    server.advance(89 * day).await;
    let live = web.password(&alice, "profile").await;
    server.advance(2 * day).await;

    let mut database = server.database().await;
    for (table, left) in [("families", 1), ("refresh_tokens", 1), ("revocations", 0)] {
        let mut found = -1;
        for _ in 0..2000 {
            found = database.count(table).await;
            if found == left {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(found, left, "{table}");
    }
    web.refresh(&live).await;
}

/// RFC 8414 §2, §3.
#[tokio::test]
async fn the_metadata_names_only_what_is_switched_on() {
    let server = Server::start().await;
    let grants = async |server: &Server| {
        server.get("/.well-known/oauth-authorization-server").await.body["grant_types_supported"].clone()
    };
    assert_eq!(grants(&server).await, serde_json::json!([]));

    server.client("web").await;
    server
        .until("the grants are named", async |server| {
            grants(server).await == serde_json::json!(["password", "refresh_token"])
        })
        .await;
    let document = server.get("/.well-known/openid-configuration").await;
    insta::assert_snapshot!(format!("{:#}", document.body), @r#"
    {
      "grant_types_supported": [
        "password",
        "refresh_token"
      ],
      "introspection_endpoint": "http://localhost:8080/introspect",
      "introspection_endpoint_auth_methods_supported": [
        "client_secret_basic",
        "client_secret_post"
      ],
      "issuer": "http://localhost:8080",
      "jwks_uri": "http://localhost:8080/.well-known/jwks.json",
      "response_types_supported": [],
      "revocation_endpoint": "http://localhost:8080/revoke",
      "revocation_endpoint_auth_methods_supported": [
        "client_secret_basic",
        "client_secret_post",
        "none"
      ],
      "scopes_supported": [
        "items:read",
        "items:write",
        "profile"
      ],
      "token_endpoint": "http://localhost:8080/token",
      "token_endpoint_auth_methods_supported": [
        "client_secret_basic",
        "client_secret_post",
        "none"
      ]
    }
    "#);
}
