//! Random schedules of several nodes and verifiers, in which R4 must hold at every moment: every unexpired
//! token verifies against the JWKS of every node, and against any copy no older than its max-age.
//!
//! Nodes differ by up to 60 s, poll, race, restart, are suspended and lose their database. Verifiers keep
//! what they fetched from any node for its max-age. `TEST_SCHEDULES` sets how many schedules are run.

use std::collections::BTreeMap;
use std::rc::Rc;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::*;

#[test]
fn every_token_verifies_at_every_moment_of_every_schedule() {
    let schedules = std::env::var("TEST_SCHEDULES").map_or(2000, |count| count.parse().unwrap());
    let mut rotations = 0;
    for seed in 0..schedules {
        rotations += World::new(seed, Clocks::Skewed).run();
    }
    assert!(rotations >= schedules, "{rotations} rotations in {schedules} schedules");
}

#[test]
fn every_token_verifies_although_the_clocks_of_running_nodes_jump() {
    for seed in 0..500 {
        World::new(seed, Clocks::Jumping).run();
    }
}

/// A pending key as the store would hold it.
pub(super) fn record(generation: i64, now: i64) -> SigningKey {
    SigningKey {
        kid: format!("key-{generation}"),
        generation,
        bits: 2048,
        n: String::new(),
        e: String::new(),
        sealed: None,
        published_at: now,
        activated_at: None,
        retired_at: None,
        revoked_at: None,
    }
}

/// What the store does: one conditional update; `false` if its condition did not hold.
pub(super) fn apply(keys: &mut Vec<SigningKey>, step: &Step, now: i64) -> bool {
    match step {
        Step::Create { generation, at_once } => {
            if keys.iter().any(|key| key.generation == *generation) {
                return false;
            }
            if *at_once {
                retire_active(keys, now);
            }
            let activated_at = at_once.then_some(now);
            keys.push(SigningKey { activated_at, ..record(*generation, now) });
        }
        Step::Activate { kid } => {
            let is_pending = |key: &SigningKey| key.kid == *kid && key.state() == KeyState::Pending;
            let Some(index) = keys.iter().position(is_pending) else {
                return false;
            };
            retire_active(keys, now);
            keys[index].activated_at = Some(now);
        }
        Step::Purge { kid } => {
            let is_over = |key: &SigningKey| matches!(key.state(), KeyState::Retired | KeyState::Revoked);
            let before = keys.len();
            keys.retain(|key| key.kid != *kid || !is_over(key));
            return keys.len() < before;
        }
    }
    true
}

fn retire_active(keys: &mut [SigningKey], now: i64) {
    for key in keys.iter_mut().filter(|key| key.state() == KeyState::Active) {
        key.retired_at = Some(now);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Clocks {
    /// Every clock is up to the policy's skew away from the true time.
    Skewed,
    /// Clocks of running nodes jump by an hour or 400 days. Then no node restarts, and no machine sleeps: a
    /// wall clock that is put back while the other one sleeps cannot be noticed.
    Jumping,
}

struct World {
    seed: u64,
    random: StdRng,
    clocks: Clocks,
    policy: Policy,
    /// The true time.
    now: i64,
    stored: Rc<Vec<SigningKey>>,
    nodes: Vec<Node>,
    copies: Vec<Copy>,
    /// When the last token of each key, by its generation, expires in true time.
    tokens: BTreeMap<i64, i64>,
    rotations: u64,
}

struct Node {
    /// Its wall clock less the true time.
    offset: i64,
    /// The true time less its monotonic clock.
    started_at: i64,
    schedule: Schedule,
    view: Rc<Vec<SigningKey>>,
    confirmed: Reading,
    next_poll: i64,
    /// Until when it does nothing at all.
    suspended_until: i64,
    /// Until when it does not reach the database.
    cut_off_until: i64,
}

impl Node {
    fn clock(&self, now: i64) -> Reading {
        Reading { unix: now + self.offset, monotonic: Duration::from_secs(now.abs_diff(self.started_at)) }
    }
}

/// A JWKS in a verifier's hands.
struct Copy {
    keys: Rc<Vec<SigningKey>>,
    expires_at: i64,
}

impl World {
    fn new(seed: u64, clocks: Clocks) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let max_age = [30, 300, 300, 300, 1200][random.random_range(0..5)];
        let mut policy = Policy::new(0, random.random_range(60..=1200), max_age);
        policy.rotate_every = policy.lead + random.random_range(0..=1200);

        let now = 1_700_000_000 + random.random_range(0..1000);
        let mut first = record(1, now);
        first.activated_at = Some(now);
        let stored = Rc::new(vec![first]);
        let node = |offset| Node {
            offset,
            started_at: now,
            schedule: Schedule::new(policy),
            view: stored.clone(),
            confirmed: Reading { unix: now + offset, monotonic: Duration::ZERO },
            next_poll: now,
            suspended_until: now,
            cut_off_until: now,
        };
        // The extremes are likely.
        let mut offset =
            || (random.random_range(-2 * policy.skew..=2 * policy.skew)).clamp(-policy.skew, policy.skew);
        let nodes = (0..3).map(|_| node(offset())).collect();
        let copies = (0..4).map(|_| Copy { keys: stored.clone(), expires_at: now }).collect();
        let tokens = BTreeMap::new();
        Self { seed, random, clocks, policy, now, stored, nodes, copies, tokens, rotations: 0 }
    }

    /// Runs for about three rotations; says how many there were.
    fn run(mut self) -> u64 {
        (0..self.nodes.len()).for_each(|index| self.poll(index));
        let end = self.now + 3 * self.policy.rotate_every + self.policy.retired_for();
        while self.now < end {
            self.now += self.random.random_range(1..=15);
            for index in 0..self.nodes.len() {
                self.live(index);
            }
            self.fetch();
            self.check();
        }
        self.rotations
    }

    fn live(&mut self, index: usize) {
        self.trouble(index);
        let now = self.now;
        let node = &mut self.nodes[index];
        if now < node.suspended_until {
            return;
        }
        if now >= node.next_poll && now >= node.cut_off_until {
            self.poll(index);
        }

        let node = &self.nodes[index];
        if self.policy.view_is_good_for(node.confirmed, node.clock(now)) > 0 {
            let key = active(&node.view).expect("no view is without a signer");
            let skew = if self.clocks == Clocks::Skewed { node.offset } else { 0 };
            let expires_at = now + skew + self.policy.longest_token_lifetime;
            let last = self.tokens.entry(key.generation).or_insert(expires_at);
            *last = expires_at.max(*last);
        }
    }

    /// Looks at the stored keys and takes one step, sometimes decided on what was seen the last time.
    fn poll(&mut self, index: usize) {
        let (now, is_late) = (self.now, self.random.random_ratio(1, 10));
        let node = &mut self.nodes[index];
        let before = std::mem::replace(&mut node.view, self.stored.clone());
        node.confirmed = node.clock(now);
        node.next_poll = now + self.random.random_range(1..=POLL);
        let seen = if is_late { &before } else { &node.view };
        let mut step = node.schedule.next_step(seen, node.confirmed);
        if step.is_none() && self.random.random_ratio(1, 400) {
            step = rotation(seen, false);
        }
        if let Some(step) = step {
            let mut stored = (*self.stored).clone();
            if apply(&mut stored, &step, node.confirmed.unix) {
                self.rotations += u64::from(matches!(step, Step::Activate { .. }));
                self.stored = Rc::new(stored);
                node.view = self.stored.clone();
            }
            assert!(active(&self.stored).is_some(), "seed {}: no signer", self.seed);
        }
    }

    fn trouble(&mut self, index: usize) {
        let (now, policy) = (self.now, self.policy);
        let (what, how_long) =
            (self.random.random_range(0..400), self.random.random_range(0..2 * policy.lead));
        let node = &mut self.nodes[index];
        if now < node.suspended_until {
            return;
        }
        match what {
            0 => node.cut_off_until = now + how_long,
            1 => node.suspended_until = now + how_long,
            // The whole machine sleeps, and its monotonic clock with it.
            2 if self.clocks == Clocks::Skewed => {
                node.suspended_until = now + how_long;
                node.started_at += how_long;
            }
            3 if self.clocks == Clocks::Skewed => {
                node.offset = self.random.random_range(-policy.skew..=policy.skew);
                node.schedule = Schedule::new(policy);
                node.started_at = now;
                node.cut_off_until = now;
                self.poll(index);
            }
            3 => {
                let jumps = [-3600, 3600, 400 * 86_400, 0];
                node.offset = jumps[self.random.random_range(0..jumps.len())];
            }
            _ => {}
        }
    }

    /// Nodes that answer, with a view that is still good. What a node answers that was cut off for longer
    /// than the lead is beyond R4: it says `max-age=1`, and it signs nothing.
    fn answering(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| {
            let good_for = self.policy.view_is_good_for(node.confirmed, node.clock(self.now));
            self.now >= node.suspended_until && good_for > 0
        })
    }

    fn fetch(&mut self) {
        let count = self.answering().count();
        for index in 0..self.copies.len() {
            if count > 0 && self.copies[index].expires_at <= self.now {
                let choice = self.random.random_range(0..count);
                let node = self.answering().nth(choice).expect("there are so many");
                let max_age = self.policy.max_age(&node.view, node.confirmed, node.clock(self.now));
                self.copies[index] = Copy { keys: node.view.clone(), expires_at: self.now + max_age };
            }
        }
    }

    /// R4.
    fn check(&mut self) {
        self.tokens.retain(|_, expires_at| *expires_at > self.now);
        let copies = self.copies.iter().filter(|copy| copy.expires_at > self.now).map(|copy| &copy.keys);
        for keys in copies.chain(self.answering().map(|node| &node.view)) {
            for (generation, expires_at) in &self.tokens {
                assert!(
                    keys.iter().any(|key| key.generation == *generation),
                    "seed {}: a token of key-{generation} lives {} s more, and these keys lack it: {keys:?}",
                    self.seed,
                    expires_at - self.now,
                );
            }
        }
    }
}
