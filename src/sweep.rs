//! The broom: deletes what is over, and lets the limiter forget keys that are full again.

use std::time::Duration;

use crate::app::App;
use crate::config::LONGEST_ACCESS_TOKEN;
use crate::store::Retention;
use crate::timer;

/// How often it sweeps when there is little to do.
const EVERY: Duration = Duration::from_secs(60);

/// How long it rests between batches when there is much.
const REST: Duration = Duration::from_millis(50);

const DAY: i64 = 86_400;

/// Sweeps for ever.
pub async fn run(app: App) {
    loop {
        let config = app.config();
        let retention = Retention {
            families: LONGEST_ACCESS_TOKEN.get(),
            audit: config.audit.retention.get(),
            failures: DAY,
            known_prefixes: 90 * DAY,
        };
        app.limits.sweep();
        let more = match app.store.sweep(app.clock.now(), retention).await {
            Ok(more) => more,
            Err(error) => {
                tracing::warn!(%error, "expired rows were not deleted; it is tried again in a minute");
                false
            }
        };
        if more {
            tokio::time::sleep(REST).await;
        } else {
            timer::sleep(&app.clock, EVERY).await;
        }
    }
}
