//! TLS: both protocols, renewal, the handshake's timeout.

use std::path::Path;

use hyper::client::conn::{http1, http2};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;

fn certificate(directory: &Path) -> (TlsFiles, CertificateDer<'static>) {
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = TlsFiles { certificate: directory.join("cert.pem"), key: directory.join("key.pem") };
    std::fs::write(&files.certificate, pair.cert.pem()).unwrap();
    std::fs::write(&files.key, pair.signing_key.serialize_pem()).unwrap();
    (files, CertificateDer::from_pem_slice(pair.cert.pem().as_bytes()).unwrap())
}

async fn tls(
    server: &Running,
    trusted: &CertificateDer<'static>,
    alpn: &[u8],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    let name = ServerName::try_from("localhost").unwrap();
    let socket = TcpStream::connect(server.address).await?;
    TlsConnector::from(Arc::new(config)).connect(name, socket).await
}

#[tokio::test]
async fn https_speaks_both_versions_and_follows_a_renewed_certificate() {
    let directory = tempfile::tempdir().unwrap();
    let (files, first) = certificate(directory.path());
    let options = Options { limits: limits(), tls: Some(files.clone()), ..Options::default() };
    let server = Running::with(options).await;

    let stream = tls(&server, &first, b"http/1.1").await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let answer = sender.send_request(get("/")).await.unwrap();
    assert_eq!((answer.status(), answer.version()), (StatusCode::OK, Version::HTTP_11));

    let stream = tls(&server, &first, b"h2").await.unwrap();
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(get("https://localhost/")).await.unwrap();
    assert_eq!((answer.status(), answer.version()), (StatusCode::OK, Version::HTTP_2));

    // A certificate that does not fit its key changes nothing; a pair that fits is used from then on.
    let key = std::fs::read(&files.key).unwrap();
    let (_, second) = certificate(directory.path());
    let renewed = std::fs::read(&files.key).unwrap();
    std::fs::write(&files.key, key).unwrap();
    assert!(server.reload.certificate().is_err());
    tls(&server, &first, b"h2").await.unwrap();
    std::fs::write(&files.key, renewed).unwrap();
    server.reload.certificate().unwrap();
    tls(&server, &second, b"h2").await.unwrap();
    assert!(tls(&server, &first, b"h2").await.is_err());

    // A running request of HTTP/2 is finished too, and the connection ends in an orderly way.
    let slow = tokio::spawn(sender.send_request(get("https://localhost/slow")));
    sleep(Duration::from_millis(50)).await;
    server.stop.send(()).unwrap();
    assert_eq!(slow.await.unwrap().unwrap().status(), StatusCode::OK);
    connection.await.unwrap().unwrap();
    assert_eq!(server.served.await.unwrap(), Drained { cut: 0 });
}

#[tokio::test]
async fn a_handshake_has_the_header_timeout() {
    let directory = tempfile::tempdir().unwrap();
    let (files, _) = certificate(directory.path());
    let server = Running::with(Options { limits: limits(), tls: Some(files), ..Options::default() }).await;
    let begun = Instant::now();
    assert_eq!(server.connect().await.rest().await, "");
    assert!(HEADER <= begun.elapsed() && begun.elapsed() < IDLE, "{:?}", begun.elapsed());
}
