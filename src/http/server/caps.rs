//! How many connections may be open, in all and from one address prefix.
//!
//! The map is keyed by what strangers choose, and bounded by the cap in all: an entry lives only as long as one
//! of its connections.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use super::Limits;

/// Counts open connections.
#[derive(Debug)]
pub(super) struct Caps {
    total: usize,
    per_prefix: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    prefixes: HashMap<Prefix, usize>,
    /// Set when a connection was refused for the cap in all, until half of them have gone: one warning a flood.
    full: bool,
}

/// An IPv4 address, or the IPv6 network that one subscriber usually has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Prefix {
    Slash32(u32),
    Slash64(u64),
}

impl Prefix {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::Slash32(v4.to_bits()),
            IpAddr::V6(v6) => Self::Slash64((v6.to_bits() >> 64) as u64),
        }
    }
}

/// One open connection; counted until it is dropped.
#[derive(Debug)]
pub(super) struct Admission {
    caps: Arc<Caps>,
    prefix: Option<Prefix>,
}

impl Caps {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        let open = Mutex::default();
        Arc::new(Self { total: limits.connections, per_prefix: limits.connections_per_prefix, open })
    }

    /// Admits a connection from `address`, unless too many are open. Everybody comes through a trusted `proxy`,
    /// so it is under the cap in all only.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr, proxy: bool) -> Option<Admission> {
        let mut open = self.open();
        if open.total >= self.total {
            if !open.full {
                open.full = true;
                tracing::warn!(connections = open.total, "refusing connections: as many are open as may be");
            }
            return None;
        }
        let prefix = (!proxy).then(|| Prefix::of(address));
        if let Some(prefix) = prefix {
            let same = open.prefixes.entry(prefix).or_default();
            if *same >= self.per_prefix {
                return None;
            }
            *same += 1;
        }
        open.total += 1;
        Some(Admission { caps: self.clone(), prefix })
    }

    /// How many connections are open.
    pub(super) fn connections(&self) -> usize {
        self.open().total
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().expect("nothing panics while it counts connections")
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut open = self.caps.open();
        open.total -= 1;
        open.full &= open.total > self.caps.total / 2;
        if let Some(prefix) = self.prefix
            && let Entry::Occupied(mut same) = open.prefixes.entry(prefix)
        {
            *same.get_mut() -= 1;
            if *same.get() == 0 {
                same.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps(connections: usize, connections_per_prefix: usize) -> Arc<Caps> {
        Caps::new(&Limits { connections, connections_per_prefix, ..Limits::default() })
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_prefix_has_its_share_and_no_more() {
        let caps = caps(9, 2);
        let first = caps.admit(address("192.0.2.1"), false);
        let _second = caps.admit(address("::ffff:192.0.2.1"), false).unwrap();
        assert!(caps.admit(address("192.0.2.1"), false).is_none());
        let _neighbour = caps.admit(address("192.0.2.2"), false).unwrap();
        drop(first);
        assert!(caps.admit(address("192.0.2.1"), false).is_some());
    }

    #[test]
    fn a_whole_ipv6_network_shares_one_cap() {
        let caps = caps(9, 1);
        let _first = caps.admit(address("2001:db8::1"), false).unwrap();
        assert!(caps.admit(address("2001:db8::ffff:2"), false).is_none());
        assert!(caps.admit(address("2001:db8:0:1::1"), false).is_some());
    }

    #[test]
    fn a_trusted_proxy_is_under_the_cap_in_all_only() {
        let caps = caps(3, 1);
        let admitted: Vec<_> = (0..5).map_while(|_| caps.admit(address("10.0.0.1"), true)).collect();
        assert_eq!(admitted.len(), 3);
        assert!(caps.admit(address("192.0.2.1"), false).is_none());
    }

    #[test]
    fn at_the_cap_the_map_is_no_larger_and_afterwards_it_is_empty() {
        let caps = caps(100, 2);
        let strangers = (0..1000u32).map(|n| IpAddr::V4(n.into()));
        let admitted: Vec<_> = strangers.filter_map(|address| caps.admit(address, false)).collect();
        assert_eq!((admitted.len(), caps.connections(), caps.open().prefixes.len()), (100, 100, 100));
        drop(admitted);
        assert_eq!((caps.connections(), caps.open().prefixes.len()), (0, 0));
    }
}
