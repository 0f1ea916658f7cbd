//! The rules of rotation, and what follows from them for a view of the keys and for a copy of the JWKS.

use super::next_event;
use crate::clock::Reading;
use crate::model::SigningKey;

/// How often a node looks at the stored keys, at the latest, in seconds.
pub const POLL: i64 = 15;

/// The rules of rotation. All values are seconds.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// How long a key is published before it signs, and how long a node may sign without having looked.
    pub lead: i64,
    /// How long a key signs before the next one does.
    pub rotate_every: i64,
    /// The longest lifetime that an access token may have.
    pub longest_token_lifetime: i64,
    /// How far a node's clock may be from the true time.
    pub skew: i64,
    /// How long a verifier may keep a JWKS.
    pub jwks_max_age: i64,
}

impl Policy {
    /// The policy whose lead is long enough for these values, and at least ten minutes.
    pub fn new(rotate_every: i64, longest_token_lifetime: i64, jwks_max_age: i64) -> Self {
        let skew = 60;
        let lead = (jwks_max_age + POLL + skew).max(600);
        Self { lead, rotate_every, longest_token_lifetime, skew, jwks_max_age }
    }

    /// How long a key stays published after its last signature on the node that retired it: others may go on
    /// signing for one lead, and their tokens then live their time.
    pub fn retired_for(&self) -> i64 {
        self.lead + self.longest_token_lifetime + self.skew
    }

    /// For how many seconds from `now` a view that was last confirmed at `confirmed` is still good. Whichever
    /// clock ran on further counts: the wall clock may be put back, the monotonic one sleeps with the machine.
    pub fn view_is_good_for(&self, confirmed: Reading, now: Reading) -> i64 {
        let by_the_wall = now.unix.saturating_sub(confirmed.unix);
        let age = now.monotonic.saturating_sub(confirmed.monotonic).as_secs();
        self.lead.saturating_sub(by_the_wall.max(i64::try_from(age).unwrap_or(i64::MAX))).max(0)
    }

    /// The `max-age` of a JWKS of these `keys`: until the next step, which is taken within one poll of its
    /// time, and never so long that a key could sign which the copy does not hold.
    pub fn max_age(&self, keys: &[SigningKey], confirmed: Reading, now: Reading) -> i64 {
        let step = next_event(keys, self, now.unix.saturating_sub(POLL));
        let until_step =
            step.map_or(self.jwks_max_age, |at| at.saturating_add(POLL).saturating_sub(now.unix));
        self.jwks_max_age.min(until_step).min(self.view_is_good_for(confirmed, now)).max(1)
    }
}
