//! Faults of the database and of the network: 503 and never another 5xx, data as it was, and service that
//! returns by itself.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use crate::server::{Answer, PASSWORD, Server};

/// Every kind of write at the token endpoints fails on purpose, one after the other (threats, faults we test).
#[tokio::test]
async fn a_failing_write_is_a_503_and_changes_nothing() {
    let server = Server::start_with("[limits]\nlogin = \"off\"").await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);
    let mut database = server.database().await;
    let failing = [
        ("families", "INSERT"),
        ("refresh_tokens", "INSERT"),
        ("refresh_tokens", "UPDATE"),
        ("known_prefixes", "INSERT"),
        ("audit", "INSERT"),
        ("families", "UPDATE"),
        ("revocations", "INSERT"),
    ];
    let mut token = web.password(&alice, "profile").await;
    for (table, verb) in failing {
        database.fail(verb, table, None).await;
        let mut refused = 0;
        let answers = [
            web.try_password(&alice, PASSWORD, "").await,
            web.try_refresh(&token).await,
            web.post("/revoke", &[("token", &token.access_token())]).await,
            web.post("/revoke", &[("token", &token.text("refresh_token"))]).await,
        ];
        for answer in &answers {
            assert!([200, 400, 503].contains(&answer.status), "{verb} {table}: {answer:?}");
            if answer.status == 503 {
                refused += 1;
                assert_eq!(
                    (&*answer.headers["retry-after"], answer.error()),
                    ("1", "temporarily_unavailable")
                );
            }
        }
        assert!(refused > 0, "{verb} {table}: nothing needed it");
        assert_eq!(server.get("/.well-known/jwks.json").await.status, 200);
        database.mend(table).await;
        // R6: the next writes work at once; R1, R5: whatever was answered with 503 did not happen.
        token = if answers[3].status == 503 && answers[1].status == 503 {
            web.refresh(&token).await
        } else {
            web.password(&alice, "profile").await
        };
        assert_eq!(server.get("/readyz").await.status, 200);
    }
}

/// One request of a shared transaction fails, and the others do not.
#[tokio::test]
async fn a_failing_request_does_not_fail_those_beside_it() {
    let server = Server::start_with("[limits]\nlogin = \"off\"").await;
    let (good, bad, alice) =
        (server.client("good").await, server.client("bad").await, server.user("alice").await);
    let mut database = server.database().await;
    database.fail("UPDATE", "refresh_tokens", Some("bad")).await;
    let mut tokens = Vec::new();
    for client in [&good, &bad, &good, &bad, &good, &good] {
        tokens.push((client, client.password(&alice, "").await));
    }
    for _ in 0..10 {
        let all = tokens.iter().map(|(client, token)| client.try_refresh(token));
        let answers = futures_util::future::join_all(all).await;
        for ((client, token), answer) in tokens.iter_mut().zip(answers) {
            assert_eq!(answer.status, if client.id == "bad" { 503 } else { 200 }, "{}", client.id);
            if answer.status == 200 {
                *token = answer;
            }
        }
    }
}

#[tokio::test]
async fn a_locked_database_is_a_503_within_its_time_and_keys_are_served_meanwhile() {
    let server = Server::start_with("[limits]\nlogin = \"off\"").await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);
    let token = web.password(&alice, "profile").await;
    let mut database = server.database().await;
    database.hold().await;

    let (refresh, _, ()) = tokio::join!(web.try_refresh(&token), web.try_refresh(&token), async {
        for _ in 0..40 {
            assert_eq!(server.get("/.well-known/jwks.json").await.status, 200);
            assert_eq!(server.me(&token.access_token()).await.status, 200);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    assert_eq!((refresh.status, refresh.error()), (503, "temporarily_unavailable"));
    assert_eq!(server.get("/readyz").await.status, 503);
    database.release().await;
    web.refresh(&token).await;
    assert_eq!(server.get("/readyz").await.status, 200);
}

/// Threat rule 5: who hangs up before the answer can repeat the request.
#[tokio::test]
async fn hanging_up_at_any_moment_leaves_the_token_good() {
    let server = Server::start_with("[limits]\nlogin = \"off\"").await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);
    let mut token = web.password(&alice, "").await;
    for micros in (0..4000).step_by(100) {
        let body =
            format!("grant_type=refresh_token&client_id=web&refresh_token={}", token.text("refresh_token"));
        let head =
            "POST /token HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded";
        let request = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let mut socket = tokio::net::TcpStream::connect(server.address).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_micros(micros)).await;
        drop(socket);
        token = web.refresh(&token).await;
    }
}

/// R9: whatever the bytes, no 5xx and no end of service. The noise is the same in every run.
#[tokio::test]
async fn ten_thousand_malformed_requests_make_no_5xx() {
    let server = Server::start().await;
    server.client("web").await;
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let paths = ["/token", "/revoke", "/introspect", "/users/me", "/.well-known/jwks.json", "/readyz", "/x"];
    let methods = ["POST", "GET", "PUT", "OPTIONS", "HEAD", "PATCH"];
    let pieces = [
        "grant_type=password",
        "grant_type=refresh_token",
        "client_id=web",
        "client_id=",
        "client_secret=x",
        "username=a",
        "password=b",
        "refresh_token=cvr_x",
        "token=a.b.c",
        "scope=%20",
        "scope=a",
        "%",
        "=",
        "&",
        "a=%00",
        "resource=x",
        "a=%ff",
    ];
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("content-type", "text/plain"),
        ("authorization", "Basic Og=="),
        ("authorization", "Basic !"),
        ("authorization", "Bearer a.b.c"),
        ("origin", "null"),
        ("if-none-match", "*"),
        ("x-forwarded-for", "1.2.3.4"),
        ("content-type", "application/x-www-form-urlencoded; charset=x"),
        ("accept", "\u{e9}"),
    ];
    for _ in 0..100 {
        let requests = (0..100).map(|_| {
            let mut request = server.request(noise.pick(&methods), noise.pick(&paths));
            for _ in 0..noise.below(4) {
                let (name, value) = noise.pick(&headers);
                request = request.header(name, value.as_bytes());
            }
            let body: Vec<_> = (0..noise.below(6)).map(|_| noise.pick(&pieces)).collect();
            Answer::of(request.body(body.join("&")))
        });
        for answer in futures_util::future::join_all(requests).await {
            assert!(answer.status < 500, "{answer:?}");
        }
    }
    assert_eq!(server.get("/readyz").await.status, 200);
}

/// A small generator (xorshift64), for noise that is the same in every run.
struct Noise(u64);

impl Noise {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// Threat rule 22: two hundred wrong passwords at once, and refreshes from elsewhere go through.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_sign_ins_is_refused_with_503_and_refreshes_go_on() {
    let server = Server::start_with("[limits]\nlogin = \"off\"\n[passwords]\nworkers = 1").await;
    let (web, alice) = (server.client("web").await, server.user("alice").await);
    let mut token = web.password(&alice, "").await;
    let attempts = (0..200).map(|_| web.try_password(&alice, "a wrong password", ""));
    let flood = futures_util::future::join_all(attempts);
    let refreshes = async {
        for _ in 0..20 {
            token = web.refresh(&token).await;
        }
    };
    let (answers, ()) = tokio::join!(flood, refreshes);
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert!(count(503) >= 100 && count(400) >= 17, "503: {}, 400: {}", count(503), count(400));
    assert_eq!(count(503) + count(400), 200);
}
