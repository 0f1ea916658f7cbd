//! Sizes, counts and slow bodies.

use super::*;

#[tokio::test]
async fn a_slow_body_is_refused() {
    let server = Running::start().await;
    let answer = server.ask("POST /form HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nabc").await;
    let (status, body) = gist(&answer);
    assert_eq!(status, "HTTP/1.1 408 Request Timeout");
    assert_eq!(body, r#"{"error":"invalid_request","error_description":"the body did not come in time"}"#);
    assert!(answer.contains("cache-control: no-store"));
}

#[tokio::test]
async fn an_oversized_body_is_refused_declared_or_chunked() {
    let server = Running::start().await;
    let refused = r#"{"error":"invalid_request","error_description":"the body is larger than 16384 bytes"}"#;

    // Declared: refused by the head alone. Sent all the same, it does not cost the client the answer.
    let length = 300_000;
    let head = format!("POST /form HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n");
    for body in [String::new(), "x".repeat(length)] {
        let answer = server.ask(&format!("{head}{body}")).await;
        assert_eq!(gist(&answer), ("HTTP/1.1 413 Payload Too Large", refused));
    }

    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    let head = "POST /form HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let answer = server.ask(&format!("{head}{}0\r\n\r\n", chunk.repeat(4))).await;
    assert_eq!(gist(&answer), ("HTTP/1.1 200 OK", "read 16384"));
    let answer = server.ask(&format!("{head}{}1\r\nx\r\n0\r\n\r\n", chunk.repeat(4))).await;
    assert_eq!(gist(&answer), ("HTTP/1.1 413 Payload Too Large", refused));
    let answer = server.ask(&format!("{head}{}", chunk.repeat(100))).await;
    assert_eq!(gist(&answer), ("HTTP/1.1 413 Payload Too Large", refused));
}

#[tokio::test]
async fn a_header_has_its_limits() {
    let server = Running::start().await;
    let server = &server;
    let ask = |fields: String| async move {
        server.ask(&format!("GET / HTTP/1.1\r\nconnection: close\r\n{fields}\r\n")).await
    };

    let host = "host: a\r\n";
    let answer = ask(format!("{host}{}", "x: y\r\n".repeat(62))).await;
    assert_eq!(gist(&answer).0, "HTTP/1.1 200 OK");
    let answer = ask(format!("{host}{}", "x: y\r\n".repeat(63))).await;
    assert_eq!(gist(&answer).0, "HTTP/1.1 431 Request Header Fields Too Large");
    assert!(gist(&answer).1.contains("more than 64 header fields"));
    let answer = ask(format!("{host}{}", "x: y\r\n".repeat(500))).await;
    assert_eq!(gist(&answer).0, "HTTP/1.1 431 Request Header Fields Too Large");

    let answer = ask(format!("{host}x: {}\r\n", "y".repeat(16 * 1024))).await;
    assert!(gist(&answer).1.contains("the header is larger than 16384 bytes"), "{answer}");
    let answer = ask(format!("{host}x: {}\r\n", "y".repeat(40 * 1024))).await;
    assert_eq!(gist(&answer).0, "HTTP/1.1 431 Request Header Fields Too Large");

    let target = "x".repeat(8 * 1024);
    let answer =
        server.ask(&format!("GET /?{target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")).await;
    assert!(gist(&answer).1.contains("the request target is longer than 8192 bytes"), "{answer}");

    for hosts in ["", "host: a\r\nhost: a\r\n"] {
        let answer = ask(hosts.to_owned()).await;
        assert_eq!(gist(&answer).0, "HTTP/1.1 400 Bad Request");
        assert!(gist(&answer).1.contains("exactly one `Host` header"));
    }
}

#[tokio::test]
async fn the_limits_hold_for_http2_too() {
    let server = Running::start().await;
    let stream = TokioIo::new(TcpStream::connect(server.address).await.unwrap());
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let post = |length| Request::post("http://localhost/form").body("x".repeat(length)).unwrap();
    let answer: hyper::Response<_> = sender.send_request(post(16 * 1024)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let answer = sender.send_request(post(16 * 1024 + 1)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let mut crowded = get("http://localhost/");
    for _ in 0..64 {
        crowded.headers_mut().append("x", "y".parse().unwrap());
    }
    let answer = sender.send_request(crowded).await.unwrap();
    assert_eq!(answer.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);

    // Idle, it is told to go away.
    let begun = Instant::now();
    timeout(LONG, connection).await.unwrap().unwrap().unwrap();
    assert!(begun.elapsed() >= IDLE / 2, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn over_the_cap_a_connection_is_closed_at_once() {
    let limits = Limits { connections_per_prefix: 2, connections: 3, ..limits() };
    let server = Running::with(Options { limits, ..Options::default() }).await;
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut peer = server.connect().await;
        peer.say(GET).await;
        peer.until("hello").await;
        open.push(peer);
    }
    let begun = Instant::now();
    assert_eq!(server.connect().await.rest().await, "");
    assert!(begun.elapsed() < HEADER);

    // A trusted proxy is under the cap in all only.
    server.reload.proxies(vec!["127.0.0.0/8".parse().unwrap()], ForwardedHeader::XForwardedFor);
    let mut proxy = server.connect().await;
    proxy.say(GET).await;
    proxy.until("hello").await;
    assert_eq!(server.connect().await.rest().await, "");

    open.clear();
    sleep(Duration::from_millis(50)).await;
    let mut peer = server.connect().await;
    peer.say(GET).await;
    peer.until("hello").await;
}

#[tokio::test]
async fn garbage_ends_its_connection_and_nothing_else() {
    let server = Running::start().await;
    for garbage in [
        "\0\0\0\0",
        "\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\ngarbage that is no frame at all",
        "GET / HTTP/1.1\r\nhost: a\r\n: x\r\n\r\n",
        "POST /form HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        "POST /form HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}",
    ] {
        let mut peer = server.connect().await;
        // The server may have closed already.
        let _ = peer.0.write_all(garbage.as_bytes()).await;
        peer.0.shutdown().await.unwrap_or(());
        let mut bytes = Vec::new();
        let _ = timeout(LONG, peer.0.read_to_end(&mut bytes)).await.expect("the server closes");
        assert!(!String::from_utf8_lossy(&bytes).contains("200 OK"), "{garbage:?}");
        drop(server.connect().await);
    }
    let mut peer = server.connect().await;
    peer.say(GET).await;
    peer.until("hello").await;
}

#[tokio::test]
async fn a_client_that_is_still_sending_gets_the_answer() {
    let server = Running::start().await;
    let mut peer = server.connect().await;
    peer.say("POST /form HTTP/1.1\r\nhost: a\r\ncontent-length: 300000\r\n\r\n").await;
    for _ in 0..5 {
        peer.say(&"x".repeat(10_000)).await;
        sleep(Duration::from_millis(30)).await;
    }
    assert_eq!(gist(&peer.rest().await).0, "HTTP/1.1 413 Payload Too Large");
}
