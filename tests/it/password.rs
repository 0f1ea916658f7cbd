//! Signing in by password, and its limits.

use std::time::Duration;

use insta::{allow_duplicates, assert_snapshot};

use crate::server::{API, PASSWORD, START, Server, User};

/// RFC 6749 §4.3, §5.1; RFC 9068 §2.
#[tokio::test]
async fn a_password_gives_tokens_for_the_client_s_api() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);

    let answer = web.password(&alice, "").await;
    assert_eq!(answer.text("token_type"), "Bearer");
    assert_eq!(answer.body["expires_in"], 600);
    assert_eq!(answer.text("scope"), "items:read items:write profile");
    assert_eq!((&*answer.headers["cache-control"], &*answer.headers["pragma"]), ("no-store", "no-cache"));

    assert_eq!(answer.header()["typ"], "at+jwt");
    assert_eq!(answer.header()["alg"], "RS256");
    assert_eq!(server.kids().await, [answer.header()["kid"].as_str().unwrap()]);
    let mut claims = answer.claims();
    let jti = claims.as_object_mut().unwrap().remove("jti").unwrap();
    assert!(jti.as_str().unwrap().len() >= 22);
    let expected = serde_json::json!({
        "iss": "http://localhost:8080", "sub": alice.id, "aud": API, "client_id": "web",
        "iat": START, "exp": START + 600, "auth_time": START,
        "scope": "items:read items:write profile", "roles": ["writer"],
    });
    assert_eq!(claims, expected);
}

#[tokio::test]
async fn a_name_is_the_same_in_upper_and_lower_case() {
    let server = Server::start().await;
    let (web, _) = (server.client("web").await, server.user("alice").await);
    let shouting = User { name: "ALICE".to_owned(), id: String::new() };
    web.password(&shouting, "items:read").await;
}

/// Threat rule 20: the same answer and one derivation, whatever the reason.
#[tokio::test]
async fn every_failed_sign_in_looks_and_costs_the_same() {
    let server = Server::start().await;
    let web = server.client("web").await;
    let (alice, disabled) = (server.user("alice").await, server.user("disabled").await);
    claviger::admin::user::disable(&server.app, &disabled.name.parse().unwrap()).await.unwrap();
    let nobody = |name: &str| User { name: name.to_owned(), id: String::new() };

    let wrong = web.try_password(&alice, "a wrong password", "").await;
    assert_snapshot!(wrong.wire(), @r#"
    400 Bad Request
    cache-control: no-store
    {"error":"invalid_grant","error_description":"the username or the password is not right"}
    "#);
    let attempts = [
        (nobody("bob"), PASSWORD.to_owned()),
        (nobody("no such näme"), PASSWORD.to_owned()),
        (nobody(&"x".repeat(2000)), PASSWORD.to_owned()),
        (disabled, PASSWORD.to_owned()),
        (alice, "x".repeat(5000)),
    ];
    for (user, password) in attempts {
        let before = server.app.hasher.runs();
        let answer = web.try_password(&user, &password, "").await;
        assert_eq!(server.app.hasher.runs(), before + 1, "{}", user.name);
        assert_eq!((answer.status, &answer.body), (wrong.status, &wrong.body), "{}", user.name);
        let names = |answer: &crate::server::Answer| answer.headers.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&answer), names(&wrong));
    }
}

/// Threat rule 23.
#[tokio::test]
async fn five_sign_ins_a_minute_and_then_one_each_twelve_seconds() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);
    let nobody = User { name: "nobody".to_owned(), id: String::new() };

    for user in [&alice, &nobody] {
        for _ in 0..5 {
            assert_eq!(web.try_password(user, "a wrong password", "").await.status, 400);
        }
        let runs = server.app.hasher.runs();
        let refused = web.try_password(user, PASSWORD, "").await;
        allow_duplicates! {
            assert_snapshot!(refused.wire(), @r#"
            429 Too Many Requests
            cache-control: no-store
            retry-after: 12
            {"error":"temporarily_unavailable","error_description":"too many attempts to sign in, please wait"}
            "#);
        }
        assert_eq!(server.app.hasher.runs(), runs, "a refused attempt hashes nothing");
    }
    server.advance(Duration::from_secs(12)).await;
    web.password(&alice, "").await;
    assert_eq!(web.try_password(&alice, PASSWORD, "").await.status, 429);
}

/// Threat rule 24: strangers who fail on purpose do not lock the owner out.
#[tokio::test]
async fn after_a_hundred_failures_strangers_wait_and_known_contexts_do_not() {
    let server = Server::start_with("trusted_proxies = [\"127.0.0.1/32\"]").await;
    let (_web, backend) = (server.client("web").await, server.confidential("backend").await);
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let from = async |address: &str, user: &User, password: &str| {
        let form = [
            ("grant_type", "password"),
            ("username", &*user.name),
            ("password", password),
            ("client_id", "web"),
        ];
        let request = server.request("POST", "/token").header("x-forwarded-for", address).form(&form);
        crate::server::Answer::of(request).await.status
    };
    assert_eq!(from("192.0.2.1", &alice, PASSWORD).await, 200);

    for user in [&alice, &bob] {
        let (id, account) = (user.id.parse().unwrap(), format!("{}\0", user.name));
        for _ in 0..100 {
            let entry = server.app.audit(claviger::model::Event::SignInFailed);
            let account = server.app.hashes.account.text(account.as_bytes());
            server.app.store.sign_in_failed(account, Some(id), entry).await.unwrap();
        }
        assert_eq!(from("198.51.100.7", user, PASSWORD).await, 429, "a stranger waits");
    }
    assert_eq!(from("192.0.2.1", &alice, PASSWORD).await, 200, "the owner's network does not");
    assert_eq!(from("198.51.100.7", &alice, PASSWORD).await, 429, "and the stranger still does");
    assert_eq!(
        backend.try_password(&bob, PASSWORD, "").await.status,
        200,
        "a confidential client does not wait"
    );
    server.advance(Duration::from_secs(30)).await;
    assert_eq!(from("198.51.100.7", &alice, PASSWORD).await, 200, "the wait ends");
    assert_eq!(from("203.0.113.9", &alice, PASSWORD).await, 200, "and success ends the count");
}

/// A known context has a budget of its own, not an endless one.
#[tokio::test]
async fn a_known_context_that_fails_a_hundred_times_waits_too() {
    let server = Server::start().await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);
    web.password(&alice, "").await;
    let network = claviger::limits::prefix(server.address.ip());
    let context = format!("{}\0{}", alice.name, server.app.hashes.prefix.text(&network));
    for _ in 0..99 {
        let account = server.app.hashes.account.text(context.as_bytes());
        let entry = server.app.audit(claviger::model::Event::SignInFailed);
        server.app.store.sign_in_failed(account, Some(alice.id.parse().unwrap()), entry).await.unwrap();
    }
    assert_eq!(web.try_password(&alice, "a wrong password", "").await.status, 400, "the hundredth");
    let refused = web.try_password(&alice, PASSWORD, "").await;
    assert_eq!((refused.status, &*refused.headers["retry-after"]), (429, "30"));
    server.advance(Duration::from_secs(30)).await;
    web.password(&alice, "").await;
}

#[tokio::test]
async fn a_weaker_hash_is_renewed_at_sign_in() {
    let server = Server::start_with("[passwords]\nrounds = 600000").await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);
    let name = "alice".parse().unwrap();
    let stored = async || server.app.store.credentials(&name).await.unwrap().unwrap();
    let before = stored().await;

    // The hash of `password` as passlib makes it, with 8,000 rounds.
    let weak = "$pbkdf2-sha256$8000$XAuBMIYQQogxRg$tRRlz8hYn63B9LYiCd6PRo6FMiunY9ozmMMI3srxeRE";
    let sealed = server.app.seal.seal(&claviger::user::password_place(&alice.id), weak.as_bytes());
    server.app.store.rehash(before.user_id, before.generation, sealed.clone()).await.unwrap();

    web.try_password(&alice, "password", "").await.granted();
    server.until("the hash is renewed", async |_| stored().await.password_hash.unwrap() != sealed).await;
    web.try_password(&alice, "password", "").await.granted();
    assert_eq!(stored().await.generation, before.generation, "tokens live on");
}

/// A FastAPI application's `OAuth2PasswordBearer` and the Swagger page name no client.
#[tokio::test]
async fn a_request_that_names_no_client_is_the_configured_one_s() {
    let server = Server::start_with("[clients]\ndefault = \"web\"").await;
    let (_web, alice) = (server.client("web").await, server.user("alice").await);
    let form = [
        ("grant_type", "password"),
        ("username", &*alice.name),
        ("password", PASSWORD),
        ("scope", ""),
        ("client_id", ""),
        ("client_secret", ""),
    ];
    for basic in [false, true] {
        let request = server.request("POST", "/token").form(&form);
        let request = if basic { request.basic_auth("", Some("")) } else { request };
        let answer = crate::server::Answer::of(request).await.granted();
        assert_eq!(answer.claims()["client_id"], "web");
    }

    let server = Server::start().await;
    let answer = crate::server::Answer::of(server.request("POST", "/token").form(&form)).await;
    assert_snapshot!(answer.wire(), @r#"
    401 Unauthorized
    cache-control: no-store
    www-authenticate: Basic realm="claviger", charset="UTF-8"
    {"error":"invalid_client","error_description":"the request names no client"}
    "#);
}
