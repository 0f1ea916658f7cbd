//! A real server on a real socket, with limits short enough to wait for.

mod at_hand;
mod https;
mod lifetime;
mod limits;

use std::collections::BTreeSet;
use std::pin::pin;

use hyper::client::conn::http2;
use hyper::{Request, StatusCode, Version};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use warp::reply::Response;
use warp::{Buf, Filter, Reply, Stream};

use super::*;
use crate::http::reply;

const HEADER: Duration = Duration::from_millis(300);
const IDLE: Duration = Duration::from_millis(900);
const LONG: Duration = Duration::from_secs(20);

struct Running {
    address: SocketAddr,
    reload: ReloadHandle,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Drained>,
}

impl Running {
    async fn start() -> Self {
        Self::with(Options { limits: limits(), ..Options::default() }).await
    }

    async fn with(options: Options) -> Self {
        Self::serving(options, routes()).await
    }

    async fn serving(options: Options, routes: impl Routes + 'static) -> Self {
        let listen = vec!["127.0.0.1:0".parse().unwrap()];
        let server = Server::bind(Options { listen, ..options }).await.unwrap();
        let (address, reload) = (server.addresses()[0], server.reload_handle());
        let (stop, stopped) = oneshot::channel::<()>();
        let served =
            tokio::spawn(async move { server.serve(routes, async { stopped.await.unwrap_or(()) }).await });
        Self { address, reload, stop, served }
    }

    async fn connect(&self) -> Peer {
        Peer(TcpStream::connect(self.address).await.unwrap())
    }

    /// The whole answer to a request that ends its connection.
    async fn ask(&self, request: &str) -> String {
        let mut peer = self.connect().await;
        peer.say(request).await;
        peer.rest().await
    }
}

fn limits() -> Limits {
    Limits { header: HEADER, body: HEADER, request: IDLE, idle: IDLE, ..Limits::default() }
}

fn routes() -> warp::filters::BoxedFilter<(Response,)> {
    let hello = warp::path::end().map(|| "hello".into_response());
    let form = warp::path!("form").and(warp::post()).and(warp::body::stream()).then(read);
    let slow = warp::path!("slow").then(|| async {
        sleep(HEADER).await;
        "slow".into_response()
    });
    let forever = warp::path!("forever").then(std::future::pending::<Response>);
    let panics = warp::path!("panic").map(|| -> Response { panic!("on purpose") });
    let framed = warp::path!("page").map(|| {
        warp::reply::with_header("page", "content-security-policy", "default-src 'self'").into_response()
    });
    let peer = warp::path!("peer").and(warp::ext::get::<super::Peer>()).and(warp::ext::get::<RequestId>());
    let peer = peer.map(|peer: super::Peer, id: RequestId| format!("{} {id}", peer.client).into_response());
    hello
        .or(form)
        .unify()
        .or(slow)
        .unify()
        .or(forever)
        .unify()
        .or(panics)
        .unify()
        .or(framed)
        .unify()
        .or(peer)
        .unify()
        .boxed()
}

async fn read(body: impl Stream<Item = Result<impl Buf, warp::Error>>) -> Response {
    let mut body = pin!(body);
    let mut length = 0;
    while let Some(chunk) = std::future::poll_fn(|cx| body.as_mut().poll_next(cx)).await {
        match chunk {
            Ok(chunk) => length += chunk.remaining(),
            Err(error) => return reply::error(&refusal(&error)),
        }
    }
    format!("read {length}").into_response()
}

struct Peer(TcpStream);

impl Peer {
    async fn say(&mut self, bytes: &str) {
        self.0.write_all(bytes.as_bytes()).await.unwrap();
    }

    /// What comes until the server closes.
    async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        // A reset ends it too.
        let _ = timeout(LONG, self.0.read_to_end(&mut bytes)).await.expect("the server closes");
        String::from_utf8(bytes).unwrap()
    }

    /// One answer without a body, or with one that ends in `end`.
    async fn until(&mut self, end: &str) -> String {
        let mut bytes = Vec::new();
        while !bytes.ends_with(end.as_bytes()) {
            bytes.push(timeout(LONG, self.0.read_u8()).await.unwrap().unwrap());
        }
        String::from_utf8(bytes).unwrap()
    }
}

const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

/// Status line and body: what a law is about.
fn gist(answer: &str) -> (&str, &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    (head.lines().next().unwrap_or(""), body)
}

fn get(uri: &str) -> Request<String> {
    Request::builder().uri(uri).header("host", "localhost").body(String::new()).unwrap()
}

#[tokio::test]
async fn every_answer_carries_the_security_headers_and_a_request_id() {
    let server = Running::with(Options { limits: limits(), hsts: true, ..Options::default() }).await;
    for path in ["/", "/nowhere", "/panic"] {
        let answer =
            server.ask(&format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")).await;
        for header in [
            "x-content-type-options: nosniff",
            "content-security-policy: default-src 'none'; frame-ancestors 'none'",
            "strict-transport-security: max-age=31536000",
            "x-request-id: ",
        ] {
            assert!(answer.contains(header), "{header} in {answer}");
        }
    }
    let answer = server.ask("GET /page HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert!(answer.contains("content-security-policy: default-src 'self'"), "{answer}");
    assert_eq!(answer.matches("content-security-policy").count(), 1);
}

#[tokio::test]
async fn only_a_trusted_proxy_is_believed_about_the_client() {
    let server = Running::start().await;
    let request =
        "GET /peer HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 6.6.6.6, 203.0.113.9\r\nconnection: close\r\n\r\n";
    assert!(gist(&server.ask(request).await).1.starts_with("127.0.0.1 "));
    server.reload.proxies(vec!["127.0.0.1/32".parse().unwrap()], ForwardedHeader::XForwardedFor);
    let answer = server.ask(request).await;
    let (client, id) = gist(&answer).1.split_once(' ').unwrap();
    assert_eq!(client, "203.0.113.9");
    assert!(answer.contains(&format!("x-request-id: {id}\r\n")));
}

#[tokio::test]
async fn a_fault_while_binding_names_the_address_and_the_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listen = vec![taken.local_addr().unwrap()];
    let error = Server::bind(Options { listen, ..Options::default() }).await.unwrap_err().to_string();
    assert!(error.contains(&format!("cannot listen on `{}`", taken.local_addr().unwrap())), "{error}");
    assert!(error.contains("hint: end the other program"), "{error}");
    assert!(Server::bind(Options::default()).await.is_err());
}

/// Where a test's log goes.
#[derive(Clone, Default)]
struct Log(Arc<std::sync::Mutex<Vec<u8>>>);

impl Log {
    /// Takes the log of this thread.
    fn begin(&self) -> tracing::subscriber::DefaultGuard {
        let writer = self.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
        tracing::subscriber::set_default(subscriber.finish())
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn every_request_is_one_line_in_the_log_without_its_query() {
    let log = Log::default();
    let _logging = log.begin();
    let server = Running::start().await;
    let answer = server.ask("GET /peer?code=hush HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    let id = gist(&answer).1.split_once(' ').unwrap().1;
    let mut hasty = server.connect().await;
    hasty.say("GET /forever?code=hush HTTP/1.1\r\nhost: a\r\n\r\n").await;
    sleep(Duration::from_millis(50)).await;
    drop(hasty);
    sleep(Duration::from_millis(50)).await;

    let log = log.text();
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines.len(), 2, "{log}");
    let answered = format!(
        "request{{id={id}}}: claviger::http::server::layers: answered method=GET path=\"/peer\" status=200"
    );
    assert!(lines[0].contains(&answered) && lines[0].ends_with("client=127.0.0.1"), "{log}");
    assert!(lines[1].contains("abandoned by the client method=GET path=\"/forever\""), "{log}");
    assert!(!log.contains("hush"), "{log}");
}
