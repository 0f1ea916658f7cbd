//! Watches for what others change: the command line, or another node. A change is obeyed within a second.
//!
//! Requests read users, clients and APIs from the database, or take what was read a moment ago. What is kept at hand as a
//! whole is read anew here: the signing keys, the sealing keys, the directory.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::Instant;

use crate::app::App;
use crate::protocol::BoxError;

/// How long it rests when the database cannot be asked, and at most between two looks. This is a time of the real
/// world, whatever the server's clock says, and so is the next one: the change was made in the real world too.
const REST: Duration = Duration::from_millis(250);

/// How often it looks at the sealing keys.
const SEALING_KEYS: Duration = Duration::from_secs(1);

/// Watches for ever.
pub async fn run(app: App) {
    tokio::join!(sealing_keys(&app), database(&app));
}

async fn database(app: &App) {
    loop {
        let Err(error) = changes(app).await;
        tracing::warn!(%error, "changes to the database cannot be watched; it is tried again");
        tokio::time::sleep(REST).await;
    }
}

async fn changes(app: &App) -> Result<Infallible, BoxError> {
    // Before the first look, so that nothing is missed between the two.
    let mut changes = app.store.changes().await?;
    loop {
        let began = Instant::now();
        app.keys_changed.notify_one();
        app.refresh_directory().await?;
        // On PostgreSQL something is always written under load: looking takes a tenth of the time, but a database that
        // answers slowly makes nobody obey later than within a second.
        tokio::time::sleep((began.elapsed() * 9).min(REST)).await;
        changes.next().await?;
    }
}

/// Reads the sealing keys anew; a fault of one leaves those that are there.
async fn sealing_keys(app: &App) {
    loop {
        match app.sealing_keys.reload() {
            Ok(keys) if !keys.generations().eq(app.seal.generations()) => {
                app.seal.replace(&keys);
                app.keys_changed.notify_one();
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the sealing keys cannot be read anew; those in use stay"),
        }
        tokio::time::sleep(SEALING_KEYS).await;
    }
}
