//! A map that keeps what was asked for lately, and never grows beyond its room.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// Two halves: when the new one is full it becomes the old one, and what nobody asked for since is dropped with the
/// old one before it.
pub struct Recent<K, V> {
    halves: Mutex<Halves<K, V>>,
    half: usize,
}

struct Halves<K, V> {
    new: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Eq + Hash, V: Clone> Recent<K, V> {
    /// An empty map with room for so many entries.
    pub fn with_room_for(entries: usize) -> Self {
        let halves = Mutex::new(Halves { new: HashMap::new(), old: HashMap::new() });
        Self { halves, half: entries / 2 }
    }

    /// What is kept for `key`.
    pub fn find<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = halves.new.get(key) {
            return Some(value.clone());
        }
        let (key, value) = halves.old.remove_entry(key)?;
        halves.keep(key, value.clone(), self.half);
        Some(value)
    }

    /// Keeps `value` for `key`.
    pub fn keep(&self, key: K, value: V) {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        halves.keep(key, value, self.half);
    }
}

impl<K: Eq + Hash, V> Halves<K, V> {
    fn keep(&mut self, key: K, value: V, half: usize) {
        if self.new.len() >= half && !self.new.contains_key(&key) {
            self.old = std::mem::take(&mut self.new);
        }
        self.new.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_what_is_not_goes() {
        let recent = Recent::with_room_for(200);
        recent.keep(0, 0);
        for key in 1..=10_000 {
            recent.keep(key, -key);
            assert_eq!(recent.find(&0), Some(0), "at {key}");
        }
        assert_eq!((recent.find(&10_000), recent.find(&1)), (Some(-10_000), None));
    }

    #[test]
    fn at_the_cap_it_is_no_larger() {
        let recent = Recent::with_room_for(200);
        for key in 0..10_000 {
            recent.keep(key, ());
            let halves = recent.halves.lock().unwrap();
            assert!(halves.new.len() + halves.old.len() <= 200);
        }
    }

    #[test]
    fn what_is_kept_anew_is_found_anew() {
        let recent = Recent::with_room_for(2);
        recent.keep("key", 1);
        recent.keep("other", 1);
        recent.keep("key", 2);
        assert_eq!(recent.find("key"), Some(2));
    }
}
