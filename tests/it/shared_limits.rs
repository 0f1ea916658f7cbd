//! Login limits that several nodes share through a real Redis, and what becomes of them while it is away.
//!
//! Redis goes by the world's clock, so these tests are short: a bucket of five refills after twelve seconds.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use claviger::clock::Clock;
use claviger::limits::{Refused, Tier};
use tracing::subscriber::DefaultGuard;

use crate::redis::{PASSWORD, Redis};
use crate::server::{Client, Server};

/// How long attempts at once may take that need no hash: the 100 ms that they wait for Redis, and the rest for a busy
/// machine.
const AT_MOST: Duration = Duration::from_millis(400);

/// What is logged on this thread, which is all of it in a test of one thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn begin() -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false);
        let guard =
            tracing::subscriber::set_default(subscriber.with_max_level(tracing::Level::TRACE).finish());
        (log, guard)
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn count(&self, what: &str) -> usize {
        self.text().matches(what).count()
    }
}

const AWAY: &str = "WARN claviger::limits::shared: login limits are not shared";
const SHARED: &str = "INFO claviger::limits::shared: login limits are shared";

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));

/// Counts an attempt on an account at a node.
async fn attempt(node: &Server, name: &str) -> Result<(), Refused> {
    node.app.limits.admit_account(HERE, &name.parse().unwrap()).await
}

/// How many of ten attempts in turns at these nodes are taken.
async fn taken(nodes: [&Server; 2], name: &str) -> usize {
    let mut taken = 0;
    for node in nodes.into_iter().cycle().take(10) {
        taken += usize::from(attempt(node, name).await.is_ok());
    }
    taken
}

/// Threat rule 23, for all nodes together.
#[tokio::test]
async fn two_nodes_share_five_attempts_a_minute() {
    let redis = Redis::start().await;
    let one = Server::start_with(&redis.settings()).await;
    let (web, alice) = (one.client("web").await, one.user("alice").await);
    let two = one.another().await;
    let nodes = [web, Client::known(&two, "web", None)];

    for node in nodes.iter().cycle().take(5) {
        node.password(&alice, "").await;
    }
    for node in &nodes {
        let refused = node.try_password(&alice, crate::server::PASSWORD, "").await;
        let wait: u64 = refused.headers["retry-after"].parse().unwrap();
        assert_eq!((refused.status, refused.error()), (429, "temporarily_unavailable"));
        assert!((1..=12).contains(&wait), "{wait}");
    }
    assert!(one.app.limits.is_empty() && two.app.limits.is_empty(), "nothing was decided in memory");
}

#[tokio::test]
async fn every_tier_has_its_own_quota_and_an_attempt_that_is_refused_takes_nothing() {
    let redis = Redis::start().await;
    let node = Server::start_with(&redis.settings()).await;
    let client = "web".parse().unwrap();
    let prefix = async |host: u8, client| {
        node.app.limits.admit_prefix(IpAddr::from([203, 0, 113, host]), client).await
    };

    for _ in 0..30 {
        assert_eq!(prefix(1, Some(&client)).await, Ok(()));
    }
    assert_eq!(prefix(1, Some(&client)).await, Err(Refused { tier: Tier::Prefix, retry_after: 2 }));
    for _ in 0..500 {
        let _ = prefix(1, Some(&client)).await;
    }
    let mut wide = 0;
    while prefix(u8::try_from(2 + wide % 200).unwrap(), None).await.is_ok() {
        wide += 1;
    }
    // One comes back each fifth of a second.
    assert!((270..290).contains(&wide), "{wide}");
    assert_eq!(prefix(250, None).await, Err(Refused { tier: Tier::Wide, retry_after: 1 }));
}

/// Threat rules 18 and 25: Redis learns no name and no address, and forgets by itself.
#[tokio::test]
async fn redis_holds_hashes_that_go_within_a_minute() {
    let redis = Redis::start().await;
    let node = Server::start_with(&redis.settings()).await;
    assert_eq!(taken([&node, &node], "alice").await, 5);
    node.app.limits.admit_prefix(HERE, Some(&"web".parse().unwrap())).await.unwrap();

    let mut connection = redis.connect().await;
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap();
    let mut tiers = Vec::new();
    for key in &keys {
        let milliseconds: i64 = redis::cmd("PTTL").arg(key).query_async(&mut connection).await.unwrap();
        assert!((-2..=60_000).contains(&milliseconds) && milliseconds != -1, "{key}: {milliseconds}");
        let [house, installation, tier, hash] = key.split(':').collect::<Vec<_>>().try_into().unwrap();
        let is_hash = |text: &str| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(house == "claviger" && is_hash(installation) && is_hash(hash), "{key}");
        tiers.push(tier);
    }
    tiers.sort_unstable();
    assert_eq!(tiers, ["account", "client", "prefix", "wide"]);
}

/// The fault of issue 3: Redis killed. Every node goes on at once, by its part of the quotas.
#[tokio::test]
async fn without_redis_each_node_takes_its_part_until_redis_is_back() {
    let (log, _guard) = Log::begin();
    let mut redis = Redis::start().await;
    let one = Server::start_with(&format!("{}\nnodes = 2", redis.settings())).await;
    let two = one.another().await;
    assert_eq!(taken([&one, &two], "alice").await, 5);
    assert_eq!((log.count(AWAY), log.count(SHARED)), (0, 2), "{}", log.text());

    redis.kill();
    let began = Clock::system().monotonic();
    assert_eq!(taken([&one, &two], "alice").await, 4, "two of five at each node");
    let time = Clock::system().monotonic() - began;
    assert!(time < AT_MOST, "{time:?}");
    assert_eq!(attempt(&one, "alice").await, Err(Refused { tier: Tier::Account, retry_after: 30 }));
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!((log.count(AWAY), log.count(SHARED)), (2, 2), "one warning of each node: {}", log.text());

    redis.start_again().await;
    one.until("both share again", async |_| log.count(SHARED) == 4).await;
    assert_eq!(taken([&one, &two], "alice").await, 5, "and what memory refused does not matter");
    assert_eq!((log.count(AWAY), log.count(SHARED)), (2, 4), "{}", log.text());
    assert!(!log.text().contains(PASSWORD), "{}", log.text());
}

#[tokio::test]
async fn a_redis_that_does_not_answer_delays_no_attempt_longer_than_its_time() {
    let (log, _guard) = Log::begin();
    let redis = Redis::start().await;
    let node = Server::start_with(&redis.settings()).await;
    assert_eq!(attempt(&node, "alice").await, Ok(()));

    redis.freeze(true);
    let timed = async |name: String| {
        let began = Clock::system().monotonic();
        attempt(&node, &name).await.unwrap();
        Clock::system().monotonic() - began
    };
    // All who ask at once wait for the same hundred milliseconds, and whoever comes later not at all.
    let together = futures_util::future::join_all((0..20).map(|n| timed(format!("early-{n}")))).await;
    assert!(together.iter().all(|time| *time < AT_MOST), "{together:?}");
    let mut late = Duration::ZERO;
    for n in 0..30 {
        late += timed(format!("late-{n}")).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(late < AT_MOST, "{late:?}");
    assert_eq!((log.count(AWAY), log.count(SHARED)), (1, 1), "{}", log.text());
    assert!(log.text().contains("it does not answer within 100 ms"), "{}", log.text());

    redis.freeze(false);
    node.until("the limits are shared again", async |_| log.count(SHARED) == 2).await;
    assert_eq!(log.count(AWAY), 1, "{}", log.text());
}

#[tokio::test]
async fn a_server_starts_without_redis_and_its_log_has_no_password() {
    let (log, _guard) = Log::begin();
    let mut redis = Redis::start().await;
    let wrong = format!("[limits]\nshared = \"{}\"", redis.url("not-the-password"));
    let refused = Server::start_with(&wrong).await;
    assert_eq!(taken([&refused, &refused], "alice").await, 5);
    redis.kill();
    let late = Server::start_with(&redis.settings()).await;
    assert_eq!(taken([&late, &late], "alice").await, 5);
    assert_eq!((log.count(AWAY), log.count(SHARED)), (2, 0), "{}", log.text());

    redis.start_again().await;
    late.until("the limits are shared", async |_| log.count(SHARED) == 1).await;
    let text = log.text();
    assert!(text.contains("redis://[redacted]@127.0.0.1:"), "{text}");
    assert!(!text.contains(PASSWORD) && !text.contains("not-the-password"), "{text}");
}
