//! `claviger serve`: its start, its signals, and what it obeys while it runs.

use std::net::TcpListener;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::operator::{CONFIG, Operator, Served};
use crate::server::{API, Answer};

/// Within which a running server obeys.
async fn a_second() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn what_the_command_line_changes_a_running_server_obeys_within_one_second() {
    let operator = Operator::settled();
    let server = operator.serves();
    let token = server.password().await.granted().access_token();
    assert_eq!(server.me(&token).await.status, 200);

    operator.does(&["user", "disable", "alice"]);
    assert_eq!(server.password().await.error(), "invalid_grant");
    server.within_a_second("she is refused", async |server| server.me(&token).await.status == 401).await;
    operator.does(&["user", "enable", "alice"]);

    operator.does(&["client", "disable", "web"]);
    a_second().await;
    assert_eq!(server.password().await.error(), "invalid_client");
    operator.does(&["client", "enable", "web"]);
    let token = server.password().await.granted().access_token();

    let pending = operator.asks(&["keys", "rotate"])["kid"].as_str().unwrap().to_owned();
    server
        .within_a_second("the next key is published", async |server| server.kids().await.contains(&pending))
        .await;
    let signing = operator.asks(&["keys", "list"])[0]["kid"].as_str().unwrap().to_owned();
    operator.does(&["keys", "revoke", &signing]);
    server.within_a_second("the key is gone", async |server| !server.kids().await.contains(&signing)).await;
    assert_eq!(server.me(&token).await.status, 401);
    assert_eq!(server.password().await.granted().header()["kid"], pending.as_str());

    operator.does(&["client", "remove", "web"]);
    operator.does(&["api", "remove", API]);
    operator.does(&["api", "add", "https://other.example.com", "--scope", "other"]);
    let discovered = async |server: &Served| {
        let path = "/.well-known/oauth-authorization-server";
        let document = Answer::of(server.request("GET", path)).await.body;
        document["scopes_supported"] == json!(["other", "profile"])
    };
    server.within_a_second("the new scope is discovered", discovered).await;
}

#[tokio::test]
async fn what_a_client_may_no_longer_have_is_not_renewed() {
    let operator = Operator::settled();
    let server = operator.serves();
    let refresh = async |token: &Answer| {
        let token = token.body["refresh_token"].as_str().unwrap();
        let form = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "web")];
        Answer::of(server.request("POST", "/token").form(&form)).await
    };
    let first = server.password().await.granted();
    assert_eq!(first.body["scope"], "items:read items:write profile");

    operator.does(&["client", "set", "web", "--scope", "items:read", "--access-token-lifetime", "1m"]);
    a_second().await;
    let second = refresh(&first).await;
    assert_eq!((&second.body["scope"], &second.body["expires_in"]), (&json!("items:read"), &json!(60)));
    assert_eq!(server.password().await.granted().body["scope"], "items:read");

    operator.does(&["client", "set", "web", "--grant", "password"]);
    a_second().await;
    assert_eq!(refresh(&second).await.error(), "unauthorized_client");
    let alone = server.password().await.granted();
    assert_eq!(alone.body.get("refresh_token"), None);

    operator.does(&["client", "set", "web", "--origin", "https://app.example.com"]);
    let is_let_in = async |server: &Served| {
        let request = server.request("POST", "/token").header("origin", "https://app.example.com");
        request.send().await.unwrap().headers().contains_key("access-control-allow-origin")
    };
    server.within_a_second("pages of the new origin may ask", is_let_in).await;
}

#[tokio::test]
async fn two_secrets_are_good_while_one_is_rotated() {
    let operator = Operator::settled();
    let add = ["client", "add", "service", "--grant", "client_credentials", "--scope", "items:read"];
    let first = operator.asks(&add)["client_secret"].as_str().unwrap().to_owned();
    let server = operator.serves();
    let next =
        operator.asks(&["client", "rotate-secret", "service"])["client_secret"].as_str().unwrap().to_owned();
    let last =
        operator.asks(&["client", "rotate-secret", "service"])["client_secret"].as_str().unwrap().to_owned();
    for (secret, status) in [(first, 401), (next, 200), (last, 200)] {
        let request = server.request("POST", "/token").basic_auth("service", Some(secret));
        let answer = Answer::of(request.form(&[("grant_type", "client_credentials")])).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
}

#[tokio::test]
async fn sighup_obeys_a_good_configuration_and_refuses_a_bad_one() {
    let operator = Operator::settled();
    let server = operator.serves();
    assert_eq!(server.password().await.granted().body["expires_in"], 600);

    let shorter = format!("{CONFIG}[tokens]\naccess_token_lifetime = \"5m\"\n[server]\nconnections = 300\n");
    operator.write("claviger.toml", &shorter);
    server.signal(Signal::HUP);
    assert_eq!(server.logs("need a restart")["keys"], "server.connections");
    server.logs("the configuration is read again");
    assert_eq!(server.password().await.granted().body["expires_in"], 300);

    operator.write("claviger.toml", &shorter.replace("5m", "ten minutes"));
    server.signal(Signal::HUP);
    let refusal = server.logs("the old configuration stays");
    assert_eq!(refusal["level"], "ERROR");
    assert!(refusal["message"].as_str().unwrap().contains("is not a duration: `ten minutes`"), "{refusal}");
    assert_eq!(server.password().await.granted().body["expires_in"], 300);
}

/// A request whose body is not all there yet.
async fn begin(server: &Served) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = "POST /token HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 12\r\n\r\n";
    stream.write_all(format!("{head}grant_").as_bytes()).await.unwrap();
    // Until the server has surely read the header.
    tokio::time::sleep(Duration::from_millis(200)).await;
    stream
}

#[tokio::test]
async fn sigterm_lets_requests_under_way_end() {
    let operator = Operator::settled();
    let mut server = operator.serves();
    let mut stream = begin(&server).await;
    server.signal(Signal::TERM);
    server.logs("stopping");
    stream.write_all(b"type=x").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 4") && answer.contains("\"error\""), "{answer}");
    server.logs("stopped");
    assert_eq!(server.ends().await.code(), Some(0));
    assert!(!operator.path("data/claviger.db-wal").exists(), "the database is one file again");
}

#[tokio::test]
async fn a_second_signal_does_not_wait() {
    let operator = Operator::settled();
    let mut server = operator.serves();
    let _stream = begin(&server).await;
    server.signal(Signal::INT);
    server.logs("stopping");
    server.signal(Signal::TERM);
    let ended = tokio::time::timeout(Duration::from_secs(2), server.ends()).await.unwrap();
    assert_eq!(ended.code(), Some(1));
}

#[test]
fn a_port_in_use_is_told() {
    let operator = Operator::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let told = operator.is_told(&["serve", "--listen", &address]);
    assert!(
        told.starts_with(&format!("error: cannot listen on `{address}`: Address already in use")),
        "{told}"
    );
    assert!(
        told.ends_with("hint: end the other program that listens there, or choose another port\n"),
        "{told}"
    );
}

#[tokio::test]
async fn what_is_rarely_meant_is_said_at_the_start() {
    let operator = Operator::new();
    operator.write("claviger.toml", &format!("{CONFIG}[limits]\nlogin = \"off\"\n"));
    let mut child = operator.starts(&["serve", "--listen", "127.0.0.1:0", "--log-level", "error"]);
    let mut told = String::new();
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    std::io::BufRead::read_line(&mut stderr, &mut told).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(told, "warning: `limits.login` is `off`: passwords can be guessed at any speed\n");
}
