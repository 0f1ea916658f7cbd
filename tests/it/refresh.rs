//! Refreshing: every line of the table of `model/family.rs`, the races, and what ends a family.

use std::collections::HashSet;
use std::time::Duration;

use insta::assert_snapshot;

use crate::races::fifty;
use crate::server::{PASSWORD, Server};

const DAY: Duration = Duration::from_secs(86_400);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// RFC 6749 §6, RFC 9700 §4.14.2.
#[tokio::test]
async fn a_refresh_gives_a_successor_and_keeps_what_was_granted() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);

    let first = web.password(&alice, "items:read profile").await;
    server.advance(seconds(60)).await;
    let second = web.refresh(&first).await;

    assert_ne!(first.text("refresh_token"), second.text("refresh_token"));
    let (before, after) = (first.claims(), second.claims());
    for claim in ["sub", "scope", "auth_time", "client_id", "aud"] {
        assert_eq!(before[claim], after[claim], "{claim}");
    }
    assert_eq!(after["iat"].as_i64().unwrap() - before["iat"].as_i64().unwrap(), 60);
    assert_eq!(second.headers["cache-control"], "no-store");
}

/// The parent is used, its successor is not, the window is open: the answer was lost.
#[tokio::test]
async fn a_lost_answer_is_given_again_within_the_window() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);

    let first = web.password(&alice, "items:read").await;
    let second = web.refresh(&first).await;
    server.advance(seconds(30)).await;
    let again = web.refresh(&first).await;

    assert_eq!(second.text("refresh_token"), again.text("refresh_token"));
    assert_ne!(second.access_token(), again.access_token());
    web.refresh(&again).await;
}

/// The parent is used, its successor is not, the window is closed.
#[tokio::test]
async fn a_lost_answer_asked_for_too_late_ends_the_family() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);

    let first = web.password(&alice, "items:read profile").await;
    let second = web.refresh(&first).await;
    server.advance(seconds(31)).await;

    assert_snapshot!(web.try_refresh(&first).await.wire(), @r#"
    400 Bad Request
    cache-control: no-store
    {"error":"invalid_grant","error_description":"the refresh token is not valid"}
    "#);
    assert_eq!(web.try_refresh(&second).await.error(), "invalid_grant");
    assert_eq!(server.me(&second.access_token()).await.status, 401, "its access tokens are dead too");
}

/// RFC 9700 §4.14.2: the parent is used, and so is its successor.
#[tokio::test]
async fn a_refresh_token_used_twice_ends_its_family() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);

    let first = web.password(&alice, "items:read profile").await;
    let second = web.refresh(&first).await;
    let third = web.refresh(&second).await;

    assert_eq!(web.try_refresh(&first).await.error(), "invalid_grant", "within the window, and all the same");
    assert_eq!(web.try_refresh(&third).await.error(), "invalid_grant");
    assert_eq!(server.me(&third.access_token()).await.status, 401);
}

#[tokio::test]
async fn families_are_independent() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);

    let (phone, laptop) =
        (web.password(&alice, "items:read").await, web.password(&alice, "items:read").await);
    let second = web.refresh(&phone).await;
    web.refresh(&second).await;
    web.try_refresh(&phone).await;
    web.refresh(&laptop).await;
}

#[tokio::test]
async fn a_refresh_token_that_lies_unused_expires() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);

    let first = web.password(&alice, "items:read").await;
    server.advance(14 * DAY - seconds(1)).await;
    let second = web.refresh(&first).await;
    server.advance(14 * DAY).await;
    assert_eq!(web.try_refresh(&second).await.error(), "invalid_grant");
}

#[tokio::test]
async fn a_family_ends_at_its_absolute_lifetime_however_often_it_is_renewed() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);

    let mut token = web.password(&alice, "items:read").await;
    for _ in 0..8 {
        server.advance(10 * DAY).await;
        token = web.refresh(&token).await;
    }
    server.advance(10 * DAY).await;
    assert_eq!(web.try_refresh(&token).await.error(), "invalid_grant");
}

/// R3: fifty at once, and one successor, which works.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_parallel_uses_have_one_successor() {
    let server = Server::start_with("[limits]\nlogin = \"off\"").await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);

    let rounds = std::env::var("TEST_RACES").map_or(200, |rounds| rounds.parse().unwrap());
    let mut token = web.password(&alice, "items:read").await;
    let clients = [web];
    for round in 0..rounds {
        let answers = fifty(&clients, |client| client.try_refresh(&token)).await;
        let successors: HashSet<_> =
            answers.iter().map(|answer| answer.clone().granted().text("refresh_token")).collect();
        assert_eq!(successors.len(), 1, "round {round}");
        token = answers.into_iter().next().unwrap();
    }
}

#[tokio::test]
async fn a_refresh_only_narrows_and_for_one_access_token() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);

    let first = web.password(&alice, "items:read items:write").await;
    let form = |scope| [("grant_type", "refresh_token"), ("refresh_token", ""), ("scope", scope)];
    let narrow = {
        let mut form = form("items:read");
        let token = first.text("refresh_token");
        form[1].1 = &token;
        web.post("/token", &form).await.granted()
    };
    assert_eq!(narrow.claims()["scope"], "items:read");

    let whole = web.refresh(&narrow).await;
    assert_eq!(whole.claims()["scope"], "items:read items:write", "the grant is as wide as before");

    let mut wider = form("items:read profile");
    let token = whole.text("refresh_token");
    wider[1].1 = &token;
    assert_eq!(web.post("/token", &wider).await.error(), "invalid_scope");
    web.refresh(&whole).await;
}

#[tokio::test]
async fn a_role_that_is_taken_away_is_gone_at_the_next_refresh() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);

    let first = web.password(&alice, "items:read items:write").await;
    server.change_roles(&alice, &["reader"], &["writer"]).await;
    let second = web.refresh(&first).await;
    assert_eq!(second.claims()["scope"], "items:read");
    assert_eq!(second.claims()["roles"], serde_json::json!(["reader"]));
}

#[tokio::test]
async fn a_refresh_that_is_refused_for_its_scope_leaves_the_token_good() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);
    let first = web.password(&alice, "items:write").await;
    server.change_roles(&alice, &[], &["writer"]).await;
    assert_eq!(web.try_refresh(&first).await.error(), "invalid_scope");
    server.advance(DAY).await;
    server.change_roles(&alice, &["writer"], &[]).await;
    web.refresh(&first).await;
}

#[tokio::test]
async fn another_client_s_refresh_token_is_refused_and_stays_good() {
    let server = Server::start().await;
    let (web, other, alice) =
        (server.client("web").await, server.client("other").await, server.user("alice").await);

    let first = web.password(&alice, "items:read").await;
    assert_eq!(other.try_refresh(&first).await.error(), "invalid_grant");
    web.refresh(&first).await;
}

/// R2, R5: what was granted and what was ended outlives the process.
#[tokio::test]
async fn a_restart_keeps_everything() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);
    let (kept, ended) =
        (web.password(&alice, "items:read profile").await, web.password(&alice, "items:read").await);
    let used = web.refresh(&kept).await;
    web.post("/revoke", &[("token", &ended.text("refresh_token"))]).await.granted();
    let (kids, secret) = (server.kids().await, web.secret.clone());

    let server = server.restart().await;
    let web = crate::server::Client::known(&server, "web", secret);
    assert_eq!(server.kids().await, kids);
    server.me(&used.access_token()).await.granted();
    assert_eq!(web.try_refresh(&ended).await.error(), "invalid_grant");
    let next = web.refresh(&used).await;
    assert_eq!(web.try_refresh(&kept).await.error(), "invalid_grant");
    assert_eq!(
        web.try_refresh(&next).await.error(),
        "invalid_grant",
        "reuse before the restart is noticed after it"
    );
    web.try_password(&alice, PASSWORD, "items:read").await.granted();
}

/// R8: of the grants of a user to one client the newest are kept.
#[tokio::test]
async fn a_user_has_a_thousand_grants_with_a_client_at_most() {
    let server = Server::start().await;
    let (web, other, alice) =
        (server.client("web").await, server.client("other").await, server.user("alice").await);
    let (first, elsewhere) = (web.password(&alice, "").await, other.password(&alice, "").await);
    let others =
        "INSERT INTO families (id, client_id, client_generation, user_id, user_generation, api, scope,
            auth_time, created_at, expires_at)
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
        SELECT i || '.' || id, client_id, client_generation, user_id, user_generation, api, scope, auth_time,
            created_at + 1, expires_at FROM families, n WHERE client_id = 'web'";
    server.database().await.run(others).await;
    let first = web.refresh(&first).await;

    server.advance(Duration::from_secs(2)).await;
    let last = web.password(&alice, "").await;
    assert_eq!(server.database().await.count("families WHERE client_id = 'web'").await, 1000);
    assert_eq!(web.try_refresh(&first).await.error(), "invalid_grant");
    web.refresh(&last).await;
    other.refresh(&elsewhere).await;
}
