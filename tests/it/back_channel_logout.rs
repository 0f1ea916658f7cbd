//! Back-channel logout, as relying parties see it ([OpenID Connect Back-Channel Logout]).
//!
//! [OpenID Connect Back-Channel Logout]: https://openid.net/specs/openid-connect-backchannel-1_0.html

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use claviger::admin;
use claviger::model::{Event, SessionId};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::relying_party::REDIRECT_URI;
use crate::server::{START, Server, User, description, part};

/// Lets the server call relying parties on this machine.
pub const LOOPBACK: &str = "[fetch]\nallow = [\"127.0.0.1\"]";

/// A relying party that listens for logout tokens.
pub struct Party {
    /// Where it listens.
    pub uri: String,
    /// The tokens that it was sent.
    told: mpsc::UnboundedReceiver<String>,
    /// The most that were under way at the same time.
    most: Arc<AtomicUsize>,
}

impl Party {
    /// One that answers its nth request with `answer(n)`, after `pause`; without an answer it hangs.
    async fn start(pause: Duration, answer: impl Fn(usize) -> Option<u16> + Clone + Send + 'static) -> Self {
        Self::with_crowd(1, pause, answer).await
    }

    /// The same, but it answers nobody before so many have come to it at the same time.
    async fn with_crowd(
        crowd: usize,
        pause: Duration,
        answer: impl Fn(usize) -> Option<u16> + Clone + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/logout", listener.local_addr().unwrap());
        let (sender, told) = mpsc::unbounded_channel();
        let most = Arc::new(AtomicUsize::new(0));
        let (count, at_once, highest) =
            (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), most.clone());
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (sender, answer) = (sender.clone(), answer.clone());
                let (count, at_once, highest) = (count.clone(), at_once.clone(), highest.clone());
                tokio::spawn(async move {
                    let now = at_once.fetch_add(1, Ordering::SeqCst) + 1;
                    highest.fetch_max(now, Ordering::SeqCst);
                    let token = read_token(&mut stream).await;
                    let status = answer(count.fetch_add(1, Ordering::SeqCst));
                    let _ = sender.send(token);
                    let Some(status) = status else { return std::future::pending().await };
                    tokio::time::sleep(pause).await;
                    while highest.load(Ordering::SeqCst) < crowd {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                    at_once.fetch_sub(1, Ordering::SeqCst);
                    let answer = format!("HTTP/1.1 {status} Whatever\r\ncontent-length: 0\r\n\r\n");
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        Self { uri, told, most }
    }

    /// One that is told and says so.
    pub async fn polite() -> Self {
        Self::start(Duration::ZERO, |_| Some(200)).await
    }

    /// Registers it as a client.
    async fn register(&self, server: &Server, id: &str, sector: Option<&str>) {
        server
            .client_with(admin::client::Description {
                grants: ["password", "refresh_token", "authorization_code"].map(str::to_owned).into(),
                redirect_uris: vec![REDIRECT_URI.parse().unwrap()],
                backchannel_logout_uri: Some(self.uri.parse().unwrap()),
                sector: sector.map(str::to_owned),
                ..description(id)
            })
            .await;
    }

    /// The next token.
    pub async fn next(&mut self) -> String {
        tokio::time::timeout(Duration::from_secs(30), self.told.recv()).await.unwrap().unwrap()
    }

    /// The sessions that it was told of, once it was told `count` times.
    async fn sessions(&mut self, count: usize) -> Vec<String> {
        let mut sessions = Vec::new();
        while sessions.len() < count {
            sessions.push(part(&self.next().await, 1)["sid"].as_str().unwrap().to_owned());
        }
        sessions
    }
}

/// Reads a request that must be a form with nothing but a logout token.
async fn read_token(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    loop {
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes).await.unwrap();
        assert_ne!(count, 0, "{text}");
        text += std::str::from_utf8(&bytes[..count]).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if body.len() == length.parse::<usize>().unwrap() {
            assert!(head.starts_with("POST /logout HTTP/1.1\r\n"), "{head}");
            assert!(head.contains("content-type: application/x-www-form-urlencoded\r\n"), "{head}");
            return body.strip_prefix("logout_token=").unwrap().to_owned();
        }
    }
}

/// Sessions of `user` that each of `clients` was told of.
async fn sessions(server: &Server, user: &User, clients: &[&str], count: usize) -> Vec<SessionId> {
    let ids: Vec<_> = (0..count).map(|_| SessionId(uuid::Uuid::now_v7())).collect();
    let rows = ids.iter().map(|id| {
        format!("('{id}', 'digest of {id}', '{}', 0, 'pwd', {START}, {START}, {})", user.id, START + 604_800)
    });
    let told = ids.iter().flat_map(|id| clients.iter().map(move |client| format!("('{id}', '{client}')")));
    let mut database = server.database().await;
    let columns = "id, digest, user_id, user_generation, amr, auth_time, seen_at, expires_at";
    let rows = rows.collect::<Vec<_>>().join(", ");
    database.run(format!("INSERT INTO sessions ({columns}) VALUES {rows}")).await;
    let told = told.collect::<Vec<_>>().join(", ");
    database.run(format!("INSERT INTO session_clients (session_id, client_id) VALUES {told}")).await;
    ids
}

/// Ends a session as its user does.
async fn sign_out(server: &Server, user: &User, session: SessionId) {
    let entry = server.app.audit(Event::SessionEnded);
    assert!(server.app.store.end_session(user.id.parse().unwrap(), session, entry).await.unwrap());
}

/// Ends all sessions of `user`.
async fn sign_out_everywhere(server: &Server, user: &User) {
    let entry = server.app.audit(Event::SessionEnded);
    server.app.store.end_sessions(user.id.parse().unwrap(), None, entry).await.unwrap();
}

async fn no_delivery_is_left(server: &Server) {
    let mut database = server.database().await;
    for _ in 0..3000 {
        if database.count("logout_deliveries").await == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} deliveries are left", database.count("logout_deliveries").await);
}

/// What `token` says, as a relying party with a stock library finds out (§2.6).
async fn verify(server: &Server, token: &str, audience: &str) -> Value {
    let jwks: JwkSet = serde_json::from_value(server.get("/.well-known/jwks.json").await.body).unwrap();
    let header = decode_header(token).unwrap();
    assert_eq!(header.typ.as_deref(), Some("logout+jwt"));
    let key = DecodingKey::from_jwk(jwks.find(&header.kid.unwrap()).unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[audience]);
    validation.set_issuer(&["http://localhost:8080"]);
    decode::<Value>(token, &key, &validation).unwrap().claims
}

/// oidcc-backchannel-rp-initiated-logout, as far as the token goes; §2.4.
#[tokio::test]
async fn each_client_of_a_session_that_ends_is_told_by_a_token_of_its_own() {
    let server = Server::start_with(LOOPBACK).await;
    let (mut web, mut app, mut other) = (Party::polite().await, Party::polite().await, Party::polite().await);
    web.register(&server, "web", None).await;
    app.register(&server, "app", Some("example.com")).await;
    other.register(&server, "other", None).await;
    let alice = server.user("alice").await;
    let session = sessions(&server, &alice, &["web", "app"], 1).await[0];
    sign_out(&server, &alice, session).await;

    let mut claims = verify(&server, &web.next().await, "web").await;
    assert!(claims["jti"].take().as_str().unwrap().len() >= 22);
    let expected = json!({
        "iss": "http://localhost:8080",
        "sub": alice.id,
        "aud": "web",
        "iat": START,
        "exp": START + 120,
        "jti": null,
        "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        "sid": session.to_string(),
    });
    assert_eq!(claims, expected);

    let pairwise = verify(&server, &app.next().await, "app").await;
    assert_ne!(pairwise["sub"], expected["sub"], "a client of a sector knows the user by another name");
    assert_ne!(pairwise["sid"], expected["sid"], "and the session");
    no_delivery_is_left(&server).await;
    assert!(other.told.try_recv().is_err(), "it knew nothing of the session");
}

#[tokio::test]
async fn what_an_operator_does_to_a_user_ends_their_sessions_at_their_clients_too() {
    let server = Server::start_with(LOOPBACK).await;
    let mut web = Party::polite().await;
    web.register(&server, "web", None).await;
    for (name, command) in [("disabled", "disable"), ("changed", "set-password"), ("removed", "remove")] {
        let user = server.user(name).await;
        let session = sessions(&server, &user, &["web"], 1).await[0];
        let name = name.parse().unwrap();
        match command {
            "disable" => drop(admin::user::disable(&server.app, &name).await.unwrap()),
            "set-password" => server.set_password(&user, "orchard-copper-violin-sled").await,
            _ => admin::user::remove(&server.app, &name).await.unwrap(),
        }
        let claims = verify(&server, &web.next().await, "web").await;
        assert_eq!(
            [&claims["sub"], &claims["sid"]],
            [&json!(user.id), &json!(session.to_string())],
            "{command}"
        );
    }
    no_delivery_is_left(&server).await;
}

#[tokio::test]
async fn what_did_not_arrive_is_delivered_again_with_a_fresh_token() {
    let server = Server::start_with(LOOPBACK).await;
    let statuses = [503, 400, 302, 201, 204];
    let mut web = Party::start(Duration::ZERO, move |n| Some(statuses[n])).await;
    web.register(&server, "web", None).await;
    let alice = server.user("alice").await;
    let session = sessions(&server, &alice, &["web"], 1).await[0];
    sign_out(&server, &alice, session).await;

    let mut ids = HashSet::new();
    for (attempt, pause) in [0, 5, 10, 20, 40].into_iter().enumerate() {
        // A quarter longer at most; not before its time.
        if pause > 0 {
            server.advance(Duration::from_secs(pause - 1)).await;
            server.app.store.look_for_logouts();
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert!(web.told.try_recv().is_err(), "attempt {attempt} came early");
            server.advance(Duration::from_secs(2 + pause / 4)).await;
            server.app.store.look_for_logouts();
        }
        let claims = verify(&server, &web.next().await, "web").await;
        assert_eq!(claims["iat"], server.app.clock.now());
        ids.insert(claims["jti"].to_string());
        let mut database = server.database().await;
        if attempt + 1 < statuses.len() {
            // Until the failure is noted: the lease is longer than any of these pauses.
            let due = format!("logout_deliveries WHERE due_at < {}", server.app.clock.now() + 55);
            for _ in 0..1000 {
                if database.count(&due).await == 1 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
    assert_eq!(ids.len(), statuses.len());
    no_delivery_is_left(&server).await;
}

#[tokio::test]
async fn who_cannot_be_told_for_a_day_is_given_up_and_that_is_audited() {
    let server = Server::start_with(LOOPBACK).await;
    let mut web = Party::start(Duration::ZERO, |_| Some(500)).await;
    web.register(&server, "web", None).await;
    let alice = server.user("alice").await;
    let session = sessions(&server, &alice, &["web"], 1).await[0];
    sign_out(&server, &alice, session).await;
    web.next().await;
    let mut database = server.database().await;
    database.run("UPDATE logout_deliveries SET attempts = 32").await;
    // Unless the first attempt is still to be noted, which the count of attempts forbids now.
    server.advance(Duration::from_secs(61)).await;
    server.app.store.look_for_logouts();
    no_delivery_is_left(&server).await;
    let told = "audit WHERE event = 'logout.undelivered' AND client_id = 'web' AND detail LIKE '%answered with 500%'";
    assert_eq!(database.count(told).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_nodes_one_delivers() {
    let one = Server::start_with(LOOPBACK).await;
    let two = one.another().await;
    // More than one node would deliver at the same time.
    let mut web = Party::with_crowd(5, Duration::from_millis(5), |_| Some(200)).await;
    web.register(&one, "web", None).await;
    let alice = one.user("alice").await;
    let ended: HashSet<_> =
        sessions(&one, &alice, &["web"], 100).await.iter().map(ToString::to_string).collect();
    sign_out_everywhere(&one, &alice).await;
    // On PostgreSQL each may find just what the other is taking, and looks again when time goes on; here that stands still.
    let stores = [&one, &two].map(|server| server.app.store.clone());
    let looking = tokio::spawn(async move {
        loop {
            for store in &stores {
                store.look_for_logouts();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });

    let told = web.sessions(100).await;
    no_delivery_is_left(&one).await;
    looking.abort();
    assert!(web.told.try_recv().is_err(), "somebody was told twice");
    assert_eq!(told.into_iter().collect::<HashSet<_>>(), ended);
}

#[tokio::test]
async fn what_a_node_took_and_died_another_delivers_when_its_lease_is_over() {
    let server = Server::start_with(LOOPBACK).await;
    let two = server.another().await;
    let mut web = Party::polite().await;
    web.register(&server, "web", None).await;
    let alice = server.user("alice").await;
    let session = sessions(&server, &alice, &["web"], 1).await[0];
    // What is left in the database of a node that was killed while it delivered.
    let row = format!("('{session}.web', 'web', '{}', '{session}', 1, {})", alice.id, START + 60);
    let columns = "id, client_id, user_id, session_id, attempts, due_at";
    let mut database = server.database().await;
    database.run(format!("INSERT INTO logout_deliveries ({columns}) VALUES {row}")).await;

    two.advance(Duration::from_secs(59)).await;
    two.app.store.look_for_logouts();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(web.told.try_recv().is_err());
    two.advance(Duration::from_secs(1)).await;
    two.app.store.look_for_logouts();
    assert_eq!(web.sessions(1).await, [session.to_string()]);
    no_delivery_is_left(&server).await;
}

#[tokio::test]
async fn a_client_that_is_disabled_or_no_longer_wants_to_be_told_is_not() {
    let server = Server::start_with(LOOPBACK).await;
    let (mut web, mut app) = (Party::polite().await, Party::polite().await);
    web.register(&server, "web", None).await;
    app.register(&server, "app", None).await;
    let alice = server.user("alice").await;
    let session = sessions(&server, &alice, &["web", "app"], 1).await[0];
    // Another node's doing, so that this one has not begun to deliver.
    let columns = "id, client_id, user_id, session_id, attempts, due_at";
    let rows = ["web", "app"].map(|id| format!("('{id}', '{id}', '{}', '{session}', 0, {START})", alice.id));
    let mut database = server.database().await;
    admin::client::disable(&server.app, &"web".parse().unwrap()).await.unwrap();
    database.run("UPDATE clients SET backchannel_logout_uri = NULL WHERE id = 'app'").await;
    database.run(format!("INSERT INTO logout_deliveries ({columns}) VALUES {}", rows.join(", "))).await;
    server.app.store.look_for_logouts();
    no_delivery_is_left(&server).await;
    assert!(web.told.try_recv().is_err() && app.told.try_recv().is_err());
}

#[tokio::test]
async fn a_client_that_hangs_holds_nobody_back() {
    let server = Server::start_with(LOOPBACK).await;
    let hanging = Party::start(Duration::ZERO, |_| None).await;
    let mut web = Party::polite().await;
    hanging.register(&server, "hanging", None).await;
    web.register(&server, "web", None).await;
    let alice = server.user("alice").await;
    sessions(&server, &alice, &["hanging", "web"], 100).await;
    sign_out_everywhere(&server, &alice).await;

    web.sessions(100).await;
    let mut database = server.database().await;
    assert_eq!(database.count("logout_deliveries WHERE client_id = 'hanging'").await, 100);
    assert!(hanging.most.load(Ordering::SeqCst) <= 4);
}

/// Each client is told four times at once at most, and so no more than that is held in memory.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_deliveries_few_are_under_way() {
    let server = Server::start_with(LOOPBACK).await;
    let mut web = Party::start(Duration::from_millis(1), |_| Some(204)).await;
    let ids = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    for id in ids {
        web.register(&server, id, None).await;
    }
    let alice = server.user("alice").await;
    sessions(&server, &alice, &ids, 100).await;
    sign_out_everywhere(&server, &alice).await;
    web.sessions(1000).await;
    no_delivery_is_left(&server).await;
    assert!(web.told.try_recv().is_err());
    let most = web.most.load(Ordering::SeqCst);
    assert!(most <= 40, "{most} at the same time");
}

#[tokio::test]
async fn a_server_that_stops_waits_for_what_it_is_delivering() {
    let server = Server::start_with(LOOPBACK).await;
    let mut web = Party::start(Duration::from_millis(300), |_| Some(200)).await;
    web.register(&server, "web", None).await;
    let alice = server.user("alice").await;
    let session = sessions(&server, &alice, &["web"], 1).await[0];
    sign_out(&server, &alice, session).await;
    web.next().await;
    let server = server.restart().await;
    assert_eq!(server.database().await.count("logout_deliveries").await, 0);
}

/// §2.2.
#[test]
fn a_logout_uri_is_https_or_on_this_machine_and_has_no_fragment() {
    for (uri, is_good) in [
        ("https://rp.example/logout?a=b", true),
        ("http://127.0.0.1:8000/logout", true),
        ("http://localhost/logout", true),
        ("http://rp.example/logout", false),
        ("com.example.app:/logout", false),
        ("https://rp.example/logout#there", false),
        ("https://user@rp.example/logout", false),
        ("/logout", false),
    ] {
        assert_eq!(uri.parse::<claviger::protocol::LogoutUri>().is_ok(), is_good, "{uri}");
    }
}
