//! The tiers of the login limits and what each of them takes.

use std::num::NonZeroU32;

/// How many attempts a minute each tier takes, and how many keys all tiers together hold.
///
/// A bucket holds one minute's attempts, so a fresh key may use all of them at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// One account from one address prefix (IPv4 /32, IPv6 /64), or from one browser that its user signed in with.
    pub account: NonZeroU32,
    /// One address prefix (IPv4 /32, IPv6 /64), or all browsers together that one user signed in with.
    pub prefix: NonZeroU32,
    /// One network (IPv4 /24, IPv6 /48).
    pub wide: NonZeroU32,
    /// One client, wherever it is.
    pub client: NonZeroU32,
    /// Keys held at most. A million take about 36 MiB.
    pub keys: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        let per_minute = |attempts| NonZeroU32::new(attempts).expect("the defaults are not zero");
        Self {
            account: per_minute(5),
            prefix: per_minute(30),
            wide: per_minute(300),
            client: per_minute(600),
            keys: 1_000_000,
        }
    }
}

impl Quotas {
    /// The part of one node of `nodes`, rounded down, and at least one attempt.
    pub fn part(self, nodes: NonZeroU32) -> Self {
        let part = |quota: NonZeroU32| NonZeroU32::new(quota.get() / nodes).unwrap_or(NonZeroU32::MIN);
        Self {
            account: part(self.account),
            prefix: part(self.prefix),
            wide: part(self.wide),
            client: part(self.client),
            keys: self.keys,
        }
    }

    /// The attempts a minute of `tier`.
    pub(super) fn of(&self, tier: Tier) -> NonZeroU32 {
        match tier {
            // A device speaks for one account, as an address does.
            Tier::Account | Tier::Device => self.account,
            Tier::Prefix | Tier::Devices => self.prefix,
            Tier::Wide => self.wide,
            Tier::Client => self.client,
        }
    }
}

/// Which limit refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tier {
    /// One account from one address prefix.
    Account,
    /// One address prefix.
    Prefix,
    /// One network.
    Wide,
    /// One client.
    Client,
    /// One browser that a user signed in with before, wherever it is.
    Device,
    /// All browsers together that one user signed in with before.
    Devices,
}

impl Tier {
    pub(super) const ALL: [Self; 6] =
        [Self::Account, Self::Prefix, Self::Wide, Self::Client, Self::Device, Self::Devices];

    /// The tier's name in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Prefix => "prefix",
            Self::Wide => "wide",
            Self::Client => "client",
            Self::Device => "device",
            Self::Devices => "devices",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_divide_the_quotas_between_them_and_none_is_left_without() {
        let part = |nodes| Quotas::default().part(NonZeroU32::new(nodes).unwrap());
        let numbers = |quotas: Quotas| Tier::ALL.map(|tier| quotas.of(tier).get());
        assert_eq!(part(1), Quotas::default());
        assert_eq!(numbers(part(2)), [2, 15, 150, 300, 2, 15]);
        assert_eq!(numbers(part(3)), [1, 10, 100, 200, 1, 10]);
        assert_eq!(numbers(part(1_000)), [1; 6]);
        assert_eq!(part(3).keys, Quotas::default().keys, "memory is a node's own");
    }
}
