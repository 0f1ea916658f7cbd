//! Every grant against every reason to refuse it (threat rule 10), generated from the table of grants.

use claviger::admin;
use claviger::grant::{GRANTS, Grant};
use claviger::model::Event;
use claviger::store::LiveSession;

use crate::code_flow::{REDIRECT_URI, VERIFIER, code_request};
use crate::server::{Answer, Client, PASSWORD, Server, User};

/// An API that the client is not registered with when it is granted something.
const OTHER: &str = "https://other.example.com";

/// What can happen between the grant and its use.
#[derive(Clone, Copy, Debug)]
enum Reason {
    UserDisabled,
    UserDisabledAndEnabledAgain,
    UserRemoved,
    PasswordChanged,
    ClientDisabled,
    ClientDisabledAndEnabledAgain,
    ClientRemoved,
    ClientSecretEnded,
    ConsentWithdrawn,
    SessionEnded,
    ApiLost,
    OtherApi,
}

const REASONS: [Reason; 12] = [
    Reason::UserDisabled,
    Reason::UserDisabledAndEnabledAgain,
    Reason::UserRemoved,
    Reason::PasswordChanged,
    Reason::ClientDisabled,
    Reason::ClientDisabledAndEnabledAgain,
    Reason::ClientRemoved,
    Reason::ClientSecretEnded,
    Reason::ConsentWithdrawn,
    Reason::SessionEnded,
    Reason::ApiLost,
    Reason::OtherApi,
];

impl Reason {
    async fn befall(self, server: &Server, client: &Client<'_>, user: &User, session: &LiveSession) {
        let (id, name) = (client.id.parse().unwrap(), user.name.parse().unwrap());
        match self {
            Self::UserDisabled => drop(admin::user::disable(&server.app, &name).await.unwrap()),
            Self::UserDisabledAndEnabledAgain => {
                admin::user::disable(&server.app, &name).await.unwrap();
                admin::user::enable(&server.app, &name).await.unwrap();
            }
            Self::UserRemoved => admin::user::remove(&server.app, &name).await.unwrap(),
            Self::PasswordChanged => server.set_password(user, "another-gravel-otter-plinth").await,
            Self::ClientDisabled => drop(admin::client::disable(&server.app, &id).await.unwrap()),
            Self::ClientDisabledAndEnabledAgain => {
                admin::client::disable(&server.app, &id).await.unwrap();
                admin::client::enable(&server.app, &id).await.unwrap();
            }
            Self::ClientRemoved => admin::client::remove(&server.app, &id).await.unwrap(),
            Self::ClientSecretEnded => {
                drop(admin::client::rotate_secret(&server.app, &id, None, 0).await.unwrap());
            }
            Self::ConsentWithdrawn => {
                let (store, entry) = (&server.app.store, server.app.audit(Event::ConsentWithdrawn));
                assert!(store.withdraw_consent(session.user().id, id, entry).await.unwrap());
            }
            Self::SessionEnded => server.sign_out(session).await,
            Self::ApiLost => {
                admin::client::change(&server.app, &id, |client| client.apis = vec![OTHER.parse().unwrap()])
                    .await
                    .unwrap();
            }
            Self::OtherApi => {}
        }
    }

    /// The error of `grant_type`, or none where the reason does not concern it.
    fn error(self, grant_type: &str) -> Option<&'static str> {
        match (self, grant_type) {
            (Self::ClientDisabled | Self::ClientRemoved | Self::ClientSecretEnded, _) => {
                Some("invalid_client")
            }
            (Self::OtherApi, _) => Some("invalid_target"),
            (_, "client_credentials") => None,
            (Self::UserDisabledAndEnabledAgain | Self::ClientDisabledAndEnabledAgain, "password") => None,
            (Self::ConsentWithdrawn | Self::SessionEnded | Self::ApiLost, "password") => None,
            (_, "authorization_code" | "password" | "refresh_token") => Some("invalid_grant"),
            _ => panic!("`{grant_type}` is new: say what each reason means for it"),
        }
    }
}

/// What a client holds before the reason befalls it: a code, and tokens by another.
struct Held {
    code: String,
    tokens: Answer,
}

async fn ask(client: &Client<'_>, user: &User, held: &Held, grant_type: &str, reason: Reason) -> Answer {
    let refresh_token = held.tokens.text("refresh_token");
    let mut form = vec![("grant_type", grant_type)];
    match grant_type {
        "authorization_code" => {
            form.extend([("code", &*held.code), ("redirect_uri", REDIRECT_URI), ("code_verifier", VERIFIER)]);
        }
        "password" => form.extend([("username", &*user.name), ("password", PASSWORD)]),
        "refresh_token" => form.push(("refresh_token", &refresh_token)),
        _ => {}
    }
    if let Reason::OtherApi = reason {
        form.push(("resource", OTHER));
    }
    client.post("/token", &form).await
}

#[tokio::test]
async fn no_grant_outlives_a_reason_to_refuse_it() {
    for reason in REASONS {
        let server = Server::start_with("[limits]\nlogin = \"off\"").await;
        server.add_api_at(OTHER).await;
        for Grant { grant_type, .. } in GRANTS {
            let client = server.relying_party(&format!("client-{grant_type}")).await;
            let user = server.user(&format!("user-{grant_type}")).await;
            let session = server.session(&user).await;
            let code = client.code_in(&session, code_request("openid profile")).await;
            let tokens = client.try_redeem(&code).await.granted();
            let code = client.code_in(&session, code_request("openid profile")).await;
            let held = Held { code, tokens };

            reason.befall(&server, &client, &user, &session).await;
            let answer = ask(&client, &user, &held, grant_type, reason).await;
            match reason.error(grant_type) {
                Some(error) => assert_eq!(answer.error(), error, "{grant_type} after {reason:?}"),
                None => drop(answer.granted()),
            }
            let access_token_must_be_dead =
                !matches!(reason, Reason::ClientSecretEnded | Reason::ApiLost | Reason::OtherApi);
            let token = held.tokens.access_token();
            let expected = if access_token_must_be_dead { 401 } else { 200 };
            assert_eq!(server.me(&token).await.status, expected, "{reason:?}");
            let info = Answer::of(server.request("GET", "/userinfo").bearer_auth(&token)).await.status;
            assert_eq!(info, expected, "{reason:?}");
        }
    }
}

#[tokio::test]
async fn a_grant_that_the_client_is_not_registered_for_is_refused() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);
    let answer = web.post("/token", &[("grant_type", "client_credentials")]).await;
    assert_eq!((answer.status, answer.error()), (400, "unauthorized_client"));

    let only = admin::client::Description {
        grants: vec!["password".to_owned()],
        ..crate::server::description("only")
    };
    let only = server.client_with(only).await;
    let answer = only.password(&alice, "profile").await;
    assert!(answer.body.get("refresh_token").is_none(), "no refresh token for who may not use it");
}

/// RFC 6749 §2.3.1: “protect any endpoint utilizing it against brute force attacks”.
#[tokio::test]
async fn wrong_secrets_are_limited_for_the_client_and_the_network_that_they_come_from() {
    let server = Server::start_with("trusted_proxies = [\"127.0.0.1\"]").await;
    let (backend, other) = (server.confidential("backend").await, server.confidential("other").await);
    let right = |client: &Client<'_>| client.secret.clone().unwrap();
    let ask = async |id: &str, secret: &str, address: &str| {
        let request = server.request("POST", "/token").header("x-forwarded-for", address);
        Answer::of(request.basic_auth(id, Some(secret)).form(&[("grant_type", "client_credentials")])).await
    };
    let mut limited = Vec::new();
    for id in ["backend", "nobody"] {
        for _ in 0..10 {
            assert_eq!(ask(id, "not-the-right-secret", "203.0.113.1").await.error(), "invalid_client");
        }
        limited.push(ask(id, "not-the-right-secret", "203.0.113.1").await.wire());
    }
    assert_eq!(limited[0], limited[1]);
    insta::assert_snapshot!(limited[0], @r#"
    429 Too Many Requests
    cache-control: no-store
    retry-after: 60
    {"error":"temporarily_unavailable","error_description":"too many attempts to authenticate, please wait"}
    "#);
    let here = ask("backend", &right(&backend), "203.0.113.1").await;
    assert_eq!(here.status, 429, "who guesses does not learn that a guess was right");
    ask("backend", &right(&backend), "203.0.113.2").await.granted();
    ask("other", &right(&other), "203.0.113.1").await.granted();

    server.advance(std::time::Duration::from_secs(60)).await;
    for _ in 0..20 {
        ask("backend", &right(&backend), "203.0.113.1").await.granted();
    }
}

#[tokio::test]
async fn two_secrets_are_good_during_a_rotation() {
    let server = Server::start().await;
    let first = server.confidential("backend").await;
    let next = async |overlap| {
        let id = "backend".parse().unwrap();
        let secret = admin::client::rotate_secret(&server.app, &id, None, overlap).await.unwrap();
        Client::known(&server, "backend", Some(secret.expose().clone()))
    };
    let works = async |client: &Client<'_>| {
        client.post("/token", &[("grant_type", "client_credentials")]).await.status == 200
    };

    let second = next(3600).await;
    assert!(works(&first).await && works(&second).await);
    let third = next(3600).await;
    assert!(!works(&first).await && works(&second).await && works(&third).await, "the third ends the first");
    server.advance(std::time::Duration::from_secs(3600)).await;
    assert!(!works(&second).await && works(&third).await);
}
