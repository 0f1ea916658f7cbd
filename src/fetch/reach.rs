//! Which addresses may be called: those of the public Internet, and what the operator allows besides.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The addresses that may be called.
pub(super) struct Reach {
    allowed: Vec<IpNet>,
    is_everywhere: bool,
}

impl Reach {
    /// Public addresses, and those in `allowed`.
    pub(super) fn new(allowed: Vec<IpNet>) -> Self {
        Self { allowed, is_everywhere: false }
    }

    /// Every address.
    pub(super) fn everywhere() -> Self {
        Self { allowed: Vec::new(), is_everywhere: true }
    }

    /// Whether every address may be called.
    pub(super) fn is_everywhere(&self) -> bool {
        self.is_everywhere
    }

    /// Whether `address` may be called.
    pub(super) fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.is_everywhere
            || is_public(address)
            || self.allowed.iter().any(|network| network.contains(&address))
    }
}

fn networks<N: std::str::FromStr>(texts: &[&str]) -> Vec<N> {
    texts.iter().map(|text| text.parse().ok().expect("a literal is a network")).collect()
}

/// Networks that are not the public Internet's
/// ([IANA](https://www.iana.org/assignments/iana-ipv4-special-registry)), and clouds' addresses for their own
/// machines.
static NOT_PUBLIC_V4: LazyLock<Vec<Ipv4Net>> = LazyLock::new(|| {
    networks(&[
        "0.0.0.0/8",        // this network
        "10.0.0.0/8",       // private
        "100.64.0.0/10",    // shared by carriers; Alibaba's metadata
        "127.0.0.0/8",      // loopback
        "168.63.129.16/32", // Azure's own, a public address that means the host of a virtual machine
        "169.254.0.0/16",   // link-local; most clouds' metadata
        "172.16.0.0/12",    // private
        "192.0.0.0/24",     // protocol assignments; Oracle's metadata
        "192.0.2.0/24",     // documentation
        "192.88.99.0/24",   // 6to4 relays
        "192.168.0.0/16",   // private
        "198.18.0.0/15",    // benchmarks
        "198.51.100.0/24",  // documentation
        "203.0.113.0/24",   // documentation
        "224.0.0.0/4",      // multicast
        "240.0.0.0/4",      // reserved, broadcast
    ])
});

/// Parts of `2000::/3` that are not the public Internet's
/// ([IANA](https://www.iana.org/assignments/iana-ipv6-special-registry)).
static NOT_PUBLIC_V6: LazyLock<Vec<Ipv6Net>> = LazyLock::new(|| {
    networks(&[
        "2001::/23",     // protocol assignments; Teredo, which wraps IPv4 addresses
        "2001:db8::/32", // documentation
        "2002::/16",     // 6to4, which wraps IPv4 addresses
        "3fff::/20",     // documentation
    ])
});

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match translated(address) {
            Some(address) => is_public_v4(address),
            // All else is unassigned or local: loopback, link-local, unique local, multicast, IPv4-compatible.
            None => {
                address.segments()[0] & 0xe000 == 0x2000
                    && !NOT_PUBLIC_V6.iter().any(|network| network.contains(&address))
            }
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !NOT_PUBLIC_V4.iter().any(|network| network.contains(&address))
}

/// The IPv4 host behind an address of NAT64 ([RFC 6052 §2.1]), by which networks without IPv4 reach it.
///
/// [RFC 6052 §2.1]: https://www.rfc-editor.org/rfc/rfc6052#section-2.1
fn translated(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reach(allowed: &[&str]) -> Reach {
        Reach::new(networks(allowed))
    }

    #[test]
    fn only_public_addresses_are_called() {
        let reach = reach(&[]);
        for (class, addresses) in [
            ("unspecified", &["0.0.0.0", "0.1.2.3", "::"][..]),
            ("loopback", &["127.0.0.1", "127.255.255.254", "::1"]),
            ("private", &["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fdff::1"]),
            ("carrier's", &["100.64.0.1", "100.127.255.255"]),
            ("link-local", &["169.254.0.1", "fe80::1", "febf::1", "fec0::1"]),
            (
                "metadata",
                &["169.254.169.254", "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254"],
            ),
            ("multicast", &["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"]),
            ("broadcast, reserved", &["255.255.255.255", "240.0.0.1", "4000::1", "5f00::1", "8000::1"]),
            ("documentation", &["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"]),
            ("benchmarks", &["198.18.0.1", "198.19.255.255", "2001:2::1"]),
            ("discard", &["100::1"]),
            ("IPv4-mapped", &["::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254"]),
            ("IPv4-compatible", &["::10.0.0.1", "::127.0.0.1", "::8.8.8.8"]),
            (
                "NAT64",
                &["64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::8.8.8.8"],
            ),
            ("6to4", &["2002:0a00:0001::1", "2002:7f00:0001::", "2002:0808:0808::1", "192.88.99.1"]),
            ("Teredo", &["2001:0:4136:e378:8000:63bf:3fff:fdd2"]),
        ] {
            for address in addresses {
                assert!(!reach.allows(address.parse().unwrap()), "{class}: {address}");
            }
        }
        for address in [
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "168.63.129.17",
            "172.15.255.255",
            "172.32.0.1",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
        ] {
            assert!(reach.allows(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn what_the_operator_allows_is_called_in_every_spelling_and_nothing_beside_it() {
        let reach = reach(&["10.1.0.0/16", "::1/128"]);
        for (address, is_allowed) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("::1", true),
            ("10.2.0.1", false),
            ("127.0.0.1", false),
            ("64:ff9b::10.1.2.3", false),
        ] {
            assert_eq!(reach.allows(address.parse().unwrap()), is_allowed, "{address}");
        }
    }

    proptest! {
        #[test]
        fn an_ipv4_address_is_judged_alike_in_its_mapped_and_translated_form(bits: u32) {
            let (reach, address) = (reach(&[]), Ipv4Addr::from_bits(bits));
            let translated = Ipv6Addr::from_bits(0x64_ff9b << 96 | u128::from(bits));
            let verdict = reach.allows(address.into());
            prop_assert_eq!(reach.allows(address.to_ipv6_mapped().into()), verdict);
            prop_assert_eq!(reach.allows(translated.into()), verdict);
        }
    }
}
