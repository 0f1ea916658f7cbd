//! URIs that are compared as written: issuers, APIs, redirect URIs and origins.

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
        let after_scheme = self.0.find("://").map_or(0, |at| at + 3);
        self.0[after_scheme..].find('/').map_or("", |at| &self.0[after_scheme + at..])
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
