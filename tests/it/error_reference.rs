//! Every refusal has a reference, which tells the operator why, and nobody else.

use std::time::Duration;

use claviger::model::Refusal;
use claviger::refusals;

use crate::server::{Answer, PASSWORD, Server};

impl Server {
    /// What is kept for the refusal in `answer`.
    async fn refusal(&self, answer: &Answer) -> Refusal {
        refusals::write(&self.app).await;
        let reference = answer.reference.as_ref().unwrap_or_else(|| panic!("no reference: {answer:?}"));
        self.app.store.refusal(reference).await.unwrap().unwrap()
    }
}

/// The nth refusal, of that second.
fn nth(number: i64) -> Refusal {
    Refusal {
        reference: format!("00000000-{number:x}"),
        at: number,
        request: "POST /token".to_owned(),
        code: "invalid_grant".to_owned(),
        description: "told".to_owned(),
        cause: None,
        client_id: None,
    }
}

#[tokio::test]
async fn a_reference_tells_the_operator_what_the_client_is_not_told() {
    let server = Server::start().await;
    let (web, api, alice) =
        (server.client("web").await, server.confidential("api").await, server.user("alice").await);
    let token = web.password(&alice, "items:read").await;
    web.refresh(&token).await;
    server.advance(Duration::from_secs(60)).await;
    let wrong = server
        .request("POST", "/token")
        .basic_auth("api", Some("not-its-secret"))
        .form(&[("grant_type", "x")]);

    for (answer, request, cause, client) in [
        (
            web.try_refresh(&token).await,
            "POST /token",
            Some("the refresh token was used before, too long ago"),
            Some("web"),
        ),
        (
            web.try_password(&alice, "not-her-password", "items:read").await,
            "POST /token",
            Some("the password is wrong"),
            Some("web"),
        ),
        (Answer::of(wrong).await, "POST /token", Some("the secret is not right"), Some("api")),
        (api.post("/token", &[("grant_type", "x")]).await, "POST /token", None, Some("api")),
        (server.me("garbage").await, "GET /users/me", Some("its header is not one of ours: "), None),
        (server.get("/token").await, "GET /token", None, None),
    ] {
        assert_eq!(answer.reference.as_ref(), answer.headers.get("x-request-id"), "one id for all");
        let kept = server.refusal(&answer).await;
        assert_eq!((kept.request.as_str(), kept.client_id.as_deref()), (request, client), "{kept:?}");
        assert_eq!((kept.code.as_str(), kept.at), (answer.error(), server.app.clock.now()));
        assert_eq!(answer.body["error_description"], kept.description.as_str());
        match cause {
            None => assert_eq!(kept.cause, None),
            Some(cause) => {
                assert!(kept.cause.as_ref().unwrap().starts_with(cause), "{kept:?}");
                assert!(!answer.body.to_string().contains(cause), "the client is not told: {answer:?}");
            }
        }
        let text = format!("{kept:?}");
        for secret in
            [&token.text("refresh_token"), "not-her-password", "not-its-secret", PASSWORD, "garbage"]
        {
            assert!(!text.contains(secret), "{text}");
        }
    }
    assert_eq!(token.reference, None, "what is granted has none");
}

/// RFC 6750 §3.1: who brought no token is told no error, but has the id of the request.
#[tokio::test]
async fn a_challenge_without_a_body_is_known_by_the_id_of_its_request() {
    let server = Server::start().await;
    let answer = server.get("/users/me").await;
    assert_eq!((answer.status, &answer.reference, answer.body.is_null()), (401, &None, true));
    let answer = Answer { reference: answer.headers.get("x-request-id").cloned(), ..answer };
    assert_eq!(server.refusal(&answer).await.code, "invalid_token");
}

#[tokio::test]
async fn any_node_knows_the_references_of_all() {
    let server = Server::start().await;
    let another = server.another().await;
    let answer = another.get("/token").await;
    refusals::write(&another.app).await;
    assert_eq!(server.refusal(&answer).await.request, "GET /token");
}

#[tokio::test]
async fn a_flood_of_errors_is_no_flood_of_writes() {
    let server = Server::start().await;
    let now = server.app.clock.now();
    for number in now..now + 1000 {
        server.app.refusals.note(nth(number));
    }
    refusals::write(&server.app).await;
    let kept = server.database().await.count("refusals").await;
    // A second may have begun in between.
    assert!((100..=200).contains(&kept), "{kept}");
    assert!(server.get("/token").await.reference.is_some(), "clients are told one all the same");
}

#[tokio::test]
async fn the_newest_are_kept_and_for_a_week() {
    let server = Server::start().await;
    let store = &server.app.store;
    let now = server.app.clock.now();
    store.keep_refusals((now - 10_100..now).map(nth).collect()).await.unwrap();
    let count = async || server.database().await.count("refusals").await;
    assert_eq!(count().await, 10_000);
    assert!(store.refusal(&nth(now - 10_000).reference).await.unwrap().is_some());
    assert!(store.refusal(&nth(now - 10_001).reference).await.unwrap().is_none());
    for _ in 0..8 {
        server.advance(Duration::from_secs(86_400)).await;
    }
    server.until("they were forgotten", async |_| count().await == 0).await;
}
