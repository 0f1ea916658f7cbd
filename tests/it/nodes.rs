//! Several servers on one database: one winner of every race, and what one changes the others obey.

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use claviger::{admin, rotate};

use crate::database::{Database, is_postgres};
use crate::server::{Answer, Client, PASSWORD, Server};

const UNLIMITED: &str = "[limits]\nlogin = \"off\"";

/// R1, R3.
#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_uses_on_two_nodes_one_makes_the_successor() {
    let one = Server::start_with(UNLIMITED).await;
    let two = one.another().await;
    let (web, alice) = (one.client("web").await, one.user("alice").await);
    let clients = [web.clone(), Client::known(&two, "web", None)];

    let mut token = web.password(&alice, "items:read").await;
    for round in 0..20 {
        let uses = (0..50).map(|use_| clients[use_ % 2].try_refresh(&token));
        let answers = futures_util::future::join_all(uses).await;
        let successors: HashSet<_> =
            answers.iter().map(|answer| answer.clone().granted().text("refresh_token")).collect();
        assert_eq!(successors.len(), 1, "round {round}");
        token = answers.into_iter().next().unwrap();
    }
}

/// R5, by a family's first token and by its last.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_node_disabled_or_revoked_is_not_renewed_from_the_moment_it_returned() {
    let one = Server::start_with(UNLIMITED).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_rotate_at_once_leave_one_key_that_signs() {
    let one = Server::start().await;
    let two = one.another().await;
    for _ in 0..3 {
        let (first, second) =
            tokio::join!(rotate::request(&one.app, 2048, true), rotate::request(&two.app, 2048, true));
        first.unwrap();
        second.unwrap();
        let keys = one.app.store.signing_keys().await.unwrap();
        let signing = keys.iter().filter(|key| key.activated_at.is_some() && key.retired_at.is_none());
        assert_eq!(signing.count(), 1, "{keys:?}");
        let generations: HashSet<_> = keys.iter().map(|key| key.generation).collect();
        assert_eq!(generations.len(), keys.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_that_two_nodes_change_at_once_are_those_of_the_later_change() {
    let one = Server::start().await;
    let two = one.another().await;
    let alice = one.user("alice").await;
    let name = alice.name.parse().unwrap();
    let (reader, writer) = (["reader".parse().unwrap()], ["writer".parse().unwrap()]);
    for _ in 0..20 {
        let (first, second) = tokio::join!(
            admin::user::change_roles(&one.app, &name, &reader, &writer),
            admin::user::change_roles(&two.app, &name, &writer, &reader),
        );
        first.unwrap();
        second.unwrap();
        assert_eq!(admin::user::find(&one.app, &name).await.unwrap().roles.len(), 1);
    }
}

#[tokio::test]
async fn what_one_node_changes_another_obeys_within_a_second() {
    let one = Server::start().await;
    let two = one.another().await;
    let grants = async || {
        two.get("/.well-known/oauth-authorization-server").await.body["grant_types_supported"].clone()
    };
    let began = tokio::time::Instant::now();
    one.client("web").await;
    two.until("the metadata changed", async |_| grants().await != serde_json::json!([])).await;
    assert!(began.elapsed() < Duration::from_secs(1));

    let kids = two.kids().await;
    rotate::request(&one.app, 2048, false).await.unwrap();
    let published = tokio::time::Instant::now();
    two.until("the next key is published", async |two| two.kids().await.len() > kids.len()).await;
    assert!(published.elapsed() < Duration::from_secs(1));
}

/// A PostgreSQL of this test's own, which it may stop.
struct Own(PathBuf);

impl Own {
    fn script(&self, argument: &str) -> String {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/postgres");
        let output =
            Command::new(root).args(argument.split(' ')).env("POSTGRES_HOME", &self.0).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.script("stop");
    }
}

/// R6, and threats, faults we test. The first host of the list is never there.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_postgresql_and_a_demotion_end_by_themselves() {
    if !is_postgres() {
        return;
    }
    let own = Own(concat!(env!("CARGO_MANIFEST_DIR"), "/target/postgres-of-a-test").into());
    let started = own.script("start --durable");
    let url = started.trim().strip_prefix("export TEST_DATABASE=").unwrap().to_owned();
    let list = Database { url: url.replace('@', "@127.0.0.1:1,") };
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let server = Server::start_on(folder, list, UNLIMITED).await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);
    let mut token = web.password(&alice, "profile").await;

    for _ in 0..3 {
        own.script("restart");
        server
            .until("tokens are refreshed again", async |_| retried(web.try_refresh(&token).await, &mut token))
            .await;
    }

    let mut database = Database { url }.connect().await;
    for (setting, status) in [("on", 503), ("off", 200)] {
        database.run(format!("ALTER SYSTEM SET default_transaction_read_only = {setting}")).await;
        database.run("SELECT pg_reload_conf()").await;
        server.until("readiness follows", async |server| server.get("/readyz").await.status == status).await;
        assert_eq!(server.get("/.well-known/jwks.json").await.status, 200);
        let answer = web.try_refresh(&token).await;
        assert_eq!(answer.status, status, "{answer:?}");
        if status == 503 {
            assert_eq!((answer.error(), &*answer.headers["retry-after"]), ("temporarily_unavailable", "1"));
            database.run("SET default_transaction_read_only = off").await;
        } else {
            token = answer;
        }
    }
    assert_eq!(server.me(&token.access_token()).await.status, 200);
    assert_eq!(web.try_password(&alice, PASSWORD, "profile").await.status, 200);
}

/// Whether it was granted; 503 is the only other answer there may be.
fn retried(answer: Answer, token: &mut Answer) -> bool {
    assert!([200, 503].contains(&answer.status), "{answer:?}");
    let granted = answer.status == 200;
    if granted {
        *token = answer;
    }
    granted
}
