//! What many failures in a row mean for one account ([NIST SP 800-63B-4 §3.2.2]).
//!
//! The store counts the failures and forgets them at a success; this only judges. Contexts that are known to be the
//! owner's, a confidential client or a network that lately signed in, are counted by themselves
//! (`user.rs`), so strangers who fail on purpose cannot lock the owner out.
//!
//! [NIST SP 800-63B-4 §3.2.2]: https://pages.nist.gov/800-63-4/sp800-63b.html#throttle

/// Failures in a row after which an account waits.
pub const FREE: u32 = 100;

/// The first wait and the longest, in seconds; so many doublings lead from one past the other.
const FIRST: i64 = 30;
const LONGEST: i64 = 3_600;
const DOUBLINGS: u32 = 7;

/// Seconds that an attempt made `now` has yet to wait, if any.
///
/// `failures` in a row have been counted, the last at `last_failed_at`. Times are Unix seconds.
///
/// A last failure that lies further ahead than the longest wait was counted by a wrong clock. It holds
/// nobody up, else a clock put right would close the account for as long as it was wrong; the next failure
/// is counted at the right time.
pub fn wait(failures: u32, last_failed_at: i64, now: i64) -> Option<u64> {
    let beyond = failures.checked_sub(FREE)?;
    let wait = (FIRST << beyond.min(DOUBLINGS)).min(LONGEST);
    let passed = now.saturating_sub(last_failed_at);
    if !(-LONGEST..wait).contains(&passed) {
        return None;
    }
    Some((wait - passed.max(0)).unsigned_abs())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    #[test]
    fn the_wait_begins_after_a_hundred_failures_and_doubles_to_an_hour() {
        let waits: Vec<_> = (98..109).map(|failures| wait(failures, NOW, NOW).unwrap_or(0)).collect();
        assert_eq!(waits, [0, 0, 30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
    }

    #[test]
    fn a_wait_ends() {
        assert_eq!(wait(101, NOW, NOW + 59), Some(1));
        assert_eq!(wait(101, NOW, NOW + 60), None);
    }

    #[test]
    fn a_clock_put_back_a_little_does_not_lengthen_the_wait_and_put_back_far_it_ends_it() {
        assert_eq!(wait(100, NOW, NOW - 600), Some(30));
        assert_eq!(wait(100, NOW, NOW - 400 * 86_400), None);
    }

    proptest! {
        #[test]
        fn nobody_waits_longer_than_an_hour_or_within_a_hundred(failures: u32, last: i64, now: i64) {
            let wait = wait(failures, last, now);
            prop_assert!(wait.is_none_or(|wait| (1..=3_600).contains(&wait) && failures >= 100));
        }

        #[test]
        fn more_failures_never_shorten_the_wait(failures in 0_u32..200, more in 0_u32..u32::MAX / 2, passed in 0_i64..4_000) {
            prop_assert!(wait(failures, NOW, NOW + passed) <= wait(failures + more, NOW, NOW + passed));
        }

        #[test]
        fn waiting_as_told_is_enough(failures: u32, passed in 0_i64..4_000) {
            let now = NOW + passed;
            let told = wait(failures, NOW, now).unwrap_or(0);
            prop_assert_eq!(wait(failures, NOW, now + i64::try_from(told).unwrap()), None);
        }
    }
}
