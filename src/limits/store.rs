//! Where governor keeps its buckets: one map per tier, all tiers together under one cap.
//!
//! A key that finds no room shares its tier's overflow bucket with all others that found none. So a full
//! store is stricter, never open, and nothing is evicted to make room.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use governor::nanos::Nanos;
use governor::state::keyed::{DashMapStateStore, ShrinkableKeyedStateStore};
use governor::state::{InMemoryState, NotKeyed, StateStore};

/// Counts the keys of all tiers.
pub(super) struct Room {
    taken: AtomicUsize,
    cap: usize,
}

struct Full;

impl Room {
    /// Room for `cap` keys.
    pub(super) fn new(cap: usize) -> Self {
        Self { taken: AtomicUsize::new(0), cap }
    }

    /// How many keys there are.
    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    fn take(&self) -> Result<InMemoryState, Full> {
        let one_more = |taken| (taken < self.cap).then_some(taken + 1);
        self.taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .map(|_| InMemoryState::default())
            .map_err(|_| Full)
    }

    fn give_back(&self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The buckets of one tier.
pub(super) struct Store {
    buckets: DashMapStateStore<u64>,
    overflow: InMemoryState,
    room: Arc<Room>,
}

impl Store {
    /// An empty store that takes its keys' room from `room`.
    pub(super) fn new(room: Arc<Room>) -> Self {
        Self { buckets: DashMapStateStore::default(), overflow: InMemoryState::default(), room }
    }
}

impl StateStore for Store {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, key: &u64, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        if let Some(bucket) = self.buckets.get(key) {
            return bucket.measure_and_replace(&NotKeyed::NonKey, decide);
        }
        match self.buckets.entry(*key).or_try_insert_with(|| self.room.take()) {
            Ok(bucket) => bucket.measure_and_replace(&NotKeyed::NonKey, decide),
            Err(Full) => self.overflow.measure_and_replace(&NotKeyed::NonKey, decide),
        }
    }
}

impl ShrinkableKeyedStateStore<u64> for Store {
    fn retain_recent(&self, drop_below: Nanos) {
        self.buckets.retain(|_, bucket| {
            let keep = full_again_at(bucket) > Some(drop_below);
            if !keep {
                self.room.give_back();
            }
            keep
        });
    }

    fn len(&self) -> usize {
        self.buckets.len()
    }

    fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }
}

/// When the bucket is full again. governor gives the value only to a decision, so this decides against.
fn full_again_at(bucket: &InMemoryState) -> Option<Nanos> {
    let refuse = |at: Option<Nanos>| Err::<((), Nanos), _>(at);
    bucket.measure_and_replace(&NotKeyed::NonKey, refuse).err().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn use_once(store: &Store, key: u64) {
        let decide = |_| Ok::<_, ()>(((), Nanos::new(1)));
        store.measure_and_replace(&key, decide).unwrap();
    }

    #[test]
    fn threads_that_meet_at_the_cap_leave_it_intact() {
        let room = Arc::new(Room::new(1_000));
        let stores = [Store::new(room.clone()), Store::new(room.clone())];
        for round in 0..20 {
            std::thread::scope(|scope| {
                for thread in 0..4 {
                    let store = &stores[thread % 2];
                    scope.spawn(move || (0..700).for_each(|key| use_once(store, key)));
                }
            });
            assert_eq!(room.taken(), 1_000, "round {round}");
            assert_eq!(stores.iter().map(|store| store.len()).sum::<usize>(), 1_000);
            stores.iter().for_each(|store| store.retain_recent(Nanos::new(1)));
            assert_eq!(room.taken(), 0);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn two_million_keys_cost_less_than_64_mib() {
        let kib = |field| {
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
            line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
        };
        let before = kib("VmRSS:");
        let room = Arc::new(Room::new(1_000_000));
        let stores = [(); 4].map(|()| Store::new(room.clone()));
        for key in 0..2_000_000_u64 {
            use_once(&stores[usize::try_from(key % 4).unwrap()], key);
        }
        assert_eq!(room.taken(), 1_000_000);
        let grown = kib("VmHWM:").saturating_sub(before) / 1024;
        println!("{grown} MiB for a million keys");
        assert!(grown < 64, "{grown} MiB");
    }
}
