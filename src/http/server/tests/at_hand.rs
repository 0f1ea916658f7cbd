//! What is at hand is answered at once, and like everything else.

use std::sync::OnceLock;

use futures_util::future::BoxFuture;
use hyper::HeaderMap;

use super::*;

/// Has a document at hand at `/document`, besides the usual routes.
struct Documented {
    others: warp::filters::BoxedFilter<(Response,)>,
    kept: OnceLock<HeaderMap>,
}

impl Routes for Documented {
    fn answer(&self, request: Request<RequestBody>) -> BoxFuture<'static, Response> {
        self.others.answer(request)
    }

    fn ready(&self, path: &str, complete: &dyn Fn(&mut HeaderMap)) -> Option<Response> {
        let made = || {
            let mut headers = HeaderMap::new();
            complete(&mut headers);
            headers
        };
        assert_ne!(path, "/panic");
        (path == "/document").then(|| {
            let mut response = "document".into_response();
            *response.headers_mut() = self.kept.get_or_init(made).clone();
            response
        })
    }
}

async fn documented() -> Running {
    let options = Options { limits: limits(), hsts: true, ..Options::default() };
    Running::serving(options, Documented { others: routes(), kept: OnceLock::new() }).await
}

/// The header of an answer without what is its own.
fn header(answer: &str) -> Vec<&str> {
    let own = ["content-length", "content-type", "date", "x-request-id"];
    let (head, _) = answer.split_once("\r\n\r\n").unwrap();
    head.lines().filter(|line| !own.contains(&line.split(':').next().unwrap())).collect()
}

fn id(answer: &str) -> &str {
    answer.split("x-request-id: ").nth(1).unwrap().lines().next().unwrap()
}

#[tokio::test]
async fn what_is_at_hand_carries_what_every_answer_does() {
    let server = documented().await;
    let ask = async |path: &str| {
        server.ask(&format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")).await
    };
    let (first, second, hello) = (ask("/document").await, ask("/document").await, ask("/").await);
    assert_eq!((gist(&first).1, gist(&hello).1), ("document", "hello"));
    assert_eq!(header(&first), header(&hello));
    assert_eq!(header(&second), header(&hello));
    assert_eq!(BTreeSet::from([id(&first), id(&second), id(&hello)]).len(), 3);
}

#[tokio::test]
async fn only_who_asks_plainly_is_answered_at_once() {
    let server = documented().await;
    let ask = async |line: &str, fields: &str| {
        let answer = server.ask(&format!("{line} HTTP/1.1\r\nconnection: close\r\n{fields}\r\n")).await;
        gist(&answer).0.split(' ').nth(1).unwrap().to_owned()
    };
    for (line, fields, status) in [
        ("GET /document", "host: a\r\n", "200"),
        ("GET /document?query", "host: a\r\n", "200"),
        ("HEAD /document", "host: a\r\n", "404"),
        ("POST /document", "host: a\r\ncontent-length: 0\r\n", "404"),
        ("GET /document", "host: a\r\nif-none-match: \"x\"\r\n", "404"),
        ("GET /document", "host: a\r\ncontent-length: 1\r\n\r\nx", "404"),
        ("GET /panic", "host: a\r\n", "500"),
        ("GET /document", "", "400"),
        ("GET /document", &format!("host: a\r\n{}", "x: y\r\n".repeat(63)), "431"),
        (&format!("GET /document?{}", "x".repeat(8 * 1024)), "host: a\r\n", "414"),
    ] {
        assert_eq!(ask(line, fields).await, status, "{line} {fields}");
    }
}

#[tokio::test]
async fn a_drain_is_told_with_what_is_at_hand() {
    let server = documented().await;
    let mut peer = server.connect().await;
    let ask = "GET /document HTTP/1.1\r\nhost: a\r\n\r\n";
    peer.say(ask).await;
    assert!(!peer.until("document").await.contains("connection: close"));
    server.stop.send(()).unwrap();
    sleep(Duration::from_millis(50)).await;
    peer.say(ask).await;
    let answer = peer.rest().await;
    assert!(answer.contains("connection: close\r\n"), "{answer}");
}

#[tokio::test]
async fn what_is_at_hand_is_a_line_in_the_log_too() {
    let log = Log::default();
    let _logging = log.begin();
    let server = documented().await;
    let answer = server.ask("GET /document?code=hush HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    let line = format!(
        "request{{id={}}}: claviger::http::server::layers: answered method=GET path=\"/document\" status=200",
        id(&answer)
    );
    let log = log.text();
    assert!(log.lines().count() == 1 && log.contains(&line) && !log.contains("hush"), "{log}");
    assert!(log.trim_end().ends_with("client=127.0.0.1"), "{log}");
}
