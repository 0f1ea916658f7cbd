//! URIs that are kept as written: issuers, APIs, redirect and logout URIs, origins.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use url::{Host, Url};

use super::Error;

/// The longest URI that is taken, in bytes.
const URI_BYTES: usize = 256;

macro_rules! uri {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        pub struct $name(String);

        impl $name {
            /// The URI as it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                let check: fn(&Url, &str) -> Result<(), &'static str> = $check;
                let visible = text.len() <= URI_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte));
                let url = Url::parse(text).ok().filter(|_| visible);
                let url = url.ok_or_else(|| Error::invalid_request("not an absolute URI of at most 256 characters"))?;
                check(&url, text).map_err(Error::invalid_request)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

uri! {
    /// The issuer ([RFC 8414 §2](https://www.rfc-editor.org/rfc/rfc8414#section-2)): `https` (or `http` on a
    /// loopback host), without query, fragment, user or a slash at the end.
    Issuer, |url, text| {
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(url)) {
            return Err("an issuer begins with `https://`; `http://` only on a loopback host");
        }
        if url.query().is_some() || has_fragment_or_user(url) || text.ends_with('/') {
            return Err("an issuer has no query, fragment, user or slash at the end");
        }
        // It is compared as written, so there is one way to write it.
        if url.as_str().trim_end_matches('/') != text {
            return Err("an issuer is written in its normal form: host in lower case, no `..`, no default port");
        }
        Ok(())
    }
}

impl Issuer {
    /// The path, without a slash at the end: empty for an issuer that is only an origin.
    pub fn path(&self) -> &str {
        &self.0[self.origin().len()..]
    }

    /// The origin, as browsers write it ([RFC 6454 §6.2](https://www.rfc-editor.org/rfc/rfc6454#section-6.2)).
    pub fn origin(&self) -> &str {
        // Up to the slash after the two behind the scheme.
        self.0.match_indices('/').nth(2).map_or(&self.0, |(end, _)| &self.0[..end])
    }
}

uri! {
    /// An API: the audience of its tokens, an absolute URI without fragment
    /// ([RFC 8707 §2](https://www.rfc-editor.org/rfc/rfc8707#section-2)).
    ApiUri, |url, text| {
        if has_fragment_or_user(url) || text.contains('#') {
            return Err("an API's URI has no fragment and no user");
        }
        Ok(())
    }
}

uri! {
    /// Where an answer is sent to ([RFC 6749 §3.1.2](https://www.rfc-editor.org/rfc/rfc6749#section-3.1.2)):
    /// `https`, `http` on a loopback address, or an app's own scheme with a dot in it
    /// ([RFC 8252 §7](https://www.rfc-editor.org/rfc/rfc8252#section-7)).
    RedirectUri, |url, text| {
        if has_fragment_or_user(url) || text.contains('#') {
            return Err("a redirect URI has no fragment and no user");
        }
        match url.scheme() {
            "https" => Ok(()),
            "http" if is_loopback(url) => Ok(()),
            scheme if scheme.contains('.') => Ok(()),
            _ => Err("a redirect URI is `https`, `http` on a loopback host, or an app's scheme with a dot in it"),
        }
    }
}

impl RedirectUri {
    /// Whether an answer may go to `presented`: to the URI byte for byte, where only the port of a loopback address
    /// may differ, since an app on a device cannot choose its own ([RFC 8252 §7.3]). `localhost` is a name that may
    /// lead elsewhere (§8.3), so it is compared whole.
    ///
    /// [RFC 8252 §7.3]: https://www.rfc-editor.org/rfc/rfc8252#section-7.3
    pub fn admits(&self, presented: &Self) -> bool {
        let loopback = without_loopback_port(&self.0);
        presented == self || (loopback.is_some() && loopback == without_loopback_port(&presented.0))
    }

    /// Whether only who holds the host's certificate is answered there. On a loopback address or at an app's own scheme,
    /// any program of the device may be ([RFC 8252 §8.6]).
    ///
    /// [RFC 8252 §8.6]: https://www.rfc-editor.org/rfc/rfc8252#section-8.6
    pub fn is_https(&self) -> bool {
        self.0.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
    }

    /// The host, or the scheme of an app's own URI: what a person is shown of it.
    pub fn host(&self) -> String {
        let url = Url::parse(&self.0).expect("it was parsed when it was made");
        match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => format!("{}:", url.scheme()),
        }
    }

    /// The URI with `params` behind the query that it may have, which stays as it is
    /// ([RFC 6749 §3.1.2](https://www.rfc-editor.org/rfc/rfc6749#section-3.1.2)).
    pub fn with_query<'a>(&self, params: impl Iterator<Item = (&'a str, &'a str)>) -> String {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
        let joint = match self.0.split_once('?') {
            _ if query.is_empty() => "",
            None => "?",
            Some((_, own)) if own.is_empty() || own.ends_with('&') => "",
            Some(_) => "&",
        };
        format!("{self}{joint}{query}")
    }
}

/// The address, and what comes after the port, of an `http` URI on a loopback address.
fn without_loopback_port(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let address = ["127.0.0.1", "[::1]"].into_iter().find(|address| rest.starts_with(address))?;
    let rest = &rest[address.len()..];
    let rest = match rest.strip_prefix(':') {
        Some(port) => {
            let digits = port.bytes().take_while(u8::is_ascii_digit).count();
            port[..digits].parse::<u16>().ok()?;
            &port[digits..]
        }
        None => rest,
    };
    (rest.is_empty() || rest.starts_with(['/', '?'])).then_some((address, rest))
}

uri! {
    /// Where a client is told that a user signed out
    /// ([OpenID Connect Back-Channel Logout §2.2](https://openid.net/specs/openid-connect-backchannel-1_0.html#BCRegistration)):
    /// `https`, or `http` on a loopback host.
    LogoutUri, |url, text| {
        if has_fragment_or_user(url) || text.contains('#') {
            return Err("a back-channel logout URI has no fragment and no user");
        }
        if url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url)) {
            Ok(())
        } else {
            Err("a back-channel logout URI is `https`, or `http` on a loopback host")
        }
    }
}

uri! {
    /// A web origin ([RFC 6454 §6.2](https://www.rfc-editor.org/rfc/rfc6454#section-6.2)), as browsers write it.
    Origin, |url, text| {
        if url.origin().ascii_serialization() == text { Ok(()) } else { Err("an origin is `scheme://host[:port]`, in lower case") }
    }
}

fn has_fragment_or_user(url: &Url) -> bool {
    url.fragment().is_some() || !url.username().is_empty() || url.password().is_some()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_an_origin_and_a_path() {
        for (issuer, origin, path) in [
            ("https://id.example.com", "https://id.example.com", ""),
            ("http://localhost:8080", "http://localhost:8080", ""),
            ("https://id.example.com/a/b", "https://id.example.com", "/a/b"),
        ] {
            let issuer: Issuer = issuer.parse().unwrap();
            assert_eq!((issuer.origin(), issuer.path()), (origin, path));
        }
    }

    fn admits(registered: &str, presented: &str) -> bool {
        let presented = presented.parse();
        presented.is_ok_and(|presented| registered.parse::<RedirectUri>().unwrap().admits(&presented))
    }

    #[test]
    fn a_redirect_uri_is_compared_byte_for_byte() {
        let registered = "https://app.example.com/cb?a=b";
        assert!(admits(registered, registered));
        for other in [
            "https://app.example.com/cb",
            "https://app.example.com/cb?a=b&c=d",
            "https://app.example.com/cb?a=b#f",
            "https://app.example.com:443/cb?a=b",
            "https://APP.example.com/cb?a=b",
            "https://app.example.com/./cb?a=b",
            "http://app.example.com/cb?a=b",
        ] {
            assert!(!admits(registered, other), "{other}");
        }
    }

    #[test]
    fn only_the_port_of_a_loopback_address_may_differ() {
        for (registered, presented) in [
            ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb"),
            ("http://127.0.0.1:8000/cb", "http://127.0.0.1/cb"),
            ("http://[::1]:8000/cb?a", "http://[::1]:9000/cb?a"),
        ] {
            assert!(admits(registered, presented), "{presented}");
        }
        for (registered, presented) in [
            ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb2"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb/../cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:99999/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:1@evil.example.com/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1.evil.example.com/cb"),
            ("http://127.0.0.1/cb", "http://[::1]/cb"),
            ("http://127.0.0.1/cb", "https://127.0.0.1:1/cb"),
            ("http://localhost:8000/cb", "http://localhost:9000/cb"),
            ("https://127.0.0.1:8000/cb", "https://127.0.0.1:9000/cb"),
        ] {
            assert!(!admits(registered, presented), "{presented}");
        }
    }
}
