//! Until when a connection may be open, and how it ends.

use super::*;

#[tokio::test]
async fn a_slow_header_is_cut_off_but_an_idle_connection_may_stay() {
    let server = Running::start().await;
    let begun = Instant::now();

    let mut silent = server.connect().await;
    let mut slow = server.connect().await;
    let trickle = async {
        for byte in "GET / HTTP/1.1\r\nx: ".chars().cycle().map(String::from) {
            if slow.0.write_all(byte.as_bytes()).await.is_err() || slow.0.try_read(&mut [0]).is_ok() {
                return begun.elapsed();
            }
            sleep(Duration::from_millis(20)).await;
        }
        unreachable!()
    };
    let (silence, trickled) = tokio::join!(silent.rest(), trickle);
    assert_eq!(silence, "");
    assert!(HEADER <= trickled && trickled < IDLE, "{trickled:?}");

    let mut idle = server.connect().await;
    idle.say(GET).await;
    idle.until("hello").await;
    sleep(HEADER + HEADER / 2).await;
    idle.say(GET).await;
    idle.until("hello").await;
    let answered = Instant::now();
    assert_eq!(idle.rest().await, "");
    assert!(answered.elapsed() >= IDLE - HEADER / 2, "{:?}", answered.elapsed());
}

#[tokio::test]
async fn an_idle_connection_that_begins_to_speak_has_to_finish_soon() {
    let server =
        Running::with(Options { limits: Limits { idle: LONG, ..limits() }, ..Options::default() }).await;
    let mut peer = server.connect().await;
    peer.say(GET).await;
    peer.until("hello").await;
    sleep(2 * HEADER).await;
    let spoke = Instant::now();
    peer.say("GET / HT").await;
    assert_eq!(peer.rest().await, "");
    assert!(HEADER <= spoke.elapsed() && spoke.elapsed() < LONG / 2, "{:?}", spoke.elapsed());
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_a_503_and_a_panic_harms_nobody() {
    let server = Running::start().await;
    let mut peer = server.connect().await;
    peer.say("GET /panic HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(gist(&peer.until("\r\n\r\n").await), ("HTTP/1.1 500 Internal Server Error", ""));
    peer.say("GET /forever HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    let answer = peer.rest().await;
    assert_eq!(gist(&answer).0, "HTTP/1.1 503 Service Unavailable");
    assert!(answer.contains("retry-after: 1"));
    assert!(gist(&answer).1.contains("temporarily_unavailable"));
}

#[tokio::test]
async fn a_drain_lets_running_requests_finish_and_closes_the_others() {
    let server = Running::start().await;
    let mut idle = server.connect().await;
    idle.say(GET).await;
    idle.until("hello").await;
    let mut silent = server.connect().await;
    let mut running = server.connect().await;
    running.say("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut on_its_way = server.connect().await;
    on_its_way.say(GET).await;
    on_its_way.until("hello").await;
    sleep(Duration::from_millis(50)).await;

    let begun = Instant::now();
    server.stop.send(()).unwrap();
    sleep(Duration::from_millis(50)).await;
    on_its_way.say(GET).await;
    let ended = async {
        let (idle, silent) = (idle.rest().await, silent.rest().await);
        (idle, silent, begun.elapsed())
    };
    let (answer, late, (idle, silent, ended), drained) =
        tokio::join!(running.rest(), on_its_way.rest(), ended, server.served);
    assert_eq!(gist(&answer), ("HTTP/1.1 200 OK", "slow"));
    assert!(answer.contains("connection: close"), "{answer}");
    assert_eq!(gist(&late), ("HTTP/1.1 200 OK", "hello"));
    assert!(late.contains("connection: close"), "{late}");
    assert_eq!((idle.as_str(), silent.as_str()), ("", ""));
    assert!(ended < IDLE, "{ended:?}");
    assert_eq!(drained.unwrap(), Drained { cut: 0 });
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn a_drain_ends_at_its_deadline() {
    let limits = Limits { drain: Duration::from_millis(400), request: LONG, ..limits() };
    let server = Running::with(Options { limits, ..Options::default() }).await;
    let mut stuck = server.connect().await;
    stuck.say("GET /forever HTTP/1.1\r\nhost: a\r\n\r\n").await;
    sleep(Duration::from_millis(50)).await;
    server.stop.send(()).unwrap();
    let drained = timeout(limits.drain * 3, server.served).await.unwrap().unwrap();
    assert_eq!(drained, Drained { cut: 1 });
    assert_eq!(stuck.rest().await, "");
}

/// Its answers fill every buffer on the way, and then nothing moves any more.
#[tokio::test]
async fn a_peer_that_does_not_read_is_cut_off() {
    let server = Running::start().await;
    let mut deaf = server.connect().await;
    let mut progress = Instant::now();
    let requests = GET.repeat(1000);
    loop {
        let written = timeout(LONG, deaf.0.write(requests.as_bytes())).await.expect("it is cut off");
        match written {
            Ok(_) => progress = Instant::now(),
            Err(_) => break,
        }
    }
    assert!(progress.elapsed() < 2 * (IDLE + HEADER), "{:?}", progress.elapsed());
}

#[tokio::test]
async fn a_drain_does_not_wait_long_for_bodies_or_headers() {
    let limits = Limits { header: LONG, body: LONG, request: LONG, ..limits() };
    let server = Running::with(Options { limits, ..Options::default() }).await;
    let (mut head, mut body) = (server.connect().await, server.connect().await);
    head.say("GET / HT").await;
    body.say("POST /form HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nabc").await;
    sleep(Duration::from_millis(50)).await;
    let begun = Instant::now();
    server.stop.send(()).unwrap();
    assert_eq!(head.rest().await, "");
    assert_eq!(gist(&body.rest().await).0, "HTTP/1.1 408 Request Timeout");
    drop(body);
    assert_eq!(server.served.await.unwrap(), Drained { cut: 0 });
    assert!(begun.elapsed() < LONG / 2, "{:?}", begun.elapsed());
}

/// In one thread the server cannot accept them before it is told to stop.
#[tokio::test]
async fn connections_that_wait_to_be_accepted_at_the_shutdown_are_served() {
    let server = Running::start().await;
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let mut waiting = std::net::TcpStream::connect(server.address).unwrap();
            std::io::Write::write_all(&mut waiting, GET.as_bytes()).unwrap();
            waiting
        })
        .collect();
    server.stop.send(()).unwrap();
    for waiting in waiting {
        waiting.set_nonblocking(true).unwrap();
        let answer = Peer(TcpStream::from_std(waiting).unwrap()).rest().await;
        assert_eq!(gist(&answer), ("HTTP/1.1 200 OK", "hello"));
    }
    assert_eq!(server.served.await.unwrap(), Drained { cut: 0 });
}
