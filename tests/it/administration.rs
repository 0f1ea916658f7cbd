//! What operators change at the same time.

use claviger::admin;
use claviger::model::Event;

use crate::server::Server;

#[tokio::test]
async fn claims_that_are_set_at_the_same_time_are_all_kept() {
    let server = Server::start().await;
    server.user("alice").await;
    let name = "alice".parse().unwrap();
    let names = ["given_name", "family_name", "nickname", "gender", "address.locality", "address.country"];
    let set = async |claim: &str| {
        admin::user::set(&server.app, &name, &[(claim.to_owned(), "x".to_owned())]).await.unwrap();
    };
    futures_util::future::join_all(names.iter().map(|claim| set(claim))).await;
    let user = admin::user::find(&server.app, &name).await.unwrap();
    for claim in names {
        assert_eq!(user.claim(claim), Some("x".into()), "{claim}");
    }
}

#[tokio::test]
async fn a_client_that_was_changed_meanwhile_is_not_changed() {
    let server = Server::start().await;
    let id = server.client("web").await.id.parse().unwrap();
    let seen = admin::client::find(&server.app, &id).await.unwrap();
    let renamed = |name: &str| {
        let mut after = seen.clone();
        after.name = Some(name.to_owned());
        server.app.store.set_client(seen.clone(), after, server.app.audit(Event::ClientChanged).client(&id))
    };
    assert!(renamed("One").await.unwrap());
    assert!(!renamed("Other").await.unwrap(), "it was not what the operator saw");
    let client = admin::client::find(&server.app, &id).await.unwrap();
    assert_eq!(client.name.as_deref(), Some("One"));
    assert_eq!(server.database().await.count("audit WHERE event = 'client.changed'").await, 1);
}
