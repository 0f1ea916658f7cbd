//! Several servers on one database: what one changes the others obey, when they are told and when they are not.

use std::time::Duration;

use claviger::model::Event;
use claviger::{admin, rotate};
use tokio::time::Instant;

use crate::database::is_postgres;
use crate::server::{API, Client, PASSWORD, Server};

/// A second, and room for a busy machine; a look every five would be found out.
const A_SECOND: Duration = Duration::from_secs(3);

/// R5, by a family's first token and by its last.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_node_disabled_or_revoked_is_not_renewed_from_the_moment_it_returned() {
    let one = Server::start_with("[limits]\nlogin = \"off\"").await;
    let two = one.another().await;
    let (web, alice) = (one.client("web").await, one.user("alice").await);
    let name = alice.name.parse().unwrap();
    for round in 0..20 {
        let mut token = web.password(&alice, "items:read").await;
        let refreshing = async {
            loop {
                let answer = web.try_refresh(&token).await;
                if answer.status != 200 {
                    return answer;
                }
                token = answer;
            }
        };
        let ending = async {
            tokio::time::sleep(Duration::from_millis(3 * round)).await;
            admin::user::disable(&two.app, &name).await.unwrap();
        };
        let (refused, ()) = tokio::join!(refreshing, ending);
        assert_eq!(refused.error(), "invalid_grant");
        admin::user::enable(&two.app, &name).await.unwrap();
        assert_eq!(web.try_refresh(&token).await.error(), "invalid_grant", "round {round}");
    }
}

#[tokio::test]
async fn what_one_node_changes_another_obeys_within_a_second() {
    let one = Server::start().await;
    let two = one.another().await;
    let grants = async || {
        two.get("/.well-known/oauth-authorization-server").await.body["grant_types_supported"].clone()
    };
    let began = Instant::now();
    one.client("web").await;
    two.until("the metadata changed", async |_| grants().await != serde_json::json!([])).await;
    assert!(began.elapsed() < A_SECOND);

    let kids = two.kids().await;
    rotate::request(&one.app, 2048, false).await.unwrap();
    let published = Instant::now();
    two.until("the next key is published", async |two| two.kids().await.len() > kids.len()).await;
    assert!(published.elapsed() < A_SECOND);
}

/// What tokens rest on is kept for a moment after it was read; where it was changed, it is forgotten at once.
#[tokio::test]
async fn whoever_is_disabled_on_one_node_is_refused_there_at_once_and_by_another_within_a_second() {
    let one = Server::start().await;
    let two = one.another().await;
    let (web, alice) = (one.client("web").await, one.user("alice").await);
    let token = web.password(&alice, "profile").await.access_token();
    for node in [&one, &two] {
        assert_eq!(node.me(&token).await.status, 200);
    }
    admin::user::disable(&one.app, &alice.name.parse().unwrap()).await.unwrap();
    let disabled = Instant::now();
    assert_eq!(one.me(&token).await.status, 401);
    two.until("she is refused", async |two| two.me(&token).await.status == 401).await;
    assert!(disabled.elapsed() < A_SECOND, "{:?}", disabled.elapsed());
}

/// What a node has read of a client a moment ago does not speak against the right password, once it was told.
#[tokio::test]
async fn a_client_that_another_node_disabled_and_enabled_is_good_as_soon_as_that_is_announced() {
    if !is_postgres() {
        return; // Nobody announces anything there.
    }
    let one = Server::start_with("[limits]\nlogin = \"off\"").await;
    let two = one.another().await;
    let (_, alice) = (one.client("web").await, one.user("alice").await);
    let (there, id) = (Client::known(&two, "web", None), "web".parse().unwrap());
    let mut good_at_once = 0;
    for _ in 0..5 {
        there.password(&alice, "profile").await;
        admin::client::disable(&one.app, &id).await.unwrap();
        admin::client::enable(&one.app, &id).await.unwrap();
        // Less than what was read is kept for.
        tokio::time::sleep(Duration::from_millis(400)).await;
        good_at_once += usize::from(there.try_password(&alice, PASSWORD, "profile").await.status == 200);
        two.until("it is good", async |_| {
            there.try_password(&alice, PASSWORD, "profile").await.status == 200
        })
        .await;
    }
    assert!(good_at_once >= 3, "{good_at_once}");
}

/// Another node's listener loses its connection at the moment of the change: it looks when it listens again.
#[tokio::test]
async fn what_changes_while_nobody_listens_is_obeyed_within_a_second() {
    if !is_postgres() {
        return; // Nobody listens there, one looks.
    }
    let one = Server::start().await;
    let two = one.another().await;
    let mut database = one.database().await;
    for round in 0..20 {
        let listeners = "pg_stat_activity WHERE query LIKE 'LISTEN%' AND pg_terminate_backend(pid)
            AND application_name = current_setting('application_name')";
        two.until("somebody listens", async |_| database.count(listeners).await > 0).await;
        // A different moment in each round, the same in each run.
        tokio::time::sleep(Duration::from_millis(2 * round)).await;
        let changed = Instant::now();
        let scope = format!("round{round}:read");
        let uri = format!("https://{round}.example").parse().unwrap();
        admin::api::add(&one.app, uri, [(scope.parse().unwrap(), None)].into(), None).await.unwrap();
        two.until("the scope is named", async |two| names(two, &scope).await).await;
        assert!(changed.elapsed() < A_SECOND, "{:?}", changed.elapsed());
    }
}

/// By hand, or behind a network that swallows announcements.
#[tokio::test]
async fn what_nobody_announced_is_obeyed_within_a_second() {
    let server = Server::start().await;
    let mut database = server.database().await;
    // The watch has begun when it has obeyed once.
    server.client("web").await;
    for scope in ["first:read", "second:read"] {
        let changed = Instant::now();
        database.run(format!("INSERT INTO api_scopes (api, scope) VALUES ('{API}', '{scope}')")).await;
        server.until("the scope is named", async |server| names(server, scope).await).await;
        assert!(changed.elapsed() < A_SECOND, "{:?}", changed.elapsed());
    }
}

/// What is kept at hand is read as a whole, so not after each refresh.
#[tokio::test]
async fn what_a_server_writes_itself_is_no_change_unless_it_is_kept_at_hand() {
    if is_postgres() {
        return; // It says only that somebody wrote.
    }
    let server = Server::start().await;
    let (store, mut database) = (&server.app.store, server.database().await);
    let mut changes = store.changes().await.unwrap();
    let mut is_told = async || tokio::time::timeout(A_SECOND, changes.next()).await.is_ok();
    // Where the disk is slow the writer may not answer in time, and one looks again.
    for attempt in 1.. {
        store.probe(attempt).await.unwrap();
        if !is_told().await {
            break;
        }
        assert!(attempt < 5);
    }
    database.run("UPDATE probes SET written_at = 2").await;
    assert!(is_told().await);
    server.client("web").await;
    assert!(is_told().await);
}

/// The writer's connection counts what others write, and is closed after an error: the next one counts anew.
#[tokio::test]
async fn what_changes_while_the_writer_has_no_connection_is_obeyed_within_a_second() {
    let server = Server::start().await;
    let mut database = server.database().await;
    server.until("the scope is named", async |server| names(server, "items:read").await).await;
    for round in 0..5 {
        // A role that is not there, of a user who is: an error of the database.
        let alice = server.user(&format!("alice{round}")).await;
        let entry = server.app.audit(Event::RolesSet);
        let roles = vec!["nobody-made-it".parse().unwrap()];
        server.app.store.change_roles(alice.id.parse().unwrap(), roles, Vec::new(), entry).await.unwrap_err();
        let (changed, scope) = (Instant::now(), format!("round{round}:read"));
        database.run(format!("INSERT INTO api_scopes (api, scope) VALUES ('{API}', '{scope}')")).await;
        server.until("the scope is named", async |server| names(server, &scope).await).await;
        assert!(changed.elapsed() < A_SECOND, "{:?}", changed.elapsed());
    }
}

/// Whether the metadata names `scope`.
async fn names(server: &Server, scope: &str) -> bool {
    let metadata = server.get("/.well-known/oauth-authorization-server").await.body;
    metadata["scopes_supported"].as_array().unwrap().iter().any(|named| named == scope)
}
