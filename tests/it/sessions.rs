//! Sessions, and what rests on them.

use std::time::Duration;

use claviger::admin::client::Description;
use claviger::model::Event;
use claviger::store::LiveSession;

use crate::code_flow::{SESSION, code_request, relying_party, sign_in};
use crate::server::Server;

/// Seconds that a session of these tests may lie unused.
const IDLE: i64 = 12 * 3600;

fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(seconds.unsigned_abs())
}

async fn find(server: &Server, session: &LiveSession) -> Option<LiveSession> {
    let store = &server.app.store;
    store.live_session(session.digest(), server.app.clock.now(), IDLE, None).await.unwrap()
}

#[tokio::test]
async fn a_session_ends_when_it_lies_unused_and_at_its_end_however_often_it_is_used() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    let used = server.session(&alice).await;
    let mut passed = 0;
    while passed < SESSION {
        let now = server.app.clock.now();
        assert!(find(&server, &used).await.is_some(), "after {passed} s");
        server
            .until("its use was written down", async |server| {
                let all = server.app.store.sessions_of(used.user().id, now, IDLE).await.unwrap();
                all.iter().any(|session| session.id == used.id() && session.seen_at == now)
            })
            .await;
        server.advance(seconds(IDLE - 60)).await;
        passed += IDLE - 60;
    }
    assert!(find(&server, &used).await.is_none());

    let (used, unused) = (server.session(&alice).await, server.session(&alice).await);
    server.advance(seconds(IDLE - 1)).await;
    assert!(find(&server, &used).await.is_some());
    server.advance(seconds(1)).await;
    assert!(find(&server, &unused).await.is_none());
}

/// A new cookie, and nothing that rests on the session is lost.
#[tokio::test]
async fn who_proves_again_who_they_are_keeps_the_session_under_a_new_cookie() {
    let server = Server::start().await;
    let (app, alice) = (server.relying_party("app").await, server.user("alice").await);
    let first = server.session(&alice).await;
    let tokens = app.try_redeem(&app.code_in(&first, code_request("openid")).await).await.granted();

    server.advance(seconds(100)).await;
    let second = sign_in(&server.app, "alice", Some(first.digest())).await;
    assert_eq!(first.id(), second.id());
    assert_ne!(first.digest(), second.digest());
    assert_eq!(second.authentication().at - first.authentication().at, 100);
    assert!(find(&server, &first).await.is_none(), "the old cookie is worthless");
    assert!(find(&server, &second).await.is_some());
    app.refresh(&tokens).await;
}

#[tokio::test]
async fn another_user_in_the_same_browser_ends_the_session_of_the_one_before() {
    let server = Server::start().await;
    let (app, alice) = (server.relying_party("app").await, server.user("alice").await);
    server.user("bob").await;
    let first = server.session(&alice).await;
    let tokens = app.try_redeem(&app.code_in(&first, code_request("openid")).await).await.granted();

    let second = sign_in(&server.app, "bob", Some(first.digest())).await;
    assert_ne!(first.id(), second.id());
    assert!(find(&server, &first).await.is_none());
    assert_eq!(app.try_refresh(&tokens).await.error(), "invalid_grant");
    assert_eq!(server.database().await.count("audit WHERE event = 'session.ended'").await, 1);
}

/// R5.
#[tokio::test]
async fn a_session_does_not_outlive_its_password_or_its_user() {
    let server = Server::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let (hers, his) = (server.session(&alice).await, server.session(&bob).await);
    server.set_password(&alice, "another-gravel-otter-plinth").await;
    assert!(find(&server, &hers).await.is_none());
    let again = sign_in(&server.app, "alice", Some(hers.digest())).await;
    assert_ne!(again.id(), hers.id(), "what rested on the old password is over");

    let name = bob.name.parse().unwrap();
    claviger::admin::user::disable(&server.app, &name).await.unwrap();
    assert!(find(&server, &his).await.is_none());
    claviger::admin::user::enable(&server.app, &name).await.unwrap();
    assert!(find(&server, &his).await.is_none(), "what was over stays so");
}

/// OpenID Connect Core §11: what was consented to for offline access goes on.
#[tokio::test]
async fn signing_out_ends_what_rests_on_the_session_but_offline_access() {
    let server = Server::start().await;
    let (app, alice) = (server.relying_party("app").await, server.user("alice").await);
    let (here, there) = (server.session(&alice).await, server.session(&alice).await);
    let tokens = async |session, scope| {
        app.try_redeem(&app.code_in(session, code_request(scope)).await).await.granted()
    };
    let online = tokens(&here, "openid profile").await;
    let offline = tokens(&here, "openid profile offline_access").await;
    let elsewhere = tokens(&there, "openid profile").await;

    server.sign_out(&here).await;
    assert!(find(&server, &here).await.is_none() && find(&server, &there).await.is_some());
    assert_eq!(app.try_refresh(&online).await.error(), "invalid_grant");
    assert_eq!(server.me(&online.access_token()).await.status, 401);
    app.refresh(&offline).await;
    app.refresh(&elsewhere).await;
    let entry = server.app.audit(Event::SessionEnded);
    assert!(!server.app.store.end_session(here.user().id, here.id(), entry).await.unwrap(), "it ends once");
}

#[tokio::test]
async fn nobody_ends_another_user_s_session() {
    let server = Server::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let (hers, his) = (server.session(&alice).await, server.session(&bob).await);
    let entry = server.app.audit(Event::SessionEnded);
    assert!(!server.app.store.end_session(his.user().id, hers.id(), entry).await.unwrap());
    assert!(find(&server, &hers).await.is_some());
}

#[tokio::test]
async fn all_sessions_but_one_end_at_once() {
    let server = Server::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let (kept, one, two) =
        (server.session(&alice).await, server.session(&alice).await, server.session(&alice).await);
    let his = server.session(&bob).await;
    let entry = server.app.audit(Event::SessionEnded);
    let ended = server.app.store.end_sessions(kept.user().id, Some(kept.id()), entry).await.unwrap();
    assert_eq!(ended, 2);
    assert!(find(&server, &one).await.is_none() && find(&server, &two).await.is_none());
    assert!(find(&server, &kept).await.is_some() && find(&server, &his).await.is_some());
    let left = server.app.store.sessions_of(kept.user().id, server.app.clock.now(), IDLE).await.unwrap();
    assert_eq!(left.iter().map(|session| session.id).collect::<Vec<_>>(), [kept.id()]);
    assert_eq!(left[0].agent.as_deref(), Some("a browser"));
}

/// R8: the one that was used longest ago gives way, and its clients are told.
#[tokio::test]
async fn a_user_has_a_hundred_sessions_at_most() {
    let server = Server::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let backchannel_logout_uri = Some("https://app.example.com/logout".parse().unwrap());
    let app = server.client_with(Description { backchannel_logout_uri, ..relying_party("app") }).await;
    let (his, first) = (server.session(&bob).await, server.session(&alice).await);
    let tokens = app.try_redeem(&app.code_in(&first, code_request("openid")).await).await.granted();
    server.advance(seconds(1)).await;
    let mut others = Vec::new();
    for _ in 0..99 {
        others.push(server.session(&alice).await);
    }
    server.advance(seconds(1)).await;
    let again = sign_in(&server.app, "alice", Some(others[0].digest())).await;
    assert_eq!(again.id(), others[0].id());
    assert!(find(&server, &first).await.is_some(), "one that goes on is no more than before");

    let last = server.session(&alice).await;
    assert!(find(&server, &first).await.is_none());
    assert_eq!(app.try_refresh(&tokens).await.error(), "invalid_grant");
    let mut database = server.database().await;
    assert_eq!(database.count("logout_deliveries").await, 1);
    let ended = format!("audit WHERE event = 'session.ended' AND detail = 'session {}'", first.id());
    assert_eq!(database.count(&ended).await, 1);
    let now = server.app.clock.now();
    let all = server.app.store.sessions_of(last.user().id, now, IDLE).await.unwrap();
    assert!(all.len() == 100 && all.iter().any(|session| session.id == last.id()));
    assert!(find(&server, &his).await.is_some(), "another user's do not count");
}

/// What was not granted for offline access is not renewed past the end of its session.
#[tokio::test]
async fn a_grant_without_offline_access_ends_with_its_session() {
    let server = Server::start().await;
    let (app, alice) = (server.relying_party("app").await, server.user("alice").await);
    let (mut online, mut offline) =
        (app.tokens(&alice, "profile").await, app.tokens(&alice, "profile offline_access").await);
    server.advance(seconds(SESSION - 1)).await;
    (online, offline) = (app.refresh(&online).await, app.refresh(&offline).await);
    server.advance(seconds(1)).await;
    assert_eq!(app.try_refresh(&online).await.error(), "invalid_grant");
    app.refresh(&offline).await;
}

/// Each client that was told of the session, and has asked for it, is told of its end, once.
#[tokio::test]
async fn ending_a_session_owes_its_clients_a_logout_token() {
    let server = Server::start().await;
    let told = Description {
        backchannel_logout_uri: Some("https://app.example.com/logout".parse().unwrap()),
        ..relying_party("told")
    };
    let told = server.client_with(told).await;
    let (untold, alice) = (server.relying_party("untold").await, server.user("alice").await);
    let (here, there) = (server.session(&alice).await, server.session(&alice).await);
    let backchannel_logout_uri = Some("https://app.example.com/logout".parse().unwrap());
    let unaware = Description { backchannel_logout_uri, ..relying_party("unaware") };
    let unaware = server.client_with(unaware).await;
    let sign_ins = [
        (&told, &here, "openid"),
        (&told, &here, "openid"),
        (&untold, &here, "openid"),
        (&told, &there, "openid"),
        (&unaware, &here, "profile"),
    ];
    for (client, session, scope) in sign_ins {
        client.try_redeem(&client.code_in(session, code_request(scope)).await).await.granted();
    }
    server.sign_out(&here).await;
    let mut database = server.database().await;
    assert_eq!(database.count("logout_deliveries").await, 1);
    let owed = format!(
        "logout_deliveries WHERE client_id = 'told' AND session_id = '{}' AND user_id = '{}'",
        here.id(),
        alice.id
    );
    assert_eq!(database.count(&owed).await, 1);
}
