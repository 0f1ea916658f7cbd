//! Time: the one source the whole server reads.
//!
//! Times are `i64` Unix seconds. A test holds the [`Hand`] of a manual clock and moves it; the login
//! limiter runs on [`Clock::monotonic`] of the same clock, so one hand moves everything. Whoever runs the server for
//! others has the system's clock, which has no hand.

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
    /// What the dial shows, or, if it `runs`, what the system's clock shows and the dial besides.
    ByHand {
        dial: Arc<watch::Sender<Reading>>,
        runs: bool,
    },
}

/// What a clock shows: the wall clock can be put back, the monotonic one cannot.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Unix time in seconds, as [`Clock::now`].
    pub unix: i64,
    /// Time since an arbitrary start, as [`Clock::monotonic`].
    pub monotonic: Duration,
}

/// Moves a [`Clock`] that is not the system's.
#[derive(Clone, Debug)]
pub struct Hand {
    dial: Arc<watch::Sender<Reading>>,
    runs: bool,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `unix` seconds until its hand is moved.
    pub fn manual(unix: i64) -> (Self, Hand) {
        Self::by_hand(unix, false)
    }

    /// A clock that runs as the system's does, until its hand sets it ahead or back; it runs on from there.
    pub fn running() -> (Self, Hand) {
        Self::by_hand(0, true)
    }

    fn by_hand(unix: i64, runs: bool) -> (Self, Hand) {
        let dial = Arc::new(watch::Sender::new(Reading { unix, monotonic: Duration::ZERO }));
        (Self(Source::ByHand { dial: dial.clone(), runs }), Hand { dial, runs })
    }

    /// Unix time in seconds.
    pub fn now(&self) -> i64 {
        match &self.0 {
            Source::System => system_unix(),
            Source::ByHand { dial, runs: false } => dial.borrow().unix,
            Source::ByHand { dial, runs: true } => system_unix().saturating_add(dial.borrow().unix),
        }
    }

    /// Time since an arbitrary start, which never goes back.
    pub fn monotonic(&self) -> Duration {
        match &self.0 {
            Source::System => system_monotonic(),
            Source::ByHand { dial, runs: false } => dial.borrow().monotonic,
            Source::ByHand { dial, runs: true } => system_monotonic().saturating_add(dial.borrow().monotonic),
        }
    }

    /// Both at once, for what must not be fooled by a wall clock that jumps.
    pub fn read(&self) -> Reading {
        Reading { unix: self.now(), monotonic: self.monotonic() }
    }

    /// Tells when a hand has moved the clock; `None` for the system's, which has none.
    pub(crate) fn moves(&self) -> Option<watch::Receiver<impl Send + Sync + use<>>> {
        match &self.0 {
            Source::System => None,
            Source::ByHand { dial, .. } => Some(dial.subscribe()),
        }
    }

    /// Whether it moves by itself.
    pub(crate) fn runs(&self) -> bool {
        matches!(self.0, Source::System | Source::ByHand { runs: true, .. })
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the system's wall clock")]
fn system_unix() -> i64 {
    // A clock before 1970 reads as 1970: every token is then "not yet valid", which is safe.
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the system's monotonic clock")]
fn system_monotonic() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

impl Hand {
    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.dial.send_modify(|reading| {
            reading.monotonic = reading.monotonic.saturating_add(by);
            reading.unix = reading.unix.saturating_add_unsigned(by.as_secs());
        });
    }

    /// Sets the wall clock alone, as an operator or a faulty time server would.
    pub fn jump_to(&self, unix: i64) {
        let base = if self.runs { system_unix() } else { 0 };
        self.dial.send_modify(|reading| reading.unix = unix.saturating_sub(base));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_clock_goes_on_from_where_it_is_set() {
        let (clock, hand) = Clock::running();
        assert!((clock.now() - system_unix()).abs() <= 1);
        let before = clock.monotonic();
        hand.jump_to(1_800_000_000);
        assert!((1_800_000_000..1_800_000_060).contains(&clock.now()));
        hand.advance(Duration::from_secs(3600));
        assert!((1_800_003_600..1_800_003_660).contains(&clock.now()));
        assert!(clock.monotonic() >= before + Duration::from_secs(3600));
        let now = clock.monotonic();
        while clock.monotonic() == now {}
        assert!(clock.runs() && Clock::system().runs() && !Clock::manual(0).0.runs());
    }
}
