//! The URL of a Redis server. It may hold credentials, so it never shows itself whole.

use std::fmt;

use redis::{Client, IntoConnectionInfo as _};
use url::Url;

use super::values::Refusal;

/// A Redis server, written as `redis://user:password@host:port/number`, or `rediss://…` for TLS.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl(Url);

impl RedisUrl {
    /// Reads a URL. A refusal shows nothing of it.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let url = text.parse::<Url>().ok().filter(|url| {
            // What else a URL may have would choose a protocol, or switch the check of certificates off.
            let is_plain = url.query().is_none() && url.fragment().is_none();
            matches!(url.scheme(), "redis" | "rediss")
                && is_plain
                && url.clone().into_connection_info().is_ok()
        });
        let hint = "write `redis://host:6379` or, for TLS, `rediss://user:password@host:6379`, and `%40` for an \
                    `@` in the password";
        url.map(Self).ok_or(("is not the URL of a Redis server", hint.to_owned()))
    }

    /// A client of this server. Do not print it: it knows the password.
    pub fn client(&self) -> Client {
        Client::open(self.0.clone()).expect("the URL was tried when it was read")
    }
}

/// `url`, which can be read, without user and password.
pub(super) fn redacted(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://[redacted]@{host}"),
        _ => url.to_owned(),
    }
}

impl fmt::Display for RedisUrl {
    /// Without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redacted(self.0.as_str()))
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_shows_its_server_and_neither_user_nor_password() {
        for (text, shown) in [
            ("redis://127.0.0.1", "redis://127.0.0.1"),
            ("redis://:hunter2@cache.example:6380/3", "redis://[redacted]@cache.example:6380/3"),
            ("rediss://me:hunter%402@[::1]", "rediss://[redacted]@[::1]"),
            ("redis://hunter2@me@cache.example", "redis://[redacted]@cache.example"),
        ] {
            let url = RedisUrl::parse(text).unwrap();
            assert_eq!(
                (url.to_string(), format!("{url:?}")),
                (shown.to_owned(), format!("RedisUrl({shown})"))
            );
            url.client();
        }
    }

    #[test]
    fn what_is_no_url_of_redis_is_refused() {
        for text in [
            "",
            "redis",
            "redis://",
            "redis:///0",
            "redis://cache.example/zero",
            "redis://cache.example:port",
            "redis://cache.example?protocol=resp3",
            "rediss://cache.example#insecure",
            "redis+unix:///run/redis.sock",
            "http://cache.example",
        ] {
            assert!(RedisUrl::parse(text).is_err(), "{text:?}");
        }
    }
}
