//! `claviger issuer-for-tests`, by the real binary.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use claviger::resource::Resource;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::server::{Answer, Server, part};

const AUDIENCE: &str = "https://items.example";

/// A running one, which ends when this is dropped.
struct Issuer {
    child: Child,
    facts: Value,
    http: reqwest::Client,
}

impl Issuer {
    fn start() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_claviger"));
        command.arg("issuer-for-tests").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, facts: serde_json::from_str(&line).unwrap(), http: reqwest::Client::new() }
    }

    fn fact(&self, name: &str) -> &str {
        self.facts[name].as_str().unwrap()
    }

    fn request(&self, call: &str) -> reqwest::RequestBuilder {
        self.http.post(format!("{}/{call}", self.fact("control")))
    }

    async fn call(&self, call: &str, body: Value) -> Answer {
        Answer::of(self.request(call).json(&body)).await
    }

    async fn token(&self, wish: Value) -> String {
        self.call("token", wish).await.granted().text("token")
    }

    async fn jwks(&self) -> String {
        let url = format!("{}/.well-known/jwks.json", self.fact("issuer"));
        self.http.get(url).send().await.unwrap().text().await.unwrap()
    }

    /// Waits for its end; whether it was a good one.
    fn ends(&mut self) -> bool {
        for _ in 0..2000 {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.success();
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("it does not end");
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        // It ends by itself, and takes its folder along, which one that is killed could not.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_token_is_had_by_one_call_and_is_as_good_or_as_bad_as_was_wished() {
    let issuer = Issuer::start();
    let api = Resource::new(issuer.fact("issuer"), AUDIENCE, &issuer.jwks().await).unwrap();
    let good = json!({ "sub": "alice", "aud": AUDIENCE, "scope": "items:read", "claims": { "tenant": 7 } });
    let token = issuer.token(good.clone()).await;
    let caller = api.check(&token).unwrap();
    assert_eq!((caller.claims.sub.as_str(), caller.claims.scope.as_str()), ("alice", "items:read"));
    assert_eq!(part(&token, 1)["tenant"], 7);

    for bad in [
        json!({ "lifetime": -60 }),
        json!({ "aud": "https://other.example" }),
        json!({ "typ": "JWT" }),
        json!({ "claims": { "iss": "https://other.example" } }),
        json!({ "claims": { "jti": null } }),
        json!({ "claims": { "exp": "soon" } }),
    ] {
        let mut wish = good.clone();
        wish.as_object_mut().unwrap().extend(bad.as_object().unwrap().clone());
        assert!(api.check(&issuer.token(wish).await).is_err(), "{bad}");
    }
    for nonsense in [json!({ "typ": "at" }), json!({ "subject": "alice" }), json!([]), json!("x")] {
        let answer = issuer.call("token", nonsense).await;
        assert_eq!((answer.status, answer.error()), (400, "invalid_request"), "{answer:?}");
    }
}

#[tokio::test]
async fn the_clock_runs_on_from_where_it_is_set() {
    let issuer = Issuer::start();
    issuer.call("clock", json!({ "now": 1_900_000_000 })).await.granted();
    let issued_at = async || part(&issuer.token(json!({})).await, 1)["iat"].as_i64().unwrap();
    assert!((1_900_000_000..1_900_000_100).contains(&issued_at().await));
    // Further than keys may go without being looked at.
    issuer.call("clock", json!({ "advance": 400 * 86_400 })).await.granted();
    assert!((1_934_560_000..1_934_560_100).contains(&issued_at().await));
    issuer.call("clock", json!({ "now": 1_000_000_000 })).await.granted();
    assert!((1_000_000_000..1_000_000_100).contains(&issued_at().await));
    for nonsense in [json!({ "now": -1 }), json!({ "now": i64::MAX }), json!({ "advance": -1 }), json!({})] {
        assert_eq!(issuer.call("clock", nonsense.clone()).await.status, 400, "{nonsense}");
    }
}

#[tokio::test]
async fn a_rotated_key_is_published_on_and_a_revoked_one_is_not() {
    let issuer = Issuer::start();
    let kid =
        async |issuer: &Issuer| part(&issuer.token(json!({})).await, 0)["kid"].as_str().unwrap().to_owned();
    let first = kid(&issuer).await;
    let rotated = issuer.call("rotate", json!({})).await.granted();
    let second = kid(&issuer).await;
    assert_eq!((rotated.text("former"), rotated.text("kid")), (first.clone(), second.clone()));
    let jwks = issuer.jwks().await;
    assert!(jwks.contains(&first) && jwks.contains(&second));
    issuer.call("rotate", json!({ "revoke": true })).await.granted();
    let jwks = issuer.jwks().await;
    assert!(jwks.contains(&first) && !jwks.contains(&second) && jwks.contains(&kid(&issuer).await));
}

/// Whoever calls has any token: no page that a browser shows may.
#[tokio::test]
async fn no_browser_has_a_token_made() {
    let issuer = Issuer::start();
    for call in ["token", "clock", "rotate"] {
        let body = if call == "clock" { "{\"advance\":1}" } else { "{}" };
        let json = || issuer.request(call).header("content-type", "application/json").body(body);
        assert_eq!(Answer::of(json()).await.status, 200, "{call}");
        for origin in ["https://evil.example", "null", issuer.fact("issuer")] {
            let answer = Answer::of(json().header("origin", origin)).await;
            assert_eq!(
                (answer.status, answer.headers.get("access-control-allow-origin")),
                (400, None),
                "{origin}"
            );
        }
        assert_eq!(Answer::of(json().header("host", "evil.example")).await.status, 400);
        for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
            let simple = issuer.request(call).header("content-type", content_type).body(body);
            assert_eq!(Answer::of(simple).await.status, 415, "{content_type}");
        }
        assert_eq!(Answer::of(issuer.request(call).body(body)).await.status, 415);
    }
}

#[tokio::test]
async fn it_is_on_loopback_alone_and_goes_with_whoever_started_it() {
    let elsewhere = Command::new(env!("CARGO_BIN_EXE_claviger"))
        .args(["issuer-for-tests", "--listen", "0.0.0.0:0"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(elsewhere.status.code(), Some(2), "there is no way to say so");

    for end in ["stdin", "SIGTERM"] {
        let mut issuer = Issuer::start();
        assert!(issuer.fact("issuer").starts_with("http://127.0.0.1:"));
        let folder = Path::new(issuer.fact("config")).parent().unwrap().to_owned();
        assert!(folder.exists());
        match end {
            "stdin" => drop(issuer.child.stdin.take()),
            _ => kill_process(Pid::from_child(&issuer.child), Signal::TERM).unwrap(),
        }
        assert!(issuer.ends(), "{end}");
        assert!(!folder.exists(), "{end}");
    }
}

#[tokio::test]
async fn it_is_administered_like_any_other() {
    let issuer = Issuer::start();
    let mut command = Command::new(env!("CARGO_BIN_EXE_claviger"));
    command.args(["--config", issuer.fact("config"), "api", "add", AUDIENCE, "--scope", "items:read"]);
    assert!(command.output().unwrap().status.success());
    let token = issuer.token(json!({ "aud": AUDIENCE, "scope": "items:read" })).await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_claviger"));
    command.args(["--config", issuer.fact("config"), "--json", "explain", &token]);
    let explanation: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    assert_eq!(explanation["verified"], true);
    assert_eq!(
        explanation["because"][0],
        "its client is not there any more; the audit trail does not tell more"
    );
}

#[tokio::test]
async fn a_real_server_has_no_such_paths() {
    let server = Server::start().await;
    for call in ["token", "clock", "rotate"] {
        let answer = Answer::of(server.request("POST", &format!("/test/{call}")).json(&json!({}))).await;
        assert_eq!(answer.status, 404, "{call}");
    }
}
