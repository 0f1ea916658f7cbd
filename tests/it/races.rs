//! What is good once, used on several nodes at once: one winner (R1, R3). And what ends a session in the middle of
//! its renewal: one of the two comes first (R5).

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use claviger::admin;
use claviger::admin::client::Description;
use claviger::admin::user::PasswordRules;
use claviger::protocol::Secret;
use claviger::rotate;

use crate::code_flow::{code_request, relying_party};
use crate::database::{Connection, is_postgres};
use crate::server::{Answer, Client, PASSWORD, START, Server};

const UNLIMITED: &str = "[limits]\nlogin = \"off\"";

/// The answers to fifty uses at once, in turns by each of `clients`, which ask different nodes.
pub async fn fifty<'c, 's, F>(clients: &'c [Client<'s>], use_: impl Fn(&'c Client<'s>) -> F) -> Vec<Answer>
where
    F: Future<Output = Answer>,
{
    futures_util::future::join_all(clients.iter().cycle().take(50).map(use_)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_uses_on_three_nodes_one_makes_the_successor() {
    let one = Server::start_with(UNLIMITED).await;
    let (two, three) = (one.another().await, one.another().await);
    let (web, alice) = (one.client("web").await, one.user("alice").await);
    let clients = [web.clone(), Client::known(&two, "web", None), Client::known(&three, "web", None)];

    let mut token = web.password(&alice, "items:read").await;
    for round in 0..20 {
        let answers = fifty(&clients, |client| client.try_refresh(&token)).await;
        let successors: HashSet<_> =
            answers.iter().map(|answer| answer.clone().granted().text("refresh_token")).collect();
        assert_eq!(successors.len(), 1, "round {round}");
        token = answers.into_iter().next().unwrap();
    }
}

/// R1: and its tokens are revoked by the uses that lost.
#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_redemptions_on_three_nodes_one_wins() {
    let one = Server::start_with(UNLIMITED).await;
    let (two, three) = (one.another().await, one.another().await);
    let (app, alice) = (one.relying_party("app").await, one.user("alice").await);
    let known = |node| Client::known(node, "app", app.secret.clone());
    let clients = [app.clone(), known(&two), known(&three)];
    let session = one.session(&alice).await;

    for round in 0..20 {
        let code = app.code_in(&session, code_request("openid profile")).await;
        let answers = fifty(&clients, |client| client.try_redeem(&code)).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!(won.len(), 1, "round {round}");
        assert!(lost.iter().all(|answer| answer.error() == "invalid_grant"), "round {round}: {lost:?}");
        assert_eq!(two.me(&won[0].access_token()).await.status, 401, "round {round}");
    }
}

/// R5: whichever comes first, nothing that rests on a session that was ended is good afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_is_redeemed_while_another_node_ends_its_session_leaves_nothing_good() {
    let one = Server::start_with(UNLIMITED).await;
    let two = one.another().await;
    let (app, alice) = (one.relying_party("app").await, one.user("alice").await);
    for round in 0..20 {
        let session = one.session(&alice).await;
        let mut codes = Vec::new();
        for _ in 0..8 {
            codes.push(app.code_in(&session, code_request("openid profile")).await);
        }
        let redeeming = futures_util::future::join_all(codes.iter().map(|code| app.try_redeem(code)));
        let ending = async {
            tokio::time::sleep(Duration::from_millis(round)).await;
            two.sign_out(&session).await;
        };
        let (answers, ()) = tokio::join!(redeeming, ending);
        for answer in answers {
            if answer.status == 200 {
                assert_eq!(one.me(&answer.access_token()).await.status, 401, "round {round}");
                assert_eq!(app.try_refresh(&answer).await.error(), "invalid_grant", "round {round}");
            } else {
                assert_eq!(answer.error(), "invalid_grant", "round {round}");
            }
        }
    }
}

/// Whatever ends a session waits for a renewal that has begun, and then finds what it made. On SQLite there is one
/// writer anyway.
#[tokio::test(flavor = "multi_thread")]
async fn what_ends_a_session_does_not_return_in_the_middle_of_its_renewal() {
    if !is_postgres() {
        return;
    }
    let one = Server::start_with(UNLIMITED).await;
    let two = one.another().await;
    let (web, alice) = (one.client("web").await, one.user("alice").await);
    let (user, client) = (alice.name.parse().unwrap(), web.id.parse().unwrap());
    let config = two.app.config();
    let rules = PasswordRules { issuer: &config.issuer, rounds: config.passwords.rounds };
    let (mut holding, mut watching) = (one.database().await, one.database().await);

    for ending in ["revoke", "disable the user", "change the password", "disable the client"] {
        for signs_in in [false, true] {
            if signs_in && ending == "revoke" {
                continue; // Nothing is there yet that could be revoked.
            }
            let session = web.password(&alice, "items:read").await;
            // It gets as far as its first write.
            holding.run("BEGIN; LOCK TABLE refresh_tokens, known_prefixes IN SHARE MODE").await;
            let has_returned = AtomicBool::new(false);
            let renewal = async {
                match signs_in {
                    true => web.try_password(&alice, PASSWORD, "items:read").await,
                    false => web.try_refresh(&session).await,
                }
            };
            let end = async {
                until_waiting(&mut one.database().await, 1).await;
                match ending {
                    "revoke" => {
                        let form = [("token", &*session.text("refresh_token"))];
                        drop(Client::known(&two, "web", None).post("/revoke", &form).await.granted());
                    }
                    "disable the user" => drop(admin::user::disable(&two.app, &user).await.unwrap()),
                    "disable the client" => drop(admin::client::disable(&two.app, &client).await.unwrap()),
                    _ => {
                        let password = Secret::new(PASSWORD.to_owned());
                        drop(admin::user::set_password(&two.app, rules, &user, password).await.unwrap());
                    }
                }
                has_returned.store(true, Ordering::Relaxed);
            };
            let watch = async {
                tokio::select! {
                    () = until_waiting(&mut watching, 2) => {}
                    () = until(&has_returned) => {}
                }
                assert!(
                    !has_returned.load(Ordering::Relaxed),
                    "R5: to {ending} did not wait (signs in: {signs_in})"
                );
                holding.run("ROLLBACK").await;
            };
            let (renewed, (), ()) = tokio::join!(renewal, end, watch);
            let refused = web.try_refresh(&renewed.granted()).await;
            assert_ne!(refused.status, 200, "{ending}");
            admin::user::enable(&two.app, &user).await.unwrap();
            admin::client::enable(&two.app, &client).await.unwrap();
            // Within a second: the other node may have seen the client just before.
            let is_good =
                async |_: &Server| web.try_password(&alice, PASSWORD, "items:read").await.status == 200;
            one.until("the client is good again", is_good).await;
        }
    }
}

/// Rule 4, of PostgreSQL: who removes something, or ends a session, waits for what rests on it before holding anything
/// that the one who uses that needs. Else each would wait for the other.
#[tokio::test(flavor = "multi_thread")]
async fn what_rests_on_something_is_waited_for_before_anything_is_held() {
    if !is_postgres() {
        return;
    }
    let server = Server::start_with(UNLIMITED).await;
    let (app, alice) = (server.relying_party("app").await, server.user("alice").await);
    let (app_id, name) = (app.id.parse().unwrap(), alice.name.parse().unwrap());
    let first = server.session(&alice).await;
    app.try_redeem(&app.code_in(&first, code_request("openid")).await).await.granted();
    app.code_in(&first, code_request("openid")).await;
    server.advance(Duration::from_secs(1)).await;
    for _ in 0..99 {
        server.session(&alice).await;
    }
    let (mut using, mut watching) = (server.database().await, server.database().await);

    // As redeeming a code and refreshing do it: first the code or the family, then what it rests on.
    let family = "families WHERE revoked_at IS NULL";
    let code = "authorization_codes WHERE redeemed_at IS NULL";
    for (what, used, rests_on) in [
        ("begin one session too many", family, "users"),
        ("remove the client", code, "clients"),
        ("remove the user", code, "users"),
    ] {
        using.run(format!("BEGIN; SELECT 1 FROM {used} FOR UPDATE")).await;
        let change = async {
            match what {
                "remove the client" => admin::client::remove(&server.app, &app_id).await.unwrap(),
                "remove the user" => admin::user::remove(&server.app, &name).await.unwrap(),
                _ => drop(server.session(&alice).await),
            }
        };
        let use_ = async {
            until_waiting(&mut watching, 1).await;
            using.run(format!("SELECT 1 FROM {rests_on} FOR UPDATE NOWAIT; ROLLBACK")).await;
        };
        tokio::join!(change, use_);
        if what == "remove the client" {
            let app = server.relying_party("app").await;
            app.code(&alice, "openid").await;
        }
    }
}

/// A session that begins while its user is removed is found, and its clients are told; on SQLite one comes after the
/// other anyway.
#[tokio::test(flavor = "multi_thread")]
async fn no_session_begins_unseen_while_its_user_is_removed() {
    if !is_postgres() {
        return;
    }
    let server = Server::start_with(UNLIMITED).await;
    let alice = server.user("alice").await;
    let backchannel_logout_uri = Some("https://app.example.com/logout".parse().unwrap());
    server.client_with(Description { backchannel_logout_uri, ..relying_party("app") }).await;
    let (mut beginning, mut watching) = (server.database().await, server.database().await);
    let end = START + 3600;
    beginning
        .run(format!(
            "BEGIN;
             SELECT 1 FROM users WHERE id = '{id}' FOR SHARE;
             INSERT INTO sessions (id, digest, user_id, user_generation, amr, auth_time, seen_at, expires_at)
             SELECT '{session}', 'digest', id, generation, 'pwd', {START}, {START}, {end} FROM users WHERE id = '{id}';
             INSERT INTO session_clients (session_id, client_id) VALUES ('{session}', 'app')",
            id = alice.id,
            session = uuid::Uuid::nil().simple(),
        ))
        .await;
    let remove = async { admin::user::remove(&server.app, &alice.name.parse().unwrap()).await.unwrap() };
    let commit = async {
        until_waiting(&mut watching, 1).await;
        beginning.run("COMMIT").await;
    };
    tokio::join!(remove, commit);
    assert_eq!(server.database().await.count("logout_deliveries WHERE client_id = 'app'").await, 1);
}

/// Waits until so many of this test's transactions wait for a lock.
async fn until_waiting(database: &mut Connection, transactions: i64) {
    const WAITING: &str = "pg_stat_activity WHERE wait_event_type = 'Lock'
        AND application_name = current_setting('application_name')";
    while database.count(WAITING).await < transactions {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn until(condition: &AtomicBool) {
    while !condition.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// However rotations fall together, by the schedule's order and at once.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_rotate_at_once_leave_one_key_that_signs() {
    let one = Server::start().await;
    let (two, three) = (one.another().await, one.another().await);
    for round in 0..6 {
        let rotations = [&one, &two, &three, &one, &two, &three].into_iter().enumerate();
        let rotations =
            rotations.map(|(number, node)| rotate::request(&node.app, 2048, (round + number) % 3 > 0));
        for made in futures_util::future::join_all(rotations).await {
            made.unwrap();
        }
        let keys = one.app.store.signing_keys().await.unwrap();
        let signing = keys.iter().filter(|key| key.activated_at.is_some() && key.retired_at.is_none());
        assert_eq!(signing.count(), 1, "round {round}: {keys:?}");
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
