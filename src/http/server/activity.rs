//! What a connection is busy with, and until when it may be.
//!
//! hyper has one timeout for the header of a request and for the wait before it. Here they differ: whoever has
//! begun to speak must finish soon, and whoever has been answered may stay silent for longer. Nothing is timed
//! while a request is being answered; requests have their own timeout.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use hyper::Version;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Limits, Stage};

/// How long the rest of an unread body is discarded, so that the peer is not reset before it reads the answer.
const LINGER: Duration = Duration::from_secs(2);

/// What one connection is busy with. Its tasks tell, its timer asks.
#[derive(Debug)]
pub(super) struct Activity {
    header: Duration,
    idle: Duration,
    stage: watch::Receiver<Stage>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// When that began. `None` is just now: the timer, which looks when the connection has been polled, fills it in.
    since: Option<Instant>,
    /// HTTP/2: frames come at any time and do not open a request.
    multiplexed: bool,
    /// A request was answered without reading all of its body.
    unread: bool,
}

/// What a connection is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The peer owes a request: it has just connected, or sent the beginning of one.
    Asking,
    /// So many requests are being answered.
    Answering(usize),
    /// All requests are answered.
    Idle,
    /// The answer is out, the connection ends, the rest of the request is discarded.
    Lingering,
}

impl Activity {
    /// A connection that was accepted just now.
    pub(super) fn new(limits: &Limits, stage: watch::Receiver<Stage>) -> Arc<Self> {
        let state =
            State { phase: Phase::Asking, since: Some(Instant::now()), multiplexed: false, unread: false };
        Arc::new(Self { header: limits.header, idle: limits.idle, stage, state: Mutex::new(state) })
    }

    /// The stage of the server's life, to be watched.
    pub(super) fn stage(&self) -> watch::Receiver<Stage> {
        self.stage.clone()
    }

    /// Whether the server is being shut down.
    pub(super) fn is_draining(&self) -> bool {
        // Without the lock of its value: nothing is sent on it before that, and no connection marks it as seen.
        self.stage.has_changed().unwrap_or(true)
    }

    /// Bytes came in.
    pub(super) fn heard(&self) {
        let mut state = self.state();
        if state.phase == Phase::Idle && !state.multiplexed {
            state.enter(Phase::Asking);
        }
    }

    /// The header of a request is complete; it is being answered until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>, version: Version) -> Answering {
        let mut state = self.state();
        state.multiplexed = version == Version::HTTP_2;
        state.unread = false;
        let others = if let Phase::Answering(others) = state.phase { others } else { 0 };
        state.phase = Phase::Answering(others + 1);
        Answering(self.clone())
    }

    /// The rest of a body will not be read.
    pub(super) fn leave_unread(&self) {
        self.state().unread = true;
    }

    /// Whether the connection, about to be closed, has to linger; if so, it does from now on.
    pub(super) fn linger(&self) -> bool {
        let mut state = self.state();
        let lingers = state.unread && !state.multiplexed;
        if lingers {
            state.enter(Phase::Lingering);
        }
        lingers
    }

    /// What the connection is busy with.
    pub(super) fn phase(&self) -> Phase {
        self.state().phase
    }

    /// When that must have ended. A connection that is `ending` is given time to read its answers, no more.
    pub(super) fn deadline(&self, ending: bool) -> Option<Instant> {
        let mut state = self.state();
        let allowed = match state.phase {
            Phase::Asking => self.header,
            Phase::Answering(_) => return None,
            Phase::Idle if ending => self.header,
            Phase::Idle => self.idle,
            Phase::Lingering => LINGER,
        };
        Some(*state.since.get_or_insert_with(Instant::now) + allowed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it notes what a connection does")
    }
}

impl State {
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        // The streams of HTTP/2 end in tasks of their own, which nothing polls the connection for.
        self.since = self.multiplexed.then(Instant::now);
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Answering(Arc<Activity>);

impl Drop for Answering {
    fn drop(&mut self) {
        let mut state = self.0.state();
        match state.phase {
            Phase::Answering(1) => state.enter(Phase::Idle),
            Phase::Answering(requests) => state.phase = Phase::Answering(requests - 1),
            Phase::Asking | Phase::Idle | Phase::Lingering => (),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Duration = Duration::from_secs(10);
    const IDLE: Duration = Duration::from_secs(75);

    fn activity() -> Arc<Activity> {
        Activity::new(&Limits::default(), watch::channel(Stage::Serving).1)
    }

    /// Within what span before the deadline the phase began.
    fn is_allowed(activity: &Activity, allowed: Duration, begun: Instant) -> bool {
        let deadline = activity.deadline(false).unwrap();
        begun + allowed <= deadline && deadline <= Instant::now() + allowed
    }

    #[tokio::test]
    async fn a_silent_connection_and_one_that_began_to_speak_get_the_header_timeout() {
        let begun = Instant::now();
        let activity = activity();
        assert!(is_allowed(&activity, HEADER, begun));

        drop(activity.begin(Version::HTTP_11));
        assert!(is_allowed(&activity, IDLE, begun));

        let begun = Instant::now();
        activity.heard();
        let deadline = activity.deadline(false);
        assert!(is_allowed(&activity, HEADER, begun));
        activity.heard();
        assert_eq!(activity.deadline(false), deadline);
    }

    #[tokio::test]
    async fn idle_begins_when_the_last_request_is_answered() {
        let activity = activity();
        let (first, second) = (activity.begin(Version::HTTP_2), activity.begin(Version::HTTP_2));
        drop(second);
        assert_eq!((activity.phase(), activity.deadline(false)), (Phase::Answering(1), None));
        let begun = Instant::now();
        drop(first);
        activity.heard();
        assert_eq!(activity.phase(), Phase::Idle);
        assert!(is_allowed(&activity, IDLE, begun));
    }

    #[test]
    fn only_a_body_left_unread_over_http_1_is_lingered_for() {
        for (version, lingers) in [(Version::HTTP_11, true), (Version::HTTP_2, false)] {
            let activity = activity();
            assert!(!activity.linger());
            drop(activity.begin(version));
            activity.leave_unread();
            assert_eq!(activity.linger(), lingers);
        }
        let activity = activity();
        activity.leave_unread();
        drop(activity.begin(Version::HTTP_11));
        assert!(!activity.linger(), "an older request's body was read by hyper");
    }
}
