//! Watches for what others change: the command line, or another node. A change is obeyed within a second.
//!
//! Requests read users, clients and APIs from the database, so they obey at once. What is kept at hand is read
//! anew here: the signing keys, the sealing keys, the directory.

use std::time::Duration;

use crate::app::App;
use crate::protocol::BoxError;
use crate::store::Changes;

/// How often it looks. This is a time of the real world, whatever the server's clock says: the change was made
/// in the real world too.
const EVERY: Duration = Duration::from_millis(250);

/// In how many rounds it looks at the sealing keys: each second.
const SEALING_KEYS: u64 = 4;

/// Watches for ever.
pub async fn run(app: App) {
    let mut changes = None;
    for round in 0_u64.. {
        if round % SEALING_KEYS == 0 {
            reload_sealing_keys(&app);
        }
        if let Err(error) = look(&app, &mut changes).await {
            changes = None;
            tracing::warn!(%error, "changes to the database cannot be watched; it is tried again");
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn look(app: &App, changes: &mut Option<Changes>) -> Result<(), BoxError> {
    let are_new = match changes {
        Some(changes) => changes.are_new().await?,
        None => {
            *changes = Some(app.store.changes().await?);
            true
        }
    };
    if are_new {
        app.keys_changed.notify_one();
        app.refresh_directory().await?;
    }
    Ok(())
}

/// Reads the sealing keys anew; a fault of one leaves those that are there.
fn reload_sealing_keys(app: &App) {
    match app.sealing_keys.reload() {
        Ok(keys) if !keys.generations().eq(app.seal.generations()) => {
            app.seal.replace(&keys);
            app.keys_changed.notify_one();
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the sealing keys cannot be read anew; those in use stay"),
    }
}
