//! Wrong client secrets: how many a client may be tried with from one network.
//!
//! Only failures count, and only against the client and the network that they came from: nobody's mistakes refuse the
//! right secret from elsewhere. Unknown clients are counted as well, so the table is keyed by what strangers choose;
//! it has a fixed size instead of a cap. Two keys that meet in one slot share it, which takes more failures a minute
//! than there are slots to matter.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Wrong secrets that are compared in a minute; what comes after waits for the next.
const WRONG_SECRETS: u64 = 10;

/// Two megabytes.
const SLOTS: usize = 1 << 18;

const MINUTE: u64 = 60;

/// The failures of the minute, by the hash of client and network.
pub(super) struct WrongSecrets(Box<[AtomicU64]>);

impl WrongSecrets {
    pub(super) fn new() -> Self {
        Self((0..SLOTS).map(|_| AtomicU64::new(0)).collect())
    }

    /// Seconds until `key` may be tried again; `None` when it may be now. `now` is monotonic.
    pub(super) fn wait(&self, key: u64, now: Duration) -> Option<u64> {
        let (minute, failures) = parts(self.slot(key).load(Ordering::Relaxed));
        let is_refused = minute == this_minute(now) && failures >= WRONG_SECRETS;
        is_refused.then(|| MINUTE - now.as_secs() % MINUTE)
    }

    /// Counts a failure.
    pub(super) fn failed(&self, key: u64, now: Duration) {
        let this = this_minute(now);
        let count = |slot| match parts(slot) {
            (minute, failures) if minute == this => Some(this << 32 | (failures + 1).min(WRONG_SECRETS)),
            _ => Some(this << 32 | 1),
        };
        self.slot(key)
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, count)
            .expect("there is a count for every slot");
    }

    fn slot(&self, key: u64) -> &AtomicU64 {
        let slots = u64::try_from(SLOTS).expect("the table is small");
        &self.0[usize::try_from(key % slots).expect("it is less than the number of slots")]
    }
}

/// The minute in the upper half, the failures in it in the lower.
fn parts(slot: u64) -> (u64, u64) {
    (slot >> 32, slot & u64::from(u32::MAX))
}

/// Counted from one, so that an empty slot is of no minute.
fn this_minute(now: Duration) -> u64 {
    (now.as_secs() / MINUTE + 1) & u64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn ten_failures_a_minute_are_taken_and_those_of_others_do_not_count() {
        let secrets = WrongSecrets::new();
        for count in 0..WRONG_SECRETS {
            assert_eq!(secrets.wait(1, at(count)), None, "{count}");
            secrets.failed(1, at(count));
        }
        assert_eq!(secrets.wait(1, at(10)), Some(50));
        assert_eq!(secrets.wait(1, at(59)), Some(1));
        assert_eq!(secrets.wait(2, at(10)), None);
        assert_eq!(secrets.wait(1, at(60)), None, "a new minute");
        secrets.failed(1, at(60));
        assert_eq!(secrets.wait(1, at(60)), None);
    }

    #[test]
    fn failures_without_end_are_held_and_the_table_does_not_grow() {
        let secrets = WrongSecrets::new();
        for key in 0..3 * u64::try_from(SLOTS).unwrap() {
            secrets.failed(key, at(0));
        }
        assert_eq!(secrets.0.len(), SLOTS);
        (0..1000).for_each(|_| secrets.failed(7, at(30)));
        assert_eq!(secrets.wait(7, at(30)), Some(30));
    }

    #[test]
    fn failures_at_the_same_moment_are_all_counted() {
        let secrets = WrongSecrets::new();
        std::thread::scope(|scope| {
            for _ in 0..WRONG_SECRETS {
                scope.spawn(|| secrets.failed(1, at(0)));
            }
        });
        assert_eq!(secrets.wait(1, at(0)), Some(60));
    }
}
