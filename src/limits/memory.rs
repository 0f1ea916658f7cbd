//! The buckets of one node, in its memory, by [governor].

use std::sync::Arc;
use std::time::Duration;

use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::{Quota, RateLimiter};

use super::store::{Room, Store};
use super::{Bucket, Quotas, Refused, Tier};
use crate::clock::Clock;

/// One limiter for each tier, all under one cap.
pub(super) struct Memory {
    limiters: [Limiter; Tier::ALL.len()],
    room: Arc<Room>,
}

type Limiter = RateLimiter<u64, Store, Monotonic, NoOpMiddleware<Duration>>;

impl Memory {
    /// Full buckets by `quotas` on `clock`.
    pub(super) fn new(quotas: Quotas, clock: &Clock) -> Self {
        let room = Arc::new(Room::new(quotas.keys));
        let limiters = Tier::ALL.map(|tier| {
            let quota = Quota::per_minute(quotas.of(tier));
            RateLimiter::new(quota, Store::new(room.clone()), Monotonic(clock.clone()))
        });
        Self { limiters, room }
    }

    /// Takes from a bucket, or refuses.
    pub(super) fn admit(&self, (tier, key): Bucket) -> Result<(), Refused> {
        let limiter = &self.limiters[tier as usize];
        limiter.check_key(&key).map_err(|until| {
            let wait = until.wait_time_from(limiter.clock().now());
            let retry_after = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            Refused { tier, retry_after: retry_after.max(1) }
        })
    }

    /// Forgets the keys whose buckets are full again.
    pub(super) fn sweep(&self) {
        self.limiters.iter().for_each(Limiter::retain_recent);
    }

    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.room.taken()
    }
}

/// Our clock as governor reads it: never the wall clock, which can be put back.
struct Monotonic(Clock);

impl governor::clock::Clock for Monotonic {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.monotonic()
    }
}
