//! The values of keys, and how each is read from text.
//!
//! Serde carries an error as one text, so a refusal here is two lines of it: the fault, as it follows the
//! key's name, and the way out. `settings.rs` takes them apart again.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use serde::de::{Deserialize, Deserializer, Error as _};

use super::accent::Rgb;
use super::database_url::{DatabaseUrl, beginning};
use super::logo::Logo;
use super::redis_url::RedisUrl;
use super::seconds::{NotADuration, Seconds};
use crate::protocol::{ClientId, Issuer, RoleName};

/// Which parts of the program log what: levels, also by module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter(String);

impl LogFilter {
    /// The filter in the syntax of `tracing_subscriber::filter::Targets`, which takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An enum whose variants are written as one word each.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* } $hint:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                read(deserializer, |text| match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(("is none of the words that it can be", $hint.to_owned())),
                })
            }
        }
    };
}

words! {
    /// The header in which trusted proxies name the client.
    ForwardedHeader {
        /// `X-Forwarded-For`.
        #[default]
        XForwardedFor = "x-forwarded-for",
        /// `Forwarded` ([RFC 7239](https://www.rfc-editor.org/rfc/rfc7239)).
        Forwarded = "forwarded",
    }
    "write `x-forwarded-for` or `forwarded`"
}

words! {
    /// How the log is written.
    LogFormat {
        /// One JSON object on each line.
        #[default]
        Json = "json",
        /// Lines for people.
        Human = "human",
    }
    "write `json` or `human`"
}

/// Why a text was refused: the fault as it follows the key's name, and the way out.
pub(super) type Refusal = (&'static str, String);

fn refusal<E: serde::de::Error>(value: impl fmt::Display, (fault, hint): Refusal) -> E {
    E::custom(format_args!("{fault}: `{value}`\n{hint}"))
}

/// Reads a text by `parse`.
fn read<'de, T, D: Deserializer<'de>>(
    deserializer: D,
    parse: impl FnOnce(&str) -> Result<T, Refusal>,
) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).map_err(|refused| refusal(&text, refused))
}

/// Reads a list of texts by `parse`, and names the one that is refused.
fn read_list<'de, T, D: Deserializer<'de>>(
    deserializer: D,
    parse: impl Fn(&str) -> Result<T, Refusal>,
) -> Result<Vec<T>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| parse(text).map_err(|refused| refusal(text, refused))).collect()
}

pub(super) fn issuer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Issuer, D::Error> {
    read(deserializer, |text| {
        text.parse().map_err(|e: crate::protocol::Error| ("is not an issuer", e.description().to_owned()))
    })
}

pub(super) fn role<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RoleName, D::Error> {
    read(deserializer, |text| {
        text.parse().map_err(|e: crate::protocol::Error| ("is not a role's name", e.description().to_owned()))
    })
}

pub(super) fn client<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ClientId, D::Error> {
    read(deserializer, |text| {
        text.parse().map_err(|e: crate::protocol::Error| ("is not a client id", e.description().to_owned()))
    })
}

pub(super) fn socket_addresses<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<SocketAddr>, D::Error> {
    let addresses = read_list(deserializer, |text| {
        let hint = "write an address and a port, such as `127.0.0.1:8080` or `[::1]:8080`";
        text.parse().map_err(|_| ("is not a list of socket addresses", hint.to_owned()))
    })?;
    if addresses.is_empty() {
        return Err(D::Error::custom(
            "is empty\nwrite at least one address and port, such as `127.0.0.1:8080`",
        ));
    }
    Ok(addresses)
}

/// Networks; a bare address is the network of itself.
pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    read_list(deserializer, |text| {
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let hint = "write a network or an address, such as `10.0.0.0/8` or `::1`";
        network.map(|network| network.trunc()).map_err(|_| ("is not a list of networks", hint.to_owned()))
    })
}

pub(super) fn database<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DatabaseUrl, D::Error> {
    let text = String::deserialize(deserializer)?;
    // Not by `read`: it would show the password.
    DatabaseUrl::parse(&text).map_err(|refused| refusal(beginning(&text), refused))
}

pub(super) fn redis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RedisUrl, D::Error> {
    let text = String::deserialize(deserializer)?;
    // Not by `read`: it would show the password.
    RedisUrl::parse(&text).map_err(|refused| refusal("…", refused))
}

/// What people know the server by: a line of text, short enough for the head of a page.
pub(super) fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    read(deserializer, |text| {
        let is_line = !text.trim().is_empty() && !text.contains(char::is_control);
        match is_line && text.chars().count() <= 60 {
            true => Ok(text.to_owned()),
            false => Err(("is not a name", "write one line of at most 60 characters".to_owned())),
        }
    })
}

pub(super) fn logo<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Logo, D::Error> {
    read(deserializer, |text| Logo::read(text.as_ref()))
}

pub(super) fn colour<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Rgb, D::Error> {
    let hint = || "write it as `#rrggbb`, such as `#1f5fbf`".to_owned();
    read(deserializer, |text| text.parse().map_err(|_| ("is not a colour", hint())))
}

pub(super) fn on_or_off<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    read(deserializer, |text| match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(("is neither on nor off", "write `on` or `off`".to_owned())),
    })
}

pub(super) fn log_filter<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LogFilter, D::Error> {
    read(deserializer, |text| {
        // `Targets` takes a bare word that is no level for a module's name, so `inof` would log everything
        // in a module that does not exist and nothing else.
        let is_level = |level: &str| matches!(level, "error" | "warn" | "info" | "debug" | "trace" | "off");
        let is_directive = |part: &str| match part.split_once('=') {
            Some((module, level)) => {
                let is_path = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_');
                !module.is_empty() && module.bytes().all(is_path) && is_level(level)
            }
            None => is_level(part),
        };
        if text.split(',').all(is_directive) {
            return Ok(LogFilter(text.to_owned()));
        }
        let hint = "write `error`, `warn`, `info`, `debug` or `trace`, or `info,claviger::http=debug`";
        Err(("is not a log level", hint.to_owned()))
    })
}

/// A span from `MIN` to `MAX` seconds.
pub(super) fn seconds<'de, const MIN: i64, const MAX: i64, D>(deserializer: D) -> Result<Seconds, D::Error>
where
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    let span: Seconds =
        text.parse().map_err(|e: NotADuration| refusal(&text, ("is not a duration", e.to_string())))?;
    if (MIN..=MAX).contains(&span.get()) {
        return Ok(span);
    }
    let hint = format!("write a duration from `{}` to `{}`", Seconds::new(MIN), Seconds::new(MAX));
    Err(refusal(&text, ("is out of bounds", hint)))
}

/// A number from `MIN` to `MAX`.
pub(super) fn number<'de, const MIN: u32, const MAX: u32, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: TryFrom<u32>,
    D: Deserializer<'de>,
{
    let number = i64::deserialize(deserializer)?;
    let within = u32::try_from(number).ok().filter(|number| (MIN..=MAX).contains(number));
    within
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| refusal(number, ("is out of bounds", format!("write a number from {MIN} to {MAX}"))))
}

pub(super) fn workers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    Ok(match number::<0, 1024, usize, _>(deserializer)? {
        0 => std::thread::available_parallelism().map_or(1, |processors| processors.get() - 1).max(1),
        workers => workers,
    })
}

pub(super) fn rsa_bits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match i64::deserialize(deserializer)? {
        2048 => Ok(2048),
        3072 => Ok(3072),
        4096 => Ok(4096),
        other => Err(refusal(other, ("is not a size of RSA keys", "write 2048, 3072 or 4096".to_owned()))),
    }
}
