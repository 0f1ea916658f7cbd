//! Hosts that do not behave, and what is fetched from them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use super::*;

const LOOPBACK: &[&str] = &["127.0.0.0/8", "::1/128"];

/// A fetcher that may reach `allowed`, for URLs without names.
fn fetcher(allowed: &[&str]) -> Fetcher {
    fetcher_with(allowed, |name| panic!("`{name}` was resolved"))
}

/// The same, for URLs with names.
fn fetcher_with(
    allowed: &[&str],
    resolve: impl Fn(String) -> Vec<IpAddr> + Send + Sync + 'static,
) -> Fetcher {
    Fetcher {
        reach: Reach::new(allowed.iter().map(|network| network.parse().unwrap()).collect()),
        tls: trust::connector(None).unwrap(),
        resolve: Box::new(move |name| std::future::ready(Ok(resolve(name))).boxed()),
        clock: Clock::system(),
    }
}

/// A host on a loopback address.
struct Host {
    address: SocketAddr,
    /// What it was asked, as it came.
    requests: mpsc::UnboundedReceiver<String>,
}

impl Host {
    /// A host that gives `answer` to everybody, and then closes the connection.
    async fn says(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start(move |mut stream| {
            let answer = answer.clone();
            async move {
                // Who has read enough may hang up.
                let _ = stream.write_all(&answer).await;
            }
        })
        .await
    }

    /// A host that gives `beginning`, and then `rest` for ever.
    async fn never_ends(beginning: &'static str, rest: Vec<u8>) -> Self {
        Self::start(move |mut stream| {
            let rest = rest.clone();
            async move {
                stream.write_all(beginning.as_bytes()).await.unwrap();
                while stream.write_all(&rest).await.is_ok() {}
            }
        })
        .await
    }

    async fn start<F>(answer: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, requests) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let _ = sender.send(read_request(&mut stream).await);
                answer(stream).await;
            }
        });
        Self { address, requests }
    }

    fn url(&self, path: &str) -> Url {
        format!("http://{}{path}", self.address).parse().unwrap()
    }

    fn was_asked(&mut self) -> Option<String> {
        self.requests.try_recv().ok()
    }
}

/// Reads the head of a request, and as much body as it announces.
async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut text = String::new();
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return text;
            }
        }
        let mut bytes = [0; 1024];
        let count = stream.read(&mut bytes).await.unwrap();
        if count == 0 {
            return text;
        }
        text += std::str::from_utf8(&bytes[..count]).unwrap();
    }
}

#[tokio::test]
async fn a_form_arrives_as_written_and_nothing_is_remembered_for_the_next() {
    let mut host = Host::says("HTTP/1.1 200 OK\r\nset-cookie: a=b\r\ncontent-length: 2\r\n\r\nhi").await;
    let fetcher = fetcher(LOOPBACK);
    for _ in 0..2 {
        let answer = fetcher.post(&host.url("/x?y=%20z"), &[("a b", "c&d")]).await.unwrap();
        assert_eq!(answer, Answer { status: 200, body: Bytes::from_static(b"hi") });
        let request = host.was_asked().unwrap().replace(&host.address.to_string(), "HOST");
        insta::allow_duplicates! {
            insta::assert_snapshot!(request.replace('\r', ""), @"
            POST /x?y=%20z HTTP/1.1
            content-type: application/x-www-form-urlencoded
            host: HOST
            user-agent: claviger/0.1.0
            content-length: 9

            a+b=c%26d
            ");
        }
    }
}

#[tokio::test]
async fn a_name_is_resolved_once_and_what_was_checked_is_called() {
    for (first, later) in [("127.0.0.1", "10.0.0.1"), ("10.0.0.1", "127.0.0.1")] {
        let mut host = Host::says("HTTP/1.1 204 No Content\r\n\r\n").await;
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let fetcher = fetcher_with(LOOPBACK, move |_| {
            let address = if count.fetch_add(1, Ordering::Relaxed) == 0 { first } else { later };
            vec![address.parse().unwrap()]
        });
        let url = format!("http://rp.test:{}", host.address.port()).parse().unwrap();
        let answer = fetcher.get(&url).await;
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        if first == "127.0.0.1" {
            assert_eq!(answer.unwrap().status, 204);
            assert!(host.was_asked().unwrap().contains("host: rp.test:"));
        } else {
            assert!(matches!(answer, Err(FetchError::Forbidden(address)) if address.to_string() == first));
            assert_eq!(host.was_asked(), None);
        }
    }
}

#[tokio::test]
async fn one_forbidden_address_among_good_ones_is_enough() {
    let mut host = Host::says("HTTP/1.1 204 No Content\r\n\r\n").await;
    let addresses = || ["127.0.0.1", "169.254.169.254"].map(|address| address.parse().unwrap()).into();
    let url = format!("http://rp.test:{}", host.address.port()).parse().unwrap();
    let answer = fetcher_with(LOOPBACK, move |_| addresses()).get(&url).await;
    assert!(matches!(answer, Err(FetchError::Forbidden(_))), "{answer:?}");
    assert_eq!(host.was_asked(), None);
}

#[tokio::test]
async fn only_https_is_called_and_http_on_an_allowed_loopback_host() {
    let mut host = Host::says("HTTP/1.1 204 No Content\r\n\r\n").await;
    let port = host.address.port();
    for (allowed, url, refusal) in [
        (&[][..], host.url("/"), "the host's address `127.0.0.1` is not public"),
        // Spellings that `inet_aton` takes.
        (&[], format!("http://2130706433:{port}").parse().unwrap(), "the host's address `127.0.0.1`"),
        (&[], format!("http://0x7f.1:{port}").parse().unwrap(), "the host's address `127.0.0.1`"),
        (
            &[],
            format!("http://[::ffff:127.0.0.1]:{port}").parse().unwrap(),
            "the host's address `::ffff:127.",
        ),
        (&[], "http://8.8.8.8/".parse().unwrap(), "the URL is not `https`"),
        (&["10.0.0.0/8"], "http://10.1.1.1/".parse().unwrap(), "the URL is not `https`"),
        (LOOPBACK, format!("ftp://127.0.0.1:{port}").parse().unwrap(), "the URL is not `https`"),
        (LOOPBACK, "data:text/plain,hi".parse().unwrap(), "the URL is not `https`"),
    ] {
        let error = fetcher(allowed).get(&url).await.unwrap_err().to_string();
        assert!(error.starts_with(refusal), "{url}: {error}");
        assert_eq!(host.was_asked(), None, "{url}");
    }
    assert_eq!(fetcher(LOOPBACK).get(&host.url("/")).await.unwrap().status, 204);
}

#[tokio::test]
async fn an_operator_calls_whom_he_names_and_only_the_head_of_the_answer_is_read() {
    let mut host = Host::never_ends("HTTP/1.1 401 Unauthorized\r\n\r\n", vec![b'x'; 1000]).await;
    let fetcher = Fetcher { reach: Reach::everywhere(), ..fetcher(&[]) };
    let (url, token) = (host.url("/x?y=z"), HeaderValue::from_static("Bearer token"));
    assert_eq!(fetcher.head_of(&url, Method::POST, Some(token)).await.unwrap().status, 401);
    assert!(host.was_asked().unwrap().starts_with("POST /x?y=z HTTP/1.1\r\nauthorization: Bearer token\r\n"));
}

#[tokio::test]
async fn a_private_authority_is_believed_when_its_file_is_named_and_for_its_names_alone() {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new([]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = rcgen::CertifiedIssuer::self_signed(params, key).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(["rp.test".to_owned()]).unwrap();
    let certificate = certificate.signed_by(&key, &authority).unwrap();

    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            read_request(&mut stream).await;
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        }
    });

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    let fetch = async |ca_file: Option<&std::path::Path>, allowed, name: &str| {
        let mut fetcher = fetcher_with(allowed, |_| vec!["127.0.0.1".parse().unwrap()]);
        fetcher.tls = trust::connector(ca_file).unwrap();
        fetcher.get(&format!("https://{name}:{port}/").parse().unwrap()).await
    };
    assert_eq!(fetch(Some(&file), LOOPBACK, "rp.test").await.unwrap().status, 204);
    for (ca_file, allowed, name, refusal) in [
        (None, LOOPBACK, "rp.test", "no connection: invalid peer certificate: UnknownIssuer"),
        (Some(&*file), &[][..], "rp.test", "the host's address `127.0.0.1` is not public"),
        (
            Some(&*file),
            LOOPBACK,
            "other.test",
            "no connection: invalid peer certificate: certificate not valid for",
        ),
    ] {
        let error = fetch(ca_file, allowed, name).await.unwrap_err().to_string();
        assert!(error.starts_with(refusal), "{error}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let mut target = Host::says("HTTP/1.1 200 OK\r\n\r\n").await;
    for status in [301, 302, 303, 307, 308] {
        let answer = format!("HTTP/1.1 {status} Elsewhere\r\nlocation: {}\r\n\r\n", target.url("/"));
        let host = Host::says(answer).await;
        assert_eq!(fetcher(LOOPBACK).get(&host.url("/")).await.unwrap().status, status);
        assert_eq!(target.was_asked(), None);
    }
}

#[tokio::test]
async fn an_answer_of_64_kib_is_read_and_no_byte_more() {
    let chunked = |length: usize| {
        format!("transfer-encoding: chunked\r\n\r\n{length:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(length))
    };
    let announced = |length: usize| format!("content-length: {length}\r\n\r\n{}", "x".repeat(length));
    let until_closed = |length: usize| format!("connection: close\r\n\r\n{}", "x".repeat(length));
    let framings: [&dyn Fn(usize) -> String; 3] = [&chunked, &announced, &until_closed];
    for framing in framings {
        let fetch = async |length| {
            let host = Host::says(format!("HTTP/1.1 200 OK\r\n{}", framing(length))).await;
            fetcher(LOOPBACK).get(&host.url("/")).await
        };
        assert_eq!(fetch(ANSWER_BYTES).await.unwrap().body.len(), ANSWER_BYTES);
        assert!(matches!(fetch(ANSWER_BYTES + 1).await, Err(FetchError::TooLarge)));
    }
}

#[tokio::test]
async fn an_answer_without_end_is_left() {
    for (beginning, rest) in [
        ("HTTP/1.1 200 OK\r\n\r\n", "x".repeat(1000)),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\nx\r\n".repeat(1000)),
    ] {
        let host = Host::never_ends(beginning, rest.into()).await;
        assert!(matches!(fetcher(LOOPBACK).get(&host.url("/")).await, Err(FetchError::TooLarge)));
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_or_never_ends_is_left() {
    let head = |fields: usize, length: usize| {
        let fields: String =
            (0..fields).map(|name| format!("x-{name}: {}\r\n", "x".repeat(length))).collect();
        format!("HTTP/1.1 200 OK\r\n{fields}\r\n")
    };
    let fetch = async |host: Host| fetcher(LOOPBACK).get(&host.url("/")).await;
    assert_eq!(fetch(Host::says(head(60, 100)).await).await.unwrap().status, 200);
    for host in [
        Host::says(head(65, 1)).await,
        Host::says(head(1, 20_000)).await,
        Host::never_ends("HTTP/1.1 200 OK\r\nx: ", vec![b'x'; 1000]).await,
        Host::says("HTTP/1.1 200 OK\r\nx: y").await,
        Host::says("what?\r\n\r\n").await,
        Host::says("").await,
    ] {
        let answer = fetch(host).await;
        assert!(matches!(answer, Err(FetchError::Http(_))), "{answer:?}");
    }
}

/// Silence before the head and in the body, an answer byte by byte, informational answers without end: five seconds
/// in all, on the server's clock.
#[tokio::test]
async fn who_is_slow_is_left_after_five_seconds_in_all() {
    for (beginning, rest) in [
        ("", ""),
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", ""),
        ("HTTP/1.1 200 OK\r\n\r\n", "x"),
        ("", "HTTP/1.1 100 Continue\r\n\r\n"),
    ] {
        let mut host = Host::start(move |mut stream| async move {
            stream.write_all(beginning.as_bytes()).await.unwrap();
            while stream.write_all(rest.as_bytes()).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        let (clock, hand) = Clock::manual(0);
        let fetcher = Fetcher { clock, ..fetcher(LOOPBACK) };
        let url = host.url("/");
        let fetching = tokio::spawn(async move { fetcher.get(&url).await });
        host.requests.recv().await.unwrap();
        hand.advance(TIMEOUT - Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!fetching.is_finished());
        hand.advance(Duration::from_secs(1));
        assert!(matches!(fetching.await.unwrap(), Err(FetchError::TooSlow)));
    }
}
