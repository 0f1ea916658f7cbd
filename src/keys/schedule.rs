//! When keys change: pure decisions from the stored keys, a policy and the clocks.
//!
//! A rotation publishes the next key, lets every verifier learn it for one *lead*, then signs with it; its
//! predecessor is retired in the same transition, and purged when no token of it can be alive. A step is a
//! proposal: the store carries it out as one conditional update, and one of several nodes wins.
//!
//! Clocks differ and jump, so a node does not compare its clock with stored times to judge a wait. It counts
//! from the moment it saw the state itself, on its monotonic clock. Only a node that has just started
//! believes the stored times, less what two clocks may differ.

mod policy;

use std::time::Duration;

use crate::clock::Reading;
use crate::model::{KeyState, SigningKey};

pub use policy::{POLL, Policy};

/// The next change to the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make a key and store it as pending, provided that no key of this generation is stored.
    Create {
        /// The generation of the new key.
        generation: i64,
        /// Whether it signs at once, and the active key, if there is one, is retired.
        at_once: bool,
    },
    /// Let a key sign and retire the one that did, provided that the first is pending.
    Activate {
        /// The pending key.
        kid: String,
    },
    /// Delete a key, provided that it is retired or revoked.
    Purge {
        /// The key.
        kid: String,
    },
}

/// The step that an operator asks for by a rotation: `None` if the next key is published already. With
/// `at_once` the next key signs now, and verifiers that do not know it refuse its tokens until they look
/// again, at most `jwks_max_age` later.
pub fn rotation(keys: &[SigningKey], at_once: bool) -> Option<Step> {
    match next(keys) {
        None => Some(Step::Create { generation: next_generation(keys), at_once }),
        Some(pending) if at_once => Some(activate(pending)),
        Some(_) => None,
    }
}

/// When the keys will next change by schedule, later than `after`; for people and for caches, in wall time.
pub fn next_event(keys: &[SigningKey], policy: &Policy, after: i64) -> Option<i64> {
    let is_next_published = next(keys).is_some();
    let event = |key: &SigningKey| match key.state() {
        KeyState::Pending => Some(key.published_at.saturating_add(policy.lead)),
        KeyState::Active if is_next_published => None,
        KeyState::Active => Some(key.since().saturating_add(policy.rotate_every - policy.lead)),
        KeyState::Retired | KeyState::Revoked => Some(key.since().saturating_add(policy.retired_for())),
    };
    keys.iter().filter_map(event).filter(|at| *at > after).min()
}

/// The active key.
pub fn active(keys: &[SigningKey]) -> Option<&SigningKey> {
    keys.iter().filter(|key| key.state() == KeyState::Active).max_by_key(|key| key.generation)
}

/// The pending key.
fn next(keys: &[SigningKey]) -> Option<&SigningKey> {
    keys.iter().filter(|key| key.state() == KeyState::Pending).min_by_key(|key| key.generation)
}

fn next_generation(keys: &[SigningKey]) -> i64 {
    keys.iter().map(|key| key.generation).max().unwrap_or(0).saturating_add(1)
}

fn activate(pending: &SigningKey) -> Step {
    Step::Activate { kid: pending.kid.clone() }
}

/// The schedule as one process follows it: the policy, and since when the process has seen what it sees.
#[derive(Debug)]
pub struct Schedule {
    policy: Policy,
    /// `None` until the first look.
    seen: Option<Vec<Sight>>,
}

/// A state of a key, and since when it is known.
#[derive(Debug)]
struct Sight {
    kid: String,
    state: KeyState,
    /// When the process first saw it, on the monotonic clock.
    at: Duration,
    /// How old it certainly was then.
    age: Duration,
}

impl Schedule {
    /// The schedule of a process that has just started.
    pub fn new(policy: Policy) -> Self {
        Self { policy, seen: None }
    }

    /// Goes on by another policy.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// Looks at the stored keys and says what is due. To be called again after the step was carried out, or
    /// lost to another node.
    pub fn next_step(&mut self, keys: &[SigningKey], now: Reading) -> Option<Step> {
        self.look(keys, now);

        // Without an active key nothing can be signed: no wait is worth that.
        let Some(active) = active(keys) else {
            return rotation(keys, true);
        };
        match next(keys) {
            Some(pending) if self.age(pending, now) >= seconds(self.policy.lead) => {
                return Some(activate(pending));
            }
            // Publishing a key is always safe, so the wall clock decides. A key that seems to be as far in
            // the future was activated under a clock that was ahead.
            None if self.is_due(now.unix.abs_diff(active.since())) => return rotation(keys, false),
            _ => {}
        }
        let is_over = |key: &&SigningKey| {
            matches!(key.state(), KeyState::Retired | KeyState::Revoked)
                && self.age(key, now) >= seconds(self.policy.retired_for())
        };
        keys.iter().find(is_over).map(|key| Step::Purge { kid: key.kid.clone() })
    }

    fn is_due(&self, age: u64) -> bool {
        age >= u64::try_from(self.policy.rotate_every - self.policy.lead).unwrap_or(0)
    }

    /// Notes what is new and forgets what is gone.
    fn look(&mut self, keys: &[SigningKey], now: Reading) {
        let is_first_look = self.seen.is_none();
        let seen = self.seen.get_or_insert_default();
        seen.retain(|sight| keys.iter().any(|key| sight.is_of(key)));
        for key in keys {
            if !seen.iter().any(|sight| sight.is_of(key)) {
                let by_the_wall = now.unix.saturating_sub(key.since()).saturating_sub(2 * self.policy.skew);
                let age = if is_first_look { seconds(by_the_wall) } else { Duration::ZERO };
                seen.push(Sight { kid: key.kid.clone(), state: key.state(), at: now.monotonic, age });
            }
        }
    }

    /// For how long a key has certainly been in its state.
    fn age(&self, key: &SigningKey, now: Reading) -> Duration {
        let sight = self.seen.iter().flatten().find(|sight| sight.is_of(key));
        sight.map_or(Duration::ZERO, |sight| now.monotonic.saturating_sub(sight.at).saturating_add(sight.age))
    }
}

impl Sight {
    fn is_of(&self, key: &SigningKey) -> bool {
        self.state == key.state() && self.kid == key.kid
    }
}

fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

#[cfg(test)]
mod simulation;

#[cfg(test)]
mod tests {
    use super::simulation::{apply, record};
    use super::*;

    const DAY: i64 = 86_400;
    const START: i64 = 1_700_000_000;

    fn policy() -> Policy {
        Policy::new(30 * DAY, 600, 300)
    }

    /// A reading of a clock that never jumped.
    fn at(unix: i64) -> Reading {
        Reading { unix, monotonic: seconds(unix - START + DAY) }
    }

    /// One node with its keys and its two clocks.
    struct Node {
        keys: Vec<SigningKey>,
        schedule: Schedule,
        now: Reading,
    }

    impl Node {
        /// A node with an active key, made just now.
        fn start() -> Self {
            let mut node = Self { keys: Vec::new(), schedule: Schedule::new(policy()), now: at(START) };
            assert_eq!(node.poll(), [Step::Create { generation: 1, at_once: true }]);
            node
        }

        /// Takes every step that is due.
        fn poll(&mut self) -> Vec<Step> {
            let mut steps = Vec::new();
            while let Some(step) = self.schedule.next_step(&self.keys, self.now) {
                assert!(apply(&mut self.keys, &step, self.now.unix), "{step:?} fits what it was decided on");
                steps.push(step);
            }
            assert!(active(&self.keys).is_some());
            steps
        }

        fn advance(&mut self, by: i64) -> Vec<Step> {
            self.now.unix += by;
            self.now.monotonic += seconds(by);
            self.poll()
        }

        fn restart(&mut self) {
            self.schedule = Schedule::new(policy());
            self.now.monotonic = Duration::ZERO;
        }

        /// The wall clock jumps; then a week passes. Says what happened in it.
        fn jump(&mut self, by: i64) -> Vec<Step> {
            self.now.unix += by;
            let mut steps = self.poll();
            for _ in 0..(7 * DAY / 60) {
                steps.extend(self.advance(60));
            }
            steps
        }
    }

    fn activated(kid: &str) -> Step {
        Step::Activate { kid: kid.to_owned() }
    }

    fn purged(kid: &str) -> Step {
        Step::Purge { kid: kid.to_owned() }
    }

    const CREATED_2: Step = Step::Create { generation: 2, at_once: false };
    const CREATED_3: Step = Step::Create { generation: 3, at_once: false };

    #[test]
    fn a_key_is_published_before_it_signs_and_after_it_signed() {
        let mut node = Node::start();
        assert_eq!(node.advance(30 * DAY - 601), []);
        assert_eq!(node.advance(1), [CREATED_2]);
        assert_eq!(node.advance(599), []);
        assert_eq!(node.advance(1), [activated("key-2")]);
        assert_eq!(node.keys[0].state(), KeyState::Retired);
        assert_eq!(node.advance(600 + 600 + 60 - 1), []);
        assert_eq!(node.advance(1), [purged("key-1")]);
    }

    #[test]
    fn a_policy_that_changes_is_obeyed_at_the_next_look() {
        let mut node = Node::start();
        assert_eq!(node.advance(DAY), []);
        node.schedule.set_policy(Policy { rotate_every: DAY, ..policy() });
        assert_eq!(node.poll(), [CREATED_2]);
    }

    #[test]
    fn an_operator_s_rotation_takes_one_lead() {
        let mut node = Node::start();
        node.advance(DAY);
        let step = rotation(&node.keys, false).unwrap();
        assert_eq!(step, CREATED_2);
        assert!(apply(&mut node.keys, &step, node.now.unix));
        assert_eq!(rotation(&node.keys, false), None, "the next key is published already");
        assert_eq!(node.advance(0), []);
        assert_eq!(node.advance(600), [activated("key-2")]);
    }

    #[test]
    fn a_rotation_at_once_does_not_wait() {
        let mut node = Node::start();
        assert_eq!(rotation(&node.keys, true), Some(Step::Create { generation: 2, at_once: true }));
        let create = rotation(&node.keys, false).unwrap();
        apply(&mut node.keys, &create, node.now.unix);
        assert_eq!(rotation(&node.keys, true), Some(activated("key-2")));
    }

    #[test]
    fn a_revoked_key_is_replaced_at_once() {
        let mut node = Node::start();
        node.keys[0].revoked_at = Some(node.now.unix);
        assert_eq!(node.poll(), [Step::Create { generation: 2, at_once: true }]);

        let create = rotation(&node.keys, false).unwrap();
        apply(&mut node.keys, &create, node.now.unix);
        node.keys[1].revoked_at = Some(node.now.unix);
        assert_eq!(node.poll(), [activated("key-3")]);
    }

    #[test]
    fn a_step_that_was_decided_on_an_older_view_does_nothing() {
        let mut node = Node::start();
        let create = rotation(&node.keys, false).unwrap();
        assert!(apply(&mut node.keys, &create, START));
        assert!(!apply(&mut node.keys, &create, START), "another node made it");
        let activate = rotation(&node.keys, true).unwrap();
        let mut revoked = node.keys.clone();
        revoked[1].revoked_at = Some(START);
        assert!(!apply(&mut revoked, &activate, START), "an operator revoked it");
        assert_eq!(revoked[0].state(), KeyState::Active);
        assert!(apply(&mut node.keys, &activate, START));
        assert!(!apply(&mut node.keys, &activate, START), "another node activated it");
    }

    #[test]
    fn a_clock_that_goes_back_an_hour_changes_nothing() {
        let mut node = Node::start();
        assert_eq!(node.jump(-3600), []);

        node.advance(30 * DAY);
        assert_eq!(node.keys[1].state(), KeyState::Pending);
        assert_eq!(node.jump(-3600), [activated("key-2"), purged("key-1")]);
    }

    #[test]
    fn a_clock_that_jumps_400_days_makes_one_rotation_that_waits_its_lead() {
        let mut node = Node::start();
        assert_eq!(node.jump(400 * DAY), [CREATED_2, activated("key-2"), purged("key-1")]);

        let back = node.jump(-400 * DAY);
        assert_eq!(back, [CREATED_3, activated("key-3"), purged("key-2")]);
    }

    #[test]
    fn a_jump_does_not_shorten_a_wait() {
        let mut node = Node::start();
        node.advance(30 * DAY - 600);
        node.now.unix += 3600;
        assert_eq!(node.advance(599), []);
        assert_eq!(node.advance(1), [activated("key-2")]);
        node.now.unix += 400 * DAY;
        assert_eq!(node.advance(1259), [CREATED_3]);
        assert_eq!(node.advance(1), [purged("key-1")]);
    }

    #[test]
    fn a_restart_neither_shortens_a_wait_nor_begins_it_anew() {
        let mut node = Node::start();
        node.advance(30 * DAY - 600);
        node.advance(500);
        node.restart();
        assert_eq!(node.advance(0), []);
        assert_eq!(node.advance(219), []);
        assert_eq!(node.advance(1), [activated("key-2")], "500 - 2 * 60 + 220 = 600");

        node.now.unix -= 400 * DAY;
        node.restart();
        assert_eq!(node.advance(0), [CREATED_3], "times in the future count from the start");
        assert_eq!(node.advance(600), [activated("key-3")]);
        assert_eq!(node.advance(659), []);
        assert_eq!(node.advance(1), [purged("key-1")]);
    }

    #[test]
    fn absurd_times_do_no_harm() {
        for now in [i64::MIN, -1, 0, i64::MAX] {
            for since in [i64::MIN, 0, i64::MAX] {
                let mut keys = vec![record(1, since), record(2, since), record(3, since)];
                keys[0].activated_at = Some(since);
                keys[0].retired_at = Some(since);
                keys[1].activated_at = Some(since);
                next_event(&keys, &policy(), now);
                let first = Reading { unix: now, monotonic: Duration::ZERO };
                let then = Reading { unix: since, monotonic: Duration::MAX };
                assert!((1..=300).contains(&policy().max_age(&keys, first, then)));
                assert!((1..=300).contains(&policy().max_age(&keys, then, first)));
                let mut schedule = Schedule::new(policy());
                schedule.next_step(&keys, first);
                schedule.next_step(&keys, then);
            }
        }
    }

    #[test]
    fn a_jwks_is_kept_until_the_next_step_and_one_poll() {
        let node = Node::start();
        let publishes = START + 30 * DAY - 600;
        assert_eq!(next_event(&node.keys, &policy(), START), Some(publishes));
        let max_age = |now: i64| policy().max_age(&node.keys, at(now), at(now));
        assert_eq!(max_age(START), 300);
        assert_eq!(max_age(publishes - 100), 115);
        assert_eq!(max_age(publishes), 15);
        assert_eq!(max_age(publishes + 14), 1);
        assert_eq!(max_age(publishes + 15), 300, "a step that does not come is not waited for");
    }

    #[test]
    fn an_old_view_is_neither_signed_with_nor_kept() {
        let node = Node::start();
        let (policy, keys) = (policy(), &node.keys);
        let good_for = |now| policy.view_is_good_for(at(START), now);
        assert_eq!([0, 599, 600, 4000].map(|age| good_for(at(START + age))), [600, 1, 0, 0]);
        let max_age = |now| policy.max_age(keys, at(START), now);
        assert_eq!([0, 299, 400, 600, 4000].map(|age| max_age(at(START + age))), [300, 300, 200, 1, 1]);

        let put_back = Reading { unix: START - 3600, ..at(START + 100) };
        let slept = Reading { unix: START + 100, ..at(START + 10) };
        assert_eq!((good_for(put_back), good_for(slept)), (500, 500), "the clock that ran on further counts");
    }
}
