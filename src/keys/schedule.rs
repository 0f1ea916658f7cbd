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
mod tests;
