//! What was read a moment ago and is asked for again with every request: clients, APIs, what tokens rest on.
//!
//! It is taken again for [`FRESH`] at most, so that what another process changes is obeyed within a second; and for longer
//! where the database says that no other process has written since ([`Lately::confirm`]). What this one changes is obeyed
//! at once: the writer makes all of it out of date after such a change is committed and before it is answered. Nothing
//! that is written rests on it; a transaction reads for itself. Only what is there is kept, so nobody fills it with names
//! that they invent.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::{Error, LiveClient, Standing};
use crate::model::Api;
use crate::protocol::{ApiUri, ClientId, RoleName};
use crate::recent::Recent;

/// How old it may be. A time of the real world, whatever the server's clock says: what it tells of was changed in the
/// real world too.
const FRESH: Duration = Duration::from_millis(750);

/// How old it may be although nobody else has written: what should change it unnoticed does so for no longer.
const OLD: Duration = Duration::from_secs(60);

/// What was read lately.
pub(super) struct Lately {
    pub(super) clients: Recent<ClientId, Sight<Registered>>,
    pub(super) apis: Recent<ApiUri, Sight<Api>>,
    /// By the token's id, its client, and the role of users without one, which the configuration says.
    pub(super) standings: Recent<(String, ClientId, Option<RoleName>), Sight<Standing>>,
    /// How often this process has changed something of it.
    changes: AtomicU64,
    /// How often this process has changed something that servers keep at hand for longer.
    announcements: AtomicU64,
    began: Instant,
    /// How many milliseconds later it was last so that no other process had written since what is kept was read.
    confirmed: AtomicU64,
}

/// An enabled client and the digests of its secrets.
pub struct Registered {
    /// The client.
    pub client: LiveClient,
    pub(super) secrets: Vec<(String, Option<i64>)>,
}

impl Registered {
    /// The digests of the secrets that are good at `now`.
    pub fn secrets(&self, now: i64) -> impl Iterator<Item = &str> {
        let good = self.secrets.iter().filter(move |(_, end)| end.is_none_or(|end| end > now));
        good.map(|(digest, _)| digest.as_str())
    }
}

/// A value, when it was read, and after how many changes.
pub(super) struct Sight<V> {
    value: Arc<V>,
    at: Instant,
    changes: u64,
}

impl<V> Clone for Sight<V> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), ..*self }
    }
}

impl Lately {
    pub(super) fn new() -> Self {
        Self {
            clients: Recent::with_room_for(1024),
            apis: Recent::with_room_for(256),
            standings: Recent::with_room_for(2048),
            changes: AtomicU64::new(0),
            announcements: AtomicU64::new(0),
            began: Instant::now(),
            confirmed: AtomicU64::new(0),
        }
    }

    /// What is asked for from now on is read anew.
    pub(super) fn forget(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    /// What was read before `at`, and what no call of [`Lately::forget`] has made out of date, was still so then.
    pub(super) fn confirm(&self, at: Instant) {
        let millis = at.duration_since(self.began).as_millis().try_into().unwrap_or(u64::MAX);
        self.confirmed.store(millis, Ordering::SeqCst);
    }

    /// Whether what was read at `read` can be taken for what is there at `at`.
    fn is_fresh(&self, read: Instant, at: Instant) -> bool {
        let confirmed = self.began + Duration::from_millis(self.confirmed.load(Ordering::SeqCst));
        at.duration_since(read.max(confirmed)) < FRESH && at.duration_since(read) < OLD
    }

    /// What is kept at hand for longer is out of date.
    pub(super) fn announce(&self) {
        self.announcements.fetch_add(1, Ordering::SeqCst);
    }

    /// How often that was so.
    pub(super) fn announced(&self) -> u64 {
        self.announcements.load(Ordering::SeqCst)
    }

    /// What `read` finds, or found a moment before `at`, for `key` among `kind`.
    pub(super) async fn look<K, V, R>(
        &self,
        kind: &Recent<K, Sight<V>>,
        key: &K,
        at: Instant,
        read: impl FnOnce() -> R,
    ) -> Result<Option<Arc<V>>, Error>
    where
        K: Clone + Eq + Hash,
        R: Future<Output = Result<Option<V>, Error>>,
    {
        // Before it is read: what is changed meanwhile makes it out of date.
        let changes = self.changes.load(Ordering::SeqCst);
        let is_good = |sight: &Sight<V>| sight.changes == changes && self.is_fresh(sight.at, at);
        if let Some(sight) = kind.find(key).filter(is_good) {
            return Ok(Some(sight.value));
        }
        // Boxed, since reading is large, and whoever finds what is kept would carry the room for it about.
        let Some(value) = Box::pin(read()).await?.map(Arc::new) else { return Ok(None) };
        kind.keep(key.clone(), Sight { value: value.clone(), at, changes });
        Ok(Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Database {
        lately: Lately,
        kind: Recent<u8, Sight<i64>>,
        began: Instant,
    }

    impl Database {
        fn new() -> Self {
            Self { lately: Lately::new(), kind: Recent::with_room_for(2), began: Instant::now() }
        }

        /// What is seen so many milliseconds after the beginning, when it is `now`.
        async fn look(&self, after: u64, now: Option<i64>) -> Option<i64> {
            let (at, read) = (self.began + Duration::from_millis(after), || async { Ok(now) });
            self.lately.look(&self.kind, &1, at, read).await.unwrap().map(|value| *value)
        }
    }

    #[tokio::test]
    async fn what_others_change_is_seen_within_a_second() {
        let database = Database::new();
        assert_eq!(database.look(0, Some(1)).await, Some(1));
        assert_eq!(database.look(749, Some(2)).await, Some(1));
        assert_eq!(database.look(750, Some(2)).await, Some(2));
        assert_eq!(database.look(1500, None).await, None);
    }

    #[tokio::test]
    async fn what_nobody_changed_is_kept_as_long_as_that_is_known_and_a_minute_at_most() {
        let mut database = Database::new();
        // As if it had been opened a while before.
        database.lately.began = database.began.checked_sub(Duration::from_secs(60)).unwrap();
        let confirm = |after| database.lately.confirm(database.began + Duration::from_millis(after));
        assert_eq!(database.look(0, Some(1)).await, Some(1));
        confirm(600);
        assert_eq!(database.look(1349, Some(2)).await, Some(1));
        assert_eq!(database.look(1350, Some(2)).await, Some(2));
        (1..=79).for_each(|tick| confirm(1350 + 750 * tick));
        assert_eq!(database.look(61_349, Some(3)).await, Some(2));
        assert_eq!(database.look(61_350, Some(3)).await, Some(3));
        confirm(62_000);
        database.lately.forget();
        confirm(62_100);
        assert_eq!(database.look(62_100, Some(4)).await, Some(4));
    }

    #[tokio::test]
    async fn what_is_changed_here_is_seen_at_once() {
        let database = Database::new();
        database.look(0, Some(1)).await;
        database.lately.forget();
        assert_eq!(database.look(0, Some(2)).await, Some(2));
    }

    #[tokio::test]
    async fn what_is_changed_while_it_is_read_is_read_again() {
        let database = Database::new();
        let read = || async {
            database.lately.forget();
            Ok(Some(1))
        };
        database.lately.look(&database.kind, &1, database.began, read).await.unwrap();
        assert_eq!(database.look(0, Some(2)).await, Some(2));
    }

    #[tokio::test]
    async fn what_is_not_there_is_looked_for_each_time() {
        let database = Database::new();
        assert_eq!(database.look(0, None).await, None);
        assert_eq!(database.look(0, Some(1)).await, Some(1));
    }
}
