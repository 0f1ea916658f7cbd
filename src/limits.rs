//! Login limits: how often anybody may try a password.
//!
//! Four tiers, each a bucket that starts full and refills one by one (GCRA). They are kept in memory, or for
//! several nodes together in Redis; while Redis is away each node goes by what it has in memory. A refusal
//! takes nothing from the tiers behind it, so the narrow ones are asked first: an address that is refused
//! costs its neighbours nothing. Names that do not exist count like those that do.
//!
//! What is easily got wrong: call [`Limits::admit_prefix`] once the client is authenticated, then
//! [`Limits::admit_account`], and both before the hashing queue. Each call takes from the buckets; there
//! is nothing to undo after a successful sign-in.

pub mod lockout;
mod memory;
mod quotas;
mod shared;
mod store;

use std::net::IpAddr;

use aws_lc_rs::hmac;

use crate::clock::Clock;
use crate::config::RedisUrl;
use crate::protocol::{ClientId, Error, Issuer, Username};
use memory::Memory;
pub use quotas::{Quotas, Tier};
use shared::Shared;

/// A limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the login limit `{}` is reached", tier.as_str())]
pub struct Refused {
    /// The limit that is reached.
    pub tier: Tier,
    /// Whole seconds until the next attempt is taken, at least one.
    pub retry_after: u64,
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::too_many_requests("too many attempts to sign in, please wait", refused.retry_after)
            .because(refused)
    }
}

/// The limits of one server. Restarting it forgets what is in memory; what must be remembered is in
/// [`lockout`].
pub struct Limits(Option<Tiers>);

struct Tiers {
    key: hmac::Key,
    memory: Memory,
    shared: Option<Shared>,
}

/// A bucket: its tier, and the hash of what it counts.
type Bucket = (Tier, u64);

impl Limits {
    /// Limits by `quotas` on `clock`, in memory.
    ///
    /// `key` is a secret for this purpose alone: without it nobody can choose names that share a bucket.
    pub fn new(quotas: Quotas, key: &[u8; 32], clock: &Clock) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        Self(Some(Tiers { key, memory: Memory::new(quotas, clock), shared: None }))
    }

    /// The same, but shared by `quotas` through the Redis at `url` with the other nodes of `issuer`, which
    /// have the same key; what is in memory decides while Redis is away. Waits for Redis for a second at most,
    /// and goes on without.
    pub async fn shared(self, quotas: Quotas, url: &RedisUrl, issuer: &Issuer) -> Self {
        let Some(mut tiers) = self.0 else { return self };
        let installation = tiers.hash(&[issuer.as_str().as_bytes()]);
        tiers.shared = Some(Shared::open(quotas, url, installation).await);
        Self(Some(tiers))
    }

    /// No limits at all, for load tests (`login = "off"`).
    pub fn off() -> Self {
        Self(None)
    }

    /// Whether attempts are limited at all.
    pub fn are_on(&self) -> bool {
        self.0.is_some()
    }

    /// Counts an attempt from `ip` by `client`, if it names one.
    pub async fn admit_prefix(&self, ip: IpAddr, client: Option<&ClientId>) -> Result<(), Refused> {
        let Some(tiers) = &self.0 else { return Ok(()) };
        let prefix = (Tier::Prefix, tiers.hash(&[&network(ip, NARROW)]));
        let wide = (Tier::Wide, tiers.hash(&[&network(ip, WIDE)]));
        match client {
            None => tiers.admit(&[prefix, wide]).await,
            Some(client) => {
                let client = (Tier::Client, tiers.hash(&[client.as_str().as_bytes()]));
                tiers.admit(&[prefix, wide, client]).await
            }
        }
    }

    /// Counts an attempt from `ip` on the account of `username`, whether or not it exists.
    pub async fn admit_account(&self, ip: IpAddr, username: &Username) -> Result<(), Refused> {
        let Some(tiers) = &self.0 else { return Ok(()) };
        let account = tiers.hash(&[&network(ip, NARROW), username.as_str().as_bytes()]);
        tiers.admit(&[(Tier::Account, account)]).await
    }

    /// Forgets the keys whose buckets are full again. To be called every few seconds: keys leave memory no
    /// other way.
    pub fn sweep(&self) {
        if let Some(tiers) = &self.0 {
            tiers.memory.sweep();
        }
    }

    /// Looks for the shared limits for ever, while they are away; returns at once when there are none.
    pub async fn keep_shared(&self) {
        if let Some(shared) = self.0.as_ref().and_then(|tiers| tiers.shared.as_ref()) {
            shared.keep().await;
        }
    }

    /// How many keys are held in memory, in all tiers together.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |tiers| tiers.memory.len())
    }

    /// Whether no key is held in memory.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Tiers {
    /// Takes from each of `buckets`, in their order, or refuses.
    async fn admit(&self, buckets: &[Bucket]) -> Result<(), Refused> {
        if let Some(shared) = &self.shared
            && let Some(answer) = shared.admit(buckets).await
        {
            return answer;
        }
        buckets.iter().try_for_each(|bucket| self.memory.admit(*bucket))
    }

    /// The first 64 bits of HMAC-SHA256, which is here already and costs nothing beside a password hash; the
    /// standard library's keyed SipHash is deprecated.
    fn hash(&self, parts: &[&[u8]]) -> u64 {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            context.update(part);
        }
        let tag = context.sign();
        u64::from_be_bytes(*tag.as_ref().first_chunk().expect("a SHA-256 tag has 32 bytes"))
    }
}

/// Lengths of an IPv4 and an IPv6 prefix, in bits.
type Lengths = (u32, u32);

const NARROW: Lengths = (32, 64);
const WIDE: Lengths = (24, 48);

/// The network that `ip` lies in. IPv4 stands in its IPv6-mapped form, so that both spellings are one.
fn network(ip: IpAddr, (v4, v6): Lengths) -> [u8; 16] {
    let (bits, length) = match ip.to_canonical() {
        IpAddr::V4(ip) => (u128::from(ip.to_ipv6_mapped()), 96 + v4),
        IpAddr::V6(ip) => (u128::from(ip), v6),
    };
    (bits & (u128::MAX << (128 - length))).to_be_bytes()
}

/// The network that an attempt is counted for: the IPv4 address, or the IPv6 /64.
pub fn prefix(ip: IpAddr) -> [u8; 16] {
    network(ip, NARROW)
}

#[cfg(test)]
mod tests {
    use std::ops::Deref;
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use proptest::prelude::*;

    use super::*;
    use crate::clock::Hand;

    /// Limits in memory, which never wait for anything.
    struct InMemory(Limits);

    impl InMemory {
        fn admit_prefix(&self, ip: IpAddr, client: Option<&ClientId>) -> Result<(), Refused> {
            self.0.admit_prefix(ip, client).now_or_never().unwrap()
        }

        fn admit_account(&self, ip: IpAddr, username: &Username) -> Result<(), Refused> {
            self.0.admit_account(ip, username).now_or_never().unwrap()
        }
    }

    impl Deref for InMemory {
        type Target = Limits;

        fn deref(&self) -> &Limits {
            &self.0
        }
    }

    fn limits(quotas: Quotas) -> (InMemory, Hand) {
        let (clock, hand) = Clock::manual(1_800_000_000);
        (InMemory(Limits::new(quotas, &[7; 32], &clock)), hand)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn name(text: &str) -> Username {
        text.parse().unwrap()
    }

    fn refused(tier: Tier, retry_after: u64) -> Result<(), Refused> {
        Err(Refused { tier, retry_after })
    }

    /// How many attempts are taken before the first refusal.
    fn taken(mut attempt: impl FnMut() -> Result<(), Refused>) -> usize {
        (0..10_000).take_while(|_| attempt().is_ok()).count()
    }

    const HERE: &str = "198.51.100.7";

    #[test]
    fn an_account_is_tried_five_times_a_minute_and_refills_one_by_one() {
        let (limits, hand) = limits(Quotas::default());
        let attempt = || limits.admit_account(ip(HERE), &name("alice"));

        assert_eq!(taken(attempt), 5);
        assert_eq!(attempt(), refused(Tier::Account, 12));
        hand.advance(Duration::from_millis(11_001));
        assert_eq!(attempt(), refused(Tier::Account, 1));
        hand.advance(Duration::from_millis(999));
        assert_eq!(taken(attempt), 1);
        hand.advance(Duration::from_secs(60));
        assert_eq!(taken(attempt), 5);
    }

    #[test]
    fn every_tier_has_its_own_quota() {
        let (limits, _hand) = limits(Quotas::default());
        let client: ClientId = "web".parse().unwrap();

        assert_eq!(taken(|| limits.admit_prefix(ip(HERE), None)), 30);
        assert_eq!(limits.admit_prefix(ip(HERE), None), refused(Tier::Prefix, 2));

        let mut hosts = (0..).map(|host| ip(&format!("203.0.113.{}", host % 250)));
        assert_eq!(taken(|| limits.admit_prefix(hosts.next().unwrap(), None)), 300);
        assert_eq!(limits.admit_prefix(hosts.next().unwrap(), None), refused(Tier::Wide, 1));

        let mut networks = (0..).map(|network| ip(&format!("10.{}.{}.1", network / 250, network % 250)));
        assert_eq!(taken(|| limits.admit_prefix(networks.next().unwrap(), Some(&client))), 600);
        assert_eq!(limits.admit_prefix(networks.next().unwrap(), Some(&client)), refused(Tier::Client, 1));
        assert_eq!(limits.admit_prefix(networks.next().unwrap(), None), Ok(()));
    }

    #[test]
    fn an_address_that_is_refused_costs_its_neighbours_nothing() {
        let (limits, _hand) = limits(Quotas::default());
        for _ in 0..5_000 {
            let _ = limits.admit_prefix(ip(HERE), None);
        }
        assert_eq!(taken(|| limits.admit_prefix(ip("198.51.100.8"), None)), 30);
    }

    #[test]
    fn an_ipv6_network_of_64_bits_shares_one_bucket() {
        let (limits, _hand) = limits(Quotas::default());
        let mut hosts = (1..).map(|host| ip(&format!("2001:db8:1:2::{host:x}")));
        let mut attempt = || limits.admit_account(hosts.next().unwrap(), &name("alice"));

        assert_eq!(taken(&mut attempt), 5);
        assert_eq!(limits.admit_account(ip("2001:db8:1:3::1"), &name("alice")), Ok(()));
    }

    #[test]
    fn an_ipv4_mapped_address_is_the_ipv4_address() {
        let (limits, _hand) = limits(Quotas::default());
        assert_eq!(taken(|| limits.admit_account(ip(HERE), &name("alice"))), 5);
        assert!(limits.admit_account(ip(&format!("::ffff:{HERE}")), &name("alice")).is_err());
    }

    #[test]
    fn spellings_of_a_name_count_as_one() {
        let (limits, _hand) = limits(Quotas::default());
        let mut spellings = ["alice", "Alice", "ALICE", "aLiCe"].iter().cycle();
        assert_eq!(taken(|| limits.admit_account(ip(HERE), &name(spellings.next().unwrap()))), 5);
    }

    #[test]
    fn an_account_limited_here_is_open_elsewhere() {
        let (limits, _hand) = limits(Quotas::default());
        assert_eq!(taken(|| limits.admit_account(ip(HERE), &name("alice"))), 5);
        assert_eq!(taken(|| limits.admit_account(ip(HERE), &name("bob"))), 5);
        assert_eq!(taken(|| limits.admit_account(ip("198.51.100.8"), &name("alice"))), 5);
    }

    #[test]
    fn the_wall_clock_does_not_matter() {
        let (limits, hand) = limits(Quotas::default());
        let attempt = || limits.admit_account(ip(HERE), &name("alice"));
        assert_eq!(taken(attempt), 5);
        for unix in [0, 1_700_000_000, i64::MAX] {
            hand.jump_to(unix);
            assert_eq!(attempt(), refused(Tier::Account, 12));
        }
    }

    #[test]
    fn a_full_store_never_fails_open() {
        let (limits, hand) = limits(Quotas { keys: 3, ..Quotas::default() });
        assert_eq!(taken(|| limits.admit_account(ip(HERE), &name("alice"))), 5);
        for known in ["bob", "carol"] {
            assert_eq!(limits.admit_account(ip(HERE), &name(known)), Ok(()));
        }
        assert_eq!(limits.len(), 3);

        let mut names = (0..).map(|n| name(&format!("user-{n}")));
        assert_eq!(
            taken(|| limits.admit_account(ip(HERE), &names.next().unwrap())),
            5,
            "strangers share one bucket"
        );
        assert!(limits.admit_account(ip(HERE), &name("alice")).is_err(), "a limited key stays limited");
        assert_eq!(
            taken(|| limits.admit_account(ip(HERE), &name("bob"))),
            4,
            "a known key keeps its own bucket"
        );
        assert_eq!(taken(|| limits.admit_prefix(ip(HERE), None)), 30, "every tier has its own overflow");
        assert_eq!(limits.len(), 3);

        hand.advance(Duration::from_secs(180));
        limits.sweep();
        assert!(limits.is_empty());
        assert_eq!(taken(|| limits.admit_account(ip(HERE), &name("dave"))), 5);
    }

    #[test]
    fn a_sweep_forgets_only_what_is_full_again() {
        let (limits, hand) = limits(Quotas::default());
        assert_eq!(taken(|| limits.admit_account(ip(HERE), &name("alice"))), 5);
        assert_eq!(limits.admit_account(ip(HERE), &name("bob")), Ok(()));
        hand.advance(Duration::from_secs(30));
        limits.sweep();
        assert_eq!(limits.len(), 1);
        assert_eq!(taken(|| limits.admit_account(ip(HERE), &name("alice"))), 2);
    }

    #[test]
    fn limits_that_are_off_refuse_nothing_and_hold_nothing() {
        let limits = InMemory(Limits::off());
        assert_eq!(taken(|| limits.admit_prefix(ip(HERE), None)), 10_000);
        assert_eq!(taken(|| limits.admit_account(ip(HERE), &name("alice"))), 10_000);
        limits.sweep();
        assert!(limits.is_empty());
    }

    proptest! {
        #[test]
        fn no_history_gets_past_the_quota(
            steps in proptest::collection::vec((0_u64..15_000, any::<bool>()), 1..200),
        ) {
            let (limits, hand) = limits(Quotas::default());
            let (mut elapsed, mut admitted) = (0, 0);
            for (pause, sweep) in steps {
                hand.advance(Duration::from_millis(pause));
                elapsed += pause;
                if sweep {
                    limits.sweep();
                }
                admitted += u64::from(limits.admit_account(ip(HERE), &name("alice")).is_ok());
                prop_assert!(admitted <= 5 + elapsed / 12_000);
            }
        }

        #[test]
        fn waiting_as_told_is_enough(pauses in proptest::collection::vec(0_u64..9_000, 1..50)) {
            let (limits, hand) = limits(Quotas::default());
            for pause in pauses {
                hand.advance(Duration::from_millis(pause));
                if let Err(refused) = limits.admit_account(ip(HERE), &name("alice")) {
                    hand.advance(Duration::from_secs(refused.retry_after));
                    prop_assert_eq!(limits.admit_account(ip(HERE), &name("alice")), Ok(()));
                }
            }
        }
    }
}
