//! Waiting on a [`Clock`]: with a manual clock, a wait ends when the hand has moved far enough.

use std::time::Duration;

use crate::clock::Clock;

/// Returns once `duration` has passed on `clock`.
pub async fn sleep(clock: &Clock, duration: Duration) {
    let Some(mut moves) = clock.moves() else {
        return tokio::time::sleep(duration).await;
    };
    let end = clock.monotonic() + duration;
    while clock.monotonic() < end {
        if moves.changed().await.is_err() {
            return;
        }
    }
}
