//! The rotation of signing keys: carries out what [`schedule`] says is due.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::app::{self, App};
use crate::clock::Reading;
use crate::keys::record;
use crate::keys::schedule::{self, POLL, Schedule, Step};
use crate::model::{Event, SigningKey};
use crate::protocol::BoxError;
use crate::store;
use crate::timer;
use crate::vault::Vault;

/// Follows the schedule for ever, so that a key signs only when every verifier can know it.
pub async fn run(app: App, schedule: Arc<Mutex<Schedule>>) {
    loop {
        if let Err(error) = follow(&app, &mut *schedule.lock().await).await {
            tracing::error!(%error, "the keys were not looked after; it is tried again in {POLL} s");
        }
        let poll = timer::sleep(&app.clock, Duration::from_secs(POLL.unsigned_abs()));
        tokio::select! {
            () = poll => {}
            () = app.keys_changed.notified() => {}
        }
    }
}

/// Takes every step that is due now, by the configuration as it is now, and shows requests the keys as they are
/// stored.
pub async fn follow(app: &App, schedule: &mut Schedule) -> Result<(), BoxError> {
    let policy = app::policy(&app.config());
    schedule.set_policy(policy);
    app.keys.set_policy(policy);
    loop {
        // The time before the look, so that a process that was stopped in between does not take it for fresh.
        let looked = app.clock.read();
        let keys = app.store.signing_keys().await?;
        show(app, &keys, looked);
        let Some(step) = schedule.next_step(&keys, app.clock.read()) else {
            return Ok(());
        };
        take(app, app.config().keys.rsa_bits, step).await?;
    }
}

/// Shows requests the keys as they were `looked` at. One that could not be used is tried again.
fn show(app: &App, keys: &[SigningKey], looked: Reading) {
    let ring = app.keys.current();
    if ring.keys() == keys && ring.faults().is_empty() {
        app.keys.confirm(looked);
        return;
    }
    app.keys.replace(keys.to_vec(), looked);
    for fault in app.keys.current().faults() {
        tracing::error!(%fault, "a signing key is not served");
    }
}

/// Takes `step`; false when another node was faster.
pub async fn take(vault: &Vault, bits: u32, step: Step) -> Result<bool, BoxError> {
    let entry = |event, kid: &str| vault.audit(event).detail(format!("kid {kid}"));
    match step {
        Step::Create { generation, at_once } => {
            let (seal, clock) = (vault.seal.clone(), vault.clock.clone());
            let key =
                tokio::task::spawn_blocking(move || record::make(generation, bits, &seal, &clock)).await??;
            Ok(create(vault, key, at_once).await?)
        }
        Step::Activate { kid } => {
            let entry = entry(Event::KeyActivated, &kid);
            Ok(vault.store.activate_key(kid, entry).await?)
        }
        Step::Purge { kid } => {
            let entry = entry(Event::KeyPurged, &kid);
            Ok(vault.store.purge_key(kid, entry).await?)
        }
    }
}

/// Stores a new key, which signs `at_once` or waits; false when another node was faster.
pub async fn create(vault: &Vault, key: SigningKey, at_once: bool) -> Result<bool, store::Error> {
    let event = if at_once { Event::KeyActivated } else { Event::KeyPublished };
    let entry = vault.audit(event).detail(format!("kid {}", key.kid));
    vault.store.create_key(key, at_once, entry).await
}

/// Drops the key `kid` at once; false when there is none to be dropped.
pub async fn revoke(vault: &Vault, bits: u32, kid: &str) -> Result<bool, BoxError> {
    let keys = vault.store.signing_keys().await?;
    if schedule::active(&keys).is_some_and(|key| key.kid == kid) {
        // The successor comes first, so that there is a key to sign with at every moment.
        request(vault, bits, true).await?;
    }
    let entry = vault.audit(Event::KeyRevoked).detail(format!("kid {kid}"));
    Ok(vault.store.revoke_key(kid.to_owned(), entry).await?)
}

/// Carries out an operator's wish for the next key; `None` when the next key is published already.
pub async fn request(vault: &Vault, bits: u32, at_once: bool) -> Result<Option<bool>, BoxError> {
    let keys = vault.store.signing_keys().await?;
    match schedule::rotation(&keys, at_once) {
        Some(step) => take(vault, bits, step).await.map(Some),
        None => Ok(None),
    }
}
