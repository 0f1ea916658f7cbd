//! Time: the one source the whole server reads.
//!
//! Times are `i64` Unix seconds. A test holds the [`Hand`] of a manual clock and moves it; the login
//! limiter runs on [`Clock::monotonic`] of the same clock, so one hand moves everything.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

/// A moment in Unix seconds, as people and programs are shown it
/// ([RFC 3339](https://www.rfc-editor.org/rfc/rfc3339)).
pub fn moment(unix: i64) -> String {
    jiff::Timestamp::from_second(unix).map_or_else(|_| unix.to_string(), |moment| moment.to_string())
}

/// A source of time: the system's, or one that a test moves by hand.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<watch::Sender<Reading>>),
}

/// What a clock shows: the wall clock can be put back, the monotonic one cannot.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Unix time in seconds, as [`Clock::now`].
    pub unix: i64,
    /// Time since an arbitrary start, as [`Clock::monotonic`].
    pub monotonic: Duration,
}

/// Moves a manual [`Clock`].
#[derive(Clone, Debug)]
pub struct Hand(Arc<watch::Sender<Reading>>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `unix` seconds until its hand is moved.
    pub fn manual(unix: i64) -> (Self, Hand) {
        let sender = Arc::new(watch::Sender::new(Reading { unix, monotonic: Duration::ZERO }));
        (Self(Source::Manual(sender.clone())), Hand(sender))
    }

    /// Unix time in seconds.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's wall clock")]
    pub fn now(&self) -> i64 {
        match &self.0 {
            // A clock before 1970 reads as 1970: every token is then "not yet valid", which is safe.
            Source::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX)),
            Source::Manual(reading) => reading.borrow().unix,
        }
    }

    /// Time since an arbitrary start, which never goes back.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's monotonic clock")]
    pub fn monotonic(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        match &self.0 {
            Source::System => START.elapsed(),
            Source::Manual(reading) => reading.borrow().monotonic,
        }
    }

    /// Both at once, for what must not be fooled by a wall clock that jumps.
    pub fn read(&self) -> Reading {
        Reading { unix: self.now(), monotonic: self.monotonic() }
    }

    /// Tells when a manual clock was moved; `None` for the system's, which moves by itself.
    pub(crate) fn moves(&self) -> Option<watch::Receiver<impl Send + Sync + use<>>> {
        match &self.0 {
            Source::System => None,
            Source::Manual(reading) => Some(reading.subscribe()),
        }
    }
}

impl Hand {
    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.0.send_modify(|reading| {
            reading.monotonic += by;
            reading.unix = reading.unix.saturating_add_unsigned(by.as_secs());
        });
    }

    /// Sets the wall clock alone, as an operator or a faulty time server would.
    pub fn jump_to(&self, unix: i64) {
        self.0.send_modify(|reading| reading.unix = unix);
    }
}
