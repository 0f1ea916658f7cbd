//! The laws of the login limits.

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

    fn admit_device(&self, device: &str, username: &Username) -> Result<(), Refused> {
        self.0.admit_device(device, username).now_or_never().unwrap()
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

/// Threat rules 23 and 24.
#[test]
fn a_device_has_a_limit_of_its_own_and_all_devices_of_a_user_share_another() {
    let (limits, _hand) = limits(Quotas::default());
    assert_eq!(taken(|| limits.admit_device("a phone", &name("alice"))), 5);
    assert_eq!(limits.admit_device("a phone", &name("alice")), refused(Tier::Device, 12));

    let mut devices = (0..).map(|number| format!("device {number}"));
    assert_eq!(taken(|| limits.admit_device(&devices.next().unwrap(), &name("alice"))), 25);
    assert_eq!(limits.admit_device("one more", &name("alice")), refused(Tier::Devices, 2));
    assert_eq!(limits.admit_device("another", &name("bob")), Ok(()));
    assert_eq!(
        limits.admit_account(ip(HERE), &name("alice")),
        Ok(()),
        "who comes without one is another matter"
    );
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
    assert_eq!(taken(|| limits.admit_account(ip(HERE), &name("bob"))), 4, "a known key keeps its own bucket");
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
