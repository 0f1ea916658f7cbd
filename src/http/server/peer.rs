//! Who asks: the client's address, also behind proxies.
//!
//! The TCP peer is the client, unless it is a trusted proxy. Then the one configured header is read from right
//! to left, which is the order of trust: each hop was written by the one to its right, and the first that is
//! not a proxy of ours is the client. What stands further left is the client's own invention, and so is a
//! header of any other name.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use hyper::HeaderMap;
use ipnet::{IpNet, Ipv4Net};

use crate::config::ForwardedHeader;

/// Where a request comes from; a request extension, read with `warp::ext::get::<Peer>()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The client, as far as trusted proxies vouch for it. An IPv4 address is never written as IPv6.
    pub client: IpAddr,
    /// The other end of the connection: the client itself or a proxy.
    pub tcp: SocketAddr,
}

/// The proxies whose word counts, and the header they give it in.
#[derive(Debug, Default)]
pub(super) struct Proxies {
    networks: Vec<IpNet>,
    header: ForwardedHeader,
}

impl Proxies {
    pub(super) fn new(networks: Vec<IpNet>, header: ForwardedHeader) -> Self {
        Self { networks: networks.into_iter().map(canonical).collect(), header }
    }

    /// Whether `address`, in canonical form, is a trusted proxy.
    pub(super) fn contain(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// The client's address for a request that came over a connection from `tcp`.
    ///
    /// A malformed hop ends the walk at the nearest well-formed one: the proxy that passed it on.
    pub(super) fn client(&self, tcp: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = tcp.to_canonical();
        if !self.contain(client) {
            return client;
        }
        let read = match self.header {
            ForwardedHeader::XForwardedFor => node,
            ForwardedHeader::Forwarded => forwarded_for,
        };
        for line in headers.get_all(name(self.header)).iter().rev() {
            let Ok(line) = line.to_str() else { return client };
            // Quotes are matched from the right too, or one opened by the client would swallow a proxy's hop.
            let mut quoted = false;
            let hops = line.rsplit(|c| {
                quoted ^= c == '"';
                c == ',' && !quoted
            });
            for hop in hops {
                let Some(address) = read(hop) else { return client };
                client = address.to_canonical();
                if !self.contain(client) {
                    return client;
                }
            }
        }
        client
    }
}

fn name(header: ForwardedHeader) -> &'static str {
    match header {
        ForwardedHeader::XForwardedFor => "x-forwarded-for",
        ForwardedHeader::Forwarded => "forwarded",
    }
}

/// `::ffff:10.0.0.0/104` is `10.0.0.0/8`, since addresses are compared in canonical form.
fn canonical(network: IpNet) -> IpNet {
    let mapped = |v6: ipnet::Ipv6Net| {
        let length = v6.prefix_len().checked_sub(96)?;
        Ipv4Net::new(v6.addr().to_ipv4_mapped()?, length).ok()
    };
    match network {
        IpNet::V6(v6) => mapped(v6).map_or(network, IpNet::V4),
        IpNet::V4(_) => network,
    }
}

/// An address with or without a port, IPv6 with or without brackets.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim_matches([' ', '\t']);
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(with_port).or_else(bracketed)
}

/// The one `for` of a forwarded element (RFC 7239 §4); obfuscated names are no addresses.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    // No address needs an escape, and an escaped quote would be taken for a real one.
    if element.contains('\\') {
        return None;
    }
    let mut found = None;
    let mut quoted = false;
    let pairs = element.split(|c| {
        quoted ^= c == '"';
        c == ';' && !quoted
    });
    for pair in pairs {
        let (name, value) = pair.trim_matches([' ', '\t']).split_once('=')?;
        if name.eq_ignore_ascii_case("for") {
            let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            if found.replace(node(unquoted.unwrap_or(value))?).is_some() {
                return None;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    fn client(header: ForwardedHeader, tcp: &str, lines: &[&str]) -> String {
        let networks = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(HeaderName::from_static(name(header)), HeaderValue::from_str(line).unwrap());
        }
        Proxies::new(networks.into(), header).client(tcp.parse().unwrap(), &headers).to_string()
    }

    use ForwardedHeader::{Forwarded, XForwardedFor};

    #[test]
    fn an_untrusted_peer_is_the_client_whatever_it_says() {
        assert_eq!(client(XForwardedFor, "203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(client(Forwarded, "::ffff:203.0.113.9", &["for=198.51.100.1"]), "203.0.113.9");
    }

    #[test]
    fn the_first_untrusted_hop_from_the_right_is_the_client() {
        assert_eq!(client(XForwardedFor, "10.0.0.1", &["6.6.6.6, 203.0.113.9, 10.0.0.2"]), "203.0.113.9");
        assert_eq!(client(XForwardedFor, "10.0.0.1", &["6.6.6.6", "203.0.113.9", "10.0.0.2"]), "203.0.113.9");
        assert_eq!(client(XForwardedFor, "::ffff:10.0.0.1", &["::ffff:203.0.113.9"]), "203.0.113.9");
        assert_eq!(client(XForwardedFor, "fd00::1", &["[2001:db8::7]:443"]), "2001:db8::7");
        assert_eq!(
            client(
                Forwarded,
                "10.0.0.1",
                &["for=6.6.6.6, For=\"[2001:db8::7]:443\";by=10.0.0.2;proto=https"]
            ),
            "2001:db8::7"
        );
    }

    #[test]
    fn with_proxies_alone_the_farthest_is_the_client() {
        assert_eq!(client(XForwardedFor, "10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client(XForwardedFor, "10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
    }

    #[test]
    fn a_malformed_hop_leaves_the_proxy_that_passed_it_on() {
        for hop in ["", "unknown", "203.0.113.9;", "203.0.113", "6.6.6.6, ", "203.0.113.9 x", "\u{fc}"] {
            assert_eq!(client(XForwardedFor, "10.0.0.1", &[hop]), "10.0.0.1", "{hop}");
            assert_eq!(client(XForwardedFor, "10.0.0.1", &["6.6.6.6", hop]), "10.0.0.1", "{hop}");
        }
        assert_eq!(client(XForwardedFor, "10.0.0.1", &["6.6.6.6, nonsense, 10.0.0.2"]), "10.0.0.2");
        for element in ["for=unknown", "for=_secret", "by=6.6.6.6", "for=6.6.6.6;for=7.7.7.7", "for=", "for"]
        {
            assert_eq!(client(Forwarded, "10.0.0.1", &[element]), "10.0.0.1", "{element}");
        }
    }

    #[test]
    fn quotes_opened_by_the_client_do_not_swallow_a_proxys_hop() {
        let said = ["for=6.6.6.6;x=\"", "\"", "for=\"6.6.6.6", "for=6.6.6.6;x=\"a\\"];
        for said in said {
            let line = format!("{said}, for=\"[2001:db8::7]\";by=10.0.0.2");
            assert_eq!(client(Forwarded, "10.0.0.1", &[&line]), "2001:db8::7", "{said}");
        }
        // A host that the client chose, quoted by the proxy.
        let line = r#"for=203.0.113.9;host="a\",for=6.6.6.6;x=\"b""#;
        assert_eq!(client(Forwarded, "10.0.0.1", &[line]), "10.0.0.1");
        let line = r#"for=203.0.113.9;host="a,for=6.6.6.6;x=b""#;
        assert_eq!(client(Forwarded, "10.0.0.1", &[line]), "203.0.113.9");
    }

    #[test]
    fn a_mapped_network_means_the_ipv4_one() {
        let proxies = Proxies::new(vec!["::ffff:10.0.0.0/104".parse().unwrap()], XForwardedFor);
        assert!(proxies.contain("10.9.9.9".parse().unwrap()));
        assert!(!proxies.contain("11.0.0.1".parse().unwrap()));
    }

    proptest! {
        /// Rule 28: whatever a client sends, the hop that the nearest proxy appends decides.
        #[test]
        fn nothing_a_client_sends_outweighs_the_proxys_hop(said in proptest::collection::vec("[ -~\t]{0,60}", 0..4), own_line: bool) {
            for (header, hop) in [(XForwardedFor, "203.0.113.9"), (Forwarded, "for=203.0.113.9")] {
                let mut lines = said.clone();
                match lines.last_mut() {
                    Some(last) if !own_line => *last = format!("{last}, {hop}"),
                    _ => lines.push(hop.to_owned()),
                }
                let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                prop_assert_eq!(client(header, "10.0.0.1", &lines), "203.0.113.9");
            }
        }
    }
}
