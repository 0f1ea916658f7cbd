//! Consent: what it adds up to, and what withdrawing it ends.

use claviger::model::Event;

use crate::server::{API, Server};

#[tokio::test]
async fn consents_add_up_and_are_withdrawn_as_one() {
    let server = Server::start().await;
    let (app, other) = (server.relying_party("app").await, server.relying_party("other").await);
    let alice = server.user("alice").await;
    let (one, more) = (
        app.tokens(&alice, "openid profile").await,
        app.tokens(&alice, "email profile offline_access").await,
    );
    let elsewhere = other.tokens(&alice, "openid profile").await;
    let pending = app.code(&alice, "profile").await;

    let (store, user) = (&server.app.store, alice.id.parse().unwrap());
    let consents = store.consents_of(user).await.unwrap();
    let consents: Vec<_> =
        consents.iter().map(|consent| (consent.client_id.as_str(), consent.scope.to_string())).collect();
    assert_eq!(
        consents,
        [("app", "email offline_access openid profile".to_owned()), ("other", "openid profile".to_owned())]
    );

    let entry = || server.app.audit(Event::ConsentWithdrawn);
    assert!(store.withdraw_consent(user, "app".parse().unwrap(), entry()).await.unwrap());
    assert!(store.consent(user, &"app".parse().unwrap(), &API.parse().unwrap()).await.unwrap().is_empty());
    for tokens in [&one, &more] {
        assert_eq!(app.try_refresh(tokens).await.error(), "invalid_grant");
        assert_eq!(server.me(&tokens.access_token()).await.status, 401);
    }
    assert_eq!(app.try_redeem(&pending).await.error(), "invalid_grant");
    other.refresh(&elsewhere).await;
    assert!(!store.withdraw_consent(user, "app".parse().unwrap(), entry()).await.unwrap(), "nothing is left");
    let audited = server.database().await.count("audit WHERE event = 'consent.withdrawn'").await;
    assert_eq!(audited, 1);
}

/// Two pages at once do not take from each other.
#[tokio::test(flavor = "multi_thread")]
async fn consents_at_the_same_moment_all_count() {
    let server = Server::start().await;
    server.relying_party("app").await;
    let alice = server.user("alice").await;
    let (store, user) = (&server.app.store, alice.id.parse().unwrap());
    let scopes = ["openid", "profile", "email", "phone", "address", "items:read"];
    let grants = scopes.map(|scope| {
        let entry = server.app.audit(Event::ConsentGranted);
        store.grant_consent(user, "app".parse().unwrap(), API.parse().unwrap(), scope.parse().unwrap(), entry)
    });
    assert!(futures_util::future::join_all(grants).await.into_iter().all(Result::unwrap));
    let all = store.consent(user, &"app".parse().unwrap(), &API.parse().unwrap()).await.unwrap();
    assert_eq!(all.iter().count(), scopes.len());

    let nobody = server.app.audit(Event::ConsentGranted);
    let granted = store
        .grant_consent(user, "nobody".parse().unwrap(), API.parse().unwrap(), all, nobody)
        .await
        .unwrap();
    assert!(!granted, "there is no such client");
}
