//! Configuration: what an operator can set, each key with its default, its bounds and whether a reload
//! is enough.
//!
//! A key is read from a flag, else from the environment, else from `claviger.toml`, else from its default
//! here. What comes out is checked: a [`Config`] that exists is one that the server can run with, so nothing
//! is checked twice. Unknown keys and unknown `CLAVIGER_` variables are refused; a typing error never
//! silently means the default.
//!
//! The doc comments of the fields are also the comments of the template that `claviger config show
//! --template` prints, and the words "Needs a restart" in them are what [`Loaded::adopt`] obeys: the two
//! cannot disagree.

mod accent;
mod check;
mod database;
mod database_url;
mod fetch;
mod key;
mod load;
mod logo;
mod pages;
mod redis_url;
mod seconds;
mod sessions;
mod settings;
mod show;
mod tokens;
mod values;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use ipnet::IpNet;

use crate::protocol::{ClientId, Issuer, RoleName};

pub use crate::fault::Fault;
pub use accent::{DARK_GROUND, LIGHT_GROUND, Rgb};
pub use database::Database;
pub use database_url::DatabaseUrl;
pub use fetch::Fetch;
pub use load::{Loaded, Sources};
pub use logo::Logo;
pub use pages::Pages;
pub use redis_url::RedisUrl;
pub use seconds::{NotADuration, Seconds};
pub use sessions::Sessions;
pub use show::template;
pub use tokens::Tokens;
pub use values::{ForwardedHeader, LogFilter, LogFormat};

use seconds::{DAY, HOUR, MINUTE};

/// The longest lifetime that an access token can be given, anywhere: retired keys stay published for this
/// long.
pub const LONGEST_ACCESS_TOKEN: Seconds = Seconds::new(HOUR);

/// Configuration of claviger.
///
/// Every key can also be set in the environment, where `keys.rotate_every` is `CLAVIGER_KEYS_ROTATE_EVERY`
/// and lists are separated by commas; a flag of `claviger serve` comes before both. Times are written as
/// `90s`, `10m`, `24h` or `30d`. On SIGHUP the server reads this file again and obeys it at once, but for
/// keys marked "Needs a restart".
#[derive(Clone, Debug, PartialEq, confique::Config)]
pub struct Config {
    /// The URL by which the world knows this server: the `iss` of its tokens. `https`, or `http` on a
    /// loopback host; no slash at the end. Such as `https://id.example.com`.
    /// Needs a restart.
    #[config(deserialize_with = values::issuer)]
    pub issuer: Issuer,

    /// Addresses to listen on. Needs a restart.
    #[config(default = ["127.0.0.1:8080"], deserialize_with = values::socket_addresses)]
    pub listen: Vec<SocketAddr>,

    /// Networks of the reverse proxies in front of this server: only they are believed when they say who
    /// the client is. Without this, every client behind a proxy has the proxy's address and they share
    /// one login limit.
    #[config(default = [], deserialize_with = values::networks)]
    pub trusted_proxies: Vec<IpNet>,

    /// The header in which trusted proxies name the client: `x-forwarded-for` or `forwarded` (RFC 7239).
    #[config(default = "x-forwarded-for")]
    pub forwarded_header: ForwardedHeader,

    /// Serving HTTPS without a proxy.
    #[config(nested)]
    pub tls: Tls,

    /// Where everything is kept.
    #[config(nested)]
    pub database: Database,

    /// Signing and sealing keys.
    #[config(nested)]
    pub keys: Keys,

    /// How long tokens live.
    #[config(nested)]
    pub tokens: Tokens,

    /// Sessions of browsers that a user signed in with.
    #[config(nested)]
    pub sessions: Sessions,

    /// Login limits. Attempts are counted by minute, for known and unknown users alike.
    #[config(nested)]
    pub limits: Limits,

    /// Password hashing.
    #[config(nested)]
    pub passwords: Passwords,

    /// Users.
    #[config(nested)]
    pub users: Users,

    /// Clients.
    #[config(nested)]
    pub clients: Clients,

    /// Requests that the server makes itself, to URLs that were registered.
    #[config(nested)]
    pub fetch: Fetch,

    /// The pages that people see.
    #[config(nested)]
    pub pages: Pages,

    /// Connections: how long a peer may take, and how many there may be.
    #[config(nested)]
    pub server: Server,

    /// The log, which goes to standard error.
    #[config(nested)]
    pub log: Log,

    /// The audit trail, a table of the database.
    #[config(nested)]
    pub audit: Audit,
}

/// `[tls]`: both files, or neither.
#[derive(Clone, Debug, PartialEq, confique::Config)]
pub struct Tls {
    /// The certificate chain, a PEM file that a reload reads again. Needs a restart for another path.
    certificate: Option<PathBuf>,

    /// The certificate's private key, a PEM file that a reload reads again. Needs a restart for another path.
    key: Option<PathBuf>,
}

impl Tls {
    /// The certificate chain and its private key; `None` when TLS is left to a proxy.
    pub fn files(&self) -> Option<(&Path, &Path)> {
        self.certificate.as_deref().zip(self.key.as_deref())
    }
}

/// `[keys]`.
#[derive(Clone, Debug, PartialEq, confique::Config)]
pub struct Keys {
    /// The directory of the sealing keys; a relative path starts at the working directory. Needs a restart.
    #[config(default = "keys")]
    pub directory: PathBuf,

    /// The size of new signing keys: 2048, 3072 or 4096.
    #[config(default = 2048, deserialize_with = values::rsa_bits)]
    pub rsa_bits: u32,

    /// How long a signing key is used before the next takes over, from `1h` to `365d`.
    #[config(default = "30d", deserialize_with = values::seconds::<HOUR, { 365 * DAY }, _>)]
    pub rotate_every: Seconds,

    /// How long others may keep a copy of the JWKS, from `0s` to `24h`: a new key is published for this
    /// long, and then some, before it signs. Needs a restart; lower it only when no rotation is near, since
    /// copies that were made before may be kept as long as was said then.
    #[config(default = "5m", deserialize_with = values::seconds::<0, DAY, _>)]
    pub jwks_max_age: Seconds,
}

impl Keys {
    /// How long a key is published before it signs: until every copy of the JWKS has it, whoever polls
    /// late (15 s) or has a wrong clock (60 s) included; never under ten minutes.
    pub fn lead(&self) -> Seconds {
        Seconds::new((self.jwks_max_age.get() + 15 + 60).max(10 * MINUTE))
    }
}

/// `[limits]`.
#[derive(Clone, Debug, PartialEq, confique::Config)]
pub struct Limits {
    /// `on`; `off` is for load tests only: passwords can then be guessed at any speed. Needs a restart.
    #[config(default = "on", deserialize_with = values::on_or_off)]
    pub login: bool,

    /// Attempts on one account from one address prefix (/32 or /64). Needs a restart.
    #[config(default = 5, deserialize_with = values::number::<1, 1_000_000, _, _>)]
    pub account_per_minute: NonZeroU32,

    /// Attempts from one address prefix (/32 or /64), whatever the account. Needs a restart.
    #[config(default = 30, deserialize_with = values::number::<1, 1_000_000, _, _>)]
    pub prefix_per_minute: NonZeroU32,

    /// Attempts from one wide prefix (/24 or /48). Needs a restart.
    #[config(default = 300, deserialize_with = values::number::<1, 1_000_000, _, _>)]
    pub wide_per_minute: NonZeroU32,

    /// Attempts through one client. Needs a restart.
    #[config(default = 600, deserialize_with = values::number::<1, 1_000_000, _, _>)]
    pub client_per_minute: NonZeroU32,

    /// Servers between which requests are balanced: each takes its part of these numbers, and at least one.
    /// Needs a restart.
    #[config(default = 1, deserialize_with = values::number::<1, 1_000, _, _>)]
    pub nodes: NonZeroU32,

    /// The Redis server through which all nodes share these numbers undivided, as `redis://host:6379` or
    /// `rediss://user:password@host:6379` for TLS. While it is away, each node takes its part. Needs a
    /// restart.
    #[config(deserialize_with = values::redis)]
    pub shared: Option<RedisUrl>,
}

/// `[passwords]`.
#[derive(Clone, Debug, PartialEq, confique::Config)]
pub struct Passwords {
    /// Rounds of PBKDF2-HMAC-SHA256 for new hashes, at least 600000; weaker hashes are renewed when their
    /// owner signs in. Needs a restart.
    #[config(default = 600_000, deserialize_with = values::number::<600_000, 10_000_000, _, _>)]
    pub rounds: u32,

    /// Passwords that are hashed at the same time; 0 is one fewer than there are processors, and at least
    /// one. Needs a restart.
    #[config(default = 0, deserialize_with = values::workers)]
    pub workers: usize,
}

/// `[users]`.
#[derive(Clone, Debug, PartialEq, confique::Config)]
pub struct Users {
    /// The role of users who have none.
    #[config(deserialize_with = values::role)]
    pub default_role: Option<RoleName>,
}

/// `[clients]`.
#[derive(Clone, Debug, PartialEq, confique::Config)]
pub struct Clients {
    /// The first-party client as which requests are served that name no client, as FastAPI's
    /// `OAuth2PasswordBearer` sends them.
    #[config(deserialize_with = values::client)]
    pub default: Option<ClientId>,

    /// How long the old secret stays good after `claviger client rotate-secret`, from `0s` to `30d`.
    #[config(default = "24h", deserialize_with = values::seconds::<0, { 30 * DAY }, _>)]
    pub secret_overlap: Seconds,
}

/// `[server]`.
#[derive(Clone, Debug, PartialEq, confique::Config)]
pub struct Server {
    /// Time to send the headers of a request. Needs a restart.
    #[config(default = "10s", deserialize_with = values::seconds::<1, { 5 * MINUTE }, _>)]
    pub header_timeout: Seconds,

    /// Time to send the body of a request. Needs a restart.
    #[config(default = "15s", deserialize_with = values::seconds::<1, { 5 * MINUTE }, _>)]
    pub body_timeout: Seconds,

    /// Time for a request as a whole, the answer included. Needs a restart.
    #[config(default = "30s", deserialize_with = values::seconds::<1, { 10 * MINUTE }, _>)]
    pub request_timeout: Seconds,

    /// How long a connection may be silent between requests. Needs a restart.
    #[config(default = "75s", deserialize_with = values::seconds::<1, HOUR, _>)]
    pub idle_timeout: Seconds,

    /// How long requests under way may take to end when the server stops, up to `25s`. Needs a restart.
    #[config(default = "25s", deserialize_with = values::seconds::<0, 25, _>)]
    pub drain_timeout: Seconds,

    /// Open connections. Needs a restart.
    #[config(default = 4096, deserialize_with = values::number::<1, 1_000_000, _, _>)]
    pub connections: usize,

    /// Open connections from one address prefix (/32 or /64). Needs a restart.
    #[config(default = 256, deserialize_with = values::number::<1, 1_000_000, _, _>)]
    pub connections_per_prefix: usize,
}

/// `[log]`.
#[derive(Clone, Debug, PartialEq, confique::Config)]
pub struct Log {
    /// `json` or `human`. Needs a restart.
    #[config(default = "json")]
    pub format: LogFormat,

    /// `error`, `warn`, `info`, `debug` or `trace`; for single modules as in `info,claviger::http=debug`.
    #[config(default = "info", deserialize_with = values::log_filter)]
    pub level: LogFilter,
}

/// `[audit]`.
#[derive(Clone, Debug, PartialEq, confique::Config)]
pub struct Audit {
    /// How long audit events are kept, from `1d` to `3650d`.
    #[config(default = "400d", deserialize_with = values::seconds::<DAY, { 3650 * DAY }, _>)]
    pub retention: Seconds,
}
