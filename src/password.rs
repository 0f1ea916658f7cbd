//! Passwords: PBKDF2-HMAC-SHA256 ([RFC 8018 §5.2]) in PHC strings, a policy and a bounded queue.
//!
//! The [`policy`] is asked when a password is set; at sign-in only a password that no one can have set is
//! known to be wrong beforehand, and even that costs one full derivation. So does every attempt, whatever
//! its outcome: nobody learns from the time which users exist, have a password or are disabled. Requests
//! go through the [`Hasher`]; the rest is for the command line and for tests.
//!
//! [RFC 8018 §5.2]: https://www.rfc-editor.org/rfc/rfc8018#section-5.2

mod hash;
mod hasher;
pub mod policy;

pub use hash::{FLOOR, Malformed, PasswordHash};
pub use hasher::{Busy, Hasher};

use crate::protocol::Secret;

/// The outcome of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The password is right.
    Right {
        /// The stored hash is weaker than those made now, so that it should be made anew while the
        /// password is at hand.
        weaker: bool,
    },
    /// The password is wrong, or there is none to compare it with.
    Wrong,
}

/// Judges `password` by `hash`, which is `None` for a user who is unknown, disabled or without one.
///
/// Derives a key of `rounds` rounds exactly once, whatever the outcome. A hash of fewer rounds is topped
/// up; only one of more rounds, as an operator who has lowered the setting may have, takes longer.
pub fn verify(password: &Secret<String>, hash: Option<&PasswordHash>, rounds: u32) -> Verdict {
    match hash {
        // `&`, not `&&`: the work is done for an unusable password too.
        Some(hash) if is_usable(password.expose()) & hash.matches(password.expose(), rounds) => {
            Verdict::Right { weaker: hash.needs_rehash(rounds) }
        }
        Some(_) => Verdict::Wrong,
        None => {
            hash::spend(rounds);
            Verdict::Wrong
        }
    }
}

/// Longest password, in bytes.
const LONGEST: usize = 1_024;

/// Whether `password` can be one at all: neither empty nor over-long, and without NUL, which HMAC's padding
/// would make equal to nothing.
fn is_usable(password: &str) -> bool {
    (1..=LONGEST).contains(&password.len()) && !password.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn a_password_that_nobody_can_have_is_wrong() {
        let random = Random::system().unwrap();
        for text in [String::new(), "a\0".repeat(8), "a".repeat(LONGEST + 1)] {
            let hash = PasswordHash::new(&secret(&text), FLOOR, &random);
            assert_eq!(verify(&secret(&text), Some(&hash), FLOOR), Verdict::Wrong, "{text:?}");
        }
    }

    #[test]
    fn a_password_is_not_equal_to_itself_with_nul() {
        let hash = PasswordHash::new(&secret("tuba lemon cactus"), FLOOR, &Random::system().unwrap());
        assert_eq!(verify(&secret("tuba lemon cactus\0"), Some(&hash), FLOOR), Verdict::Wrong);
        assert_eq!(
            verify(&secret("tuba lemon cactus"), Some(&hash), FLOOR),
            Verdict::Right { weaker: false }
        );
    }

    #[test]
    fn nothing_of_a_long_password_is_cut_off() {
        let long = "x".repeat(LONGEST);
        let hash = PasswordHash::new(&secret(&long), FLOOR, &Random::system().unwrap());
        assert_eq!(verify(&secret(&long), Some(&hash), FLOOR), Verdict::Right { weaker: false });
        assert_eq!(verify(&secret(&long[1..]), Some(&hash), FLOOR), Verdict::Wrong);
    }

    /// Rule 20 of the threat model. Processor time, not the clock on the wall, so that a busy machine does
    /// not matter; without its top-up the weak hash would cost a hundredth.
    #[cfg(target_os = "linux")]
    #[test]
    fn every_outcome_costs_the_same() {
        let spent = || {
            let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
            stat.split(' ').next().unwrap().parse::<u64>().unwrap()
        };
        let good = secret("tuba lemon cactus");
        let hash = PasswordHash::new(&good, FLOOR, &Random::system().unwrap());
        let weak = "$pbkdf2-sha256$8000$XAuBMIYQQogxRg$tRRlz8hYn63B9LYiCd6PRo6FMiunY9ozmMMI3srxeRE";
        let weak: PasswordHash = weak.parse().unwrap();

        let costs: Vec<u64> = [
            (&good, Some(&hash)),
            (&secret("tuba lemon cactu"), Some(&hash)),
            (&secret("password"), Some(&weak)),
            (&secret("Password"), Some(&weak)),
            (&secret(""), Some(&hash)),
            (&secret(&"a".repeat(LONGEST + 1)), Some(&hash)),
            (&good, None),
            (&secret("\0"), None),
        ]
        .into_iter()
        .map(|(password, hash)| {
            let before = spent();
            verify(password, hash, FLOOR);
            spent() - before
        })
        .collect();
        assert!(*costs.iter().min().unwrap() > costs.iter().max().unwrap() / 2, "{costs:?}");
    }
}
