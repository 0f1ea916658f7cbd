//! Refusals on their way into the store: noted by requests, which wait for nothing, and written together once a second.
//!
//! A flood of errors is no flood of writes: what does not fit between two writes is counted and forgotten.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, mpsc};

use crate::app::App;
use crate::clock::Clock;
use crate::model::Refusal;

/// How many are kept of those between two writes.
const AT_ONCE: usize = 100;

/// How often they are written. A time of the real world: who was refused asks in the real world too.
const EVERY: Duration = Duration::from_secs(1);

/// Notes refusals; cheap to clone.
#[derive(Clone, Debug)]
pub struct Refusals(Arc<Notes>);

#[derive(Debug)]
struct Notes {
    clock: Clock,
    sender: mpsc::Sender<Refusal>,
    receiver: Mutex<mpsc::Receiver<Refusal>>,
    forgotten: AtomicU64,
}

impl Refusals {
    /// An empty note pad, which dates what is noted by `clock`.
    pub fn new(clock: Clock) -> Self {
        let (sender, receiver) = mpsc::channel(AT_ONCE);
        let receiver = Mutex::new(receiver);
        Self(Arc::new(Notes { clock, sender, receiver, forgotten: AtomicU64::new(0) }))
    }

    /// The time.
    pub fn now(&self) -> i64 {
        self.0.clock.now()
    }

    /// Notes `refusal`, if there is room.
    pub fn note(&self, refusal: Refusal) {
        if self.0.sender.try_send(refusal.bounded()).is_err() {
            self.0.forgotten.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Writes what is noted for ever.
pub async fn run(app: App) {
    loop {
        tokio::time::sleep(EVERY).await;
        write(&app).await;
    }
}

/// Writes what is noted now.
pub async fn write(app: &App) {
    let Notes { receiver, forgotten, .. } = &*app.refusals.0;
    let mut receiver = receiver.lock().await;
    let noted: Vec<_> = std::iter::from_fn(|| receiver.try_recv().ok()).take(AT_ONCE).collect();
    match forgotten.swap(0, Ordering::Relaxed) {
        0 => {}
        forgotten => tracing::warn!(forgotten, "too many refusals: the reasons of some are in the log alone"),
    }
    if noted.is_empty() {
        return;
    }
    if let Err(error) = app.store.keep_refusals(noted).await {
        tracing::warn!(%error, "the reasons of some refusals are in the log alone");
    }
}
