//! Waiting on a [`Clock`]: where it has a hand, a wait also ends when the hand has moved far enough.

use std::time::Duration;

use crate::clock::Clock;

/// Returns once `duration` has passed on `clock`.
pub async fn sleep(clock: &Clock, duration: Duration) {
    let Some(mut moves) = clock.moves() else {
        return tokio::time::sleep(duration).await;
    };
    let end = clock.monotonic() + duration;
    while let Some(left) = end.checked_sub(clock.monotonic()).filter(|left| !left.is_zero()) {
        let passes = async {
            if clock.runs() {
                tokio::time::sleep(left).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = passes => {}
            moved = moves.changed() => if moved.is_err() { return },
        }
    }
}
