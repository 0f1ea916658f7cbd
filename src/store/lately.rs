//! What was read a moment ago and is asked for again with every request: clients, APIs, what tokens rest on.
//!
//! It is taken again for [`FRESH`] at most, so that what another process changes is obeyed within a second. What this
//! one changes is obeyed at once: the writer makes all of it out of date after such a change is committed and before it
//! is answered. Nothing that is written rests on it; a transaction reads for itself. Only what is there is kept, so
//! nobody fills it with names that they invent.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::{Error, LiveClient, Standing};
use crate::model::Api;
use crate::protocol::{ApiUri, ClientId};
use crate::recent::Recent;

/// How old it may be. A time of the real world, whatever the server's clock says: what it tells of was changed in the
/// real world too.
const FRESH: Duration = Duration::from_millis(750);

/// What was read lately.
pub(super) struct Lately {
    pub(super) clients: Recent<ClientId, Sight<Registered>>,
    pub(super) apis: Recent<ApiUri, Sight<Api>>,
    pub(super) standings: Recent<(String, ClientId), Sight<Standing>>,
    /// How often this process has changed something of it.
    changes: AtomicU64,
    /// How often this process has changed something that servers keep at hand for longer.
    announcements: AtomicU64,
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
        }
    }

    /// What is asked for from now on is read anew.
    pub(super) fn forget(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
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
        let is_good = |sight: &Sight<V>| sight.changes == changes && at.duration_since(sight.at) < FRESH;
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
