//! The laws of rotation, on one node; `simulation.rs` has several.

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
