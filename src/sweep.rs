//! The broom: deletes what is over, and lets the limiter forget keys that are full again.

use std::time::Duration;

use crate::app::App;
use crate::clock::Reading;
use crate::config::LONGEST_ACCESS_TOKEN;
use crate::store::Retention;
use crate::timer;

/// How often it sweeps when there is little to do.
const EVERY: Duration = Duration::from_secs(60);

/// How long it rests between batches when there is much.
const REST: Duration = Duration::from_millis(50);

/// How often the limiter forgets what it need not remember.
const LIMITS_EVERY: Duration = Duration::from_secs(10);

/// For how long nothing is deleted after the wall clock was put ahead: it may have been a mistake.
const DOUBT: Duration = Duration::from_secs(3600);

/// Seconds by which the wall clock may run ahead of the monotonic one between two looks.
const SKEW: u64 = 120;

const DAY: i64 = 86_400;

/// Sweeps for ever.
pub async fn run(app: App) {
    let mut doubt = Doubt { last: app.clock.read(), until: Duration::ZERO };
    loop {
        let more = !doubt.is_cast_by(app.clock.read()) && sweep(&app).await;
        if more {
            tokio::time::sleep(REST).await;
        } else {
            timer::sleep(&app.clock, EVERY).await;
        }
    }
}

/// Keeps the limiter small for ever.
pub async fn limits(app: App) {
    loop {
        app.limits.sweep();
        timer::sleep(&app.clock, LIMITS_EVERY).await;
    }
}

/// Deletes a batch; true when there may be more.
async fn sweep(app: &App) -> bool {
    let retention = Retention {
        families: LONGEST_ACCESS_TOKEN.get(),
        audit: app.config().audit.retention.get(),
        failures: DAY,
        known_prefixes: 90 * DAY,
    };
    app.store.sweep(app.clock.now(), retention).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "expired rows were not deleted; it is tried again in a minute");
        false
    })
}

/// Whether the wall clock can be believed. What is deleted by a wrong one does not come back.
struct Doubt {
    last: Reading,
    /// On the monotonic clock.
    until: Duration,
}

impl Doubt {
    fn is_cast_by(&mut self, now: Reading) -> bool {
        let passed = now.monotonic.saturating_sub(self.last.monotonic).as_secs().saturating_add(SKEW);
        if now.unix > self.last.unix.saturating_add_unsigned(passed) {
            tracing::warn!("the clock was put ahead; nothing is deleted for an hour");
            self.until = now.monotonic + DOUBT;
        }
        self.last = now;
        now.monotonic < self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(unix: i64, monotonic: Duration) -> Reading {
        Reading { unix, monotonic }
    }

    #[test]
    fn a_clock_that_jumps_ahead_is_doubted_for_an_hour_and_one_that_runs_is_not() {
        let mut doubt = Doubt { last: at(0, HOUR), until: Duration::ZERO };
        assert!(!doubt.is_cast_by(at(3600, 2 * HOUR)));
        assert!(doubt.is_cast_by(at(3600 + 400 * DAY, 2 * HOUR)));
        assert!(doubt.is_cast_by(at(7100, 3 * HOUR - EVERY)), "put right, and still in doubt");
        assert!(!doubt.is_cast_by(at(7200, 3 * HOUR)));
        assert!(!doubt.is_cast_by(at(0, 3 * HOUR)), "what seems to lie ahead is not deleted anyway");
    }
}
