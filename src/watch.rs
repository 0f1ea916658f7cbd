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

/// Watches for ever.
pub async fn run(app: App) {
    let mut changes = None;
    loop {
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
        let sealing_keys = app.sealing_keys.reload()?;
        if sealing_keys.newest() != app.seal.newest() {
            app.seal.replace(&sealing_keys);
        }
        app.keys_changed.notify_one();
        app.refresh_directory().await?;
    }
    Ok(())
}
