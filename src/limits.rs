//! Login limits: how often anybody may try a password, or a client's secret.
//!
//! For passwords there are tiers, each a bucket that starts full and refills one by one (GCRA). They are kept
//! in memory, or for several nodes together in Redis; while Redis is away each node goes by what it has in
//! memory. A refusal takes nothing from the tiers behind it, so the narrow ones are asked first: an address
//! that is refused costs its neighbours nothing. Names that do not exist count like those that do.
//!
//! What is easily got wrong: call [`Limits::admit_prefix`] once the client is authenticated, then
//! [`Limits::admit_account`], and both before the hashing queue; in place of both [`Limits::admit_device`] for a
//! browser that the user is known to have signed in with. Each call takes from the buckets; there is nothing to undo
//! after a successful sign-in.

pub mod lockout;
mod memory;
mod quotas;
mod secrets;
mod shared;
mod store;

use std::net::IpAddr;

use aws_lc_rs::hmac;

use crate::clock::Clock;
use crate::config::RedisUrl;
use crate::protocol::{ClientId, Error, Issuer, Username};
use memory::Memory;
pub use quotas::{Quotas, Tier};
use secrets::WrongSecrets;
use shared::Shared;

/// A limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the login limit `{}` is reached", tier.as_str())]
pub struct Refused {
    /// The limit that is reached.
    pub tier: Tier,
    /// Whole seconds until the next attempt is taken, at least one.
    pub retry_after: u64,
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::too_many_requests("too many attempts to sign in, please wait", refused.retry_after)
            .because(refused)
    }
}

/// The limits of one server. Restarting it forgets what is in memory; what must be remembered is in
/// [`lockout`].
pub struct Limits(Option<Tiers>);

struct Tiers {
    key: hmac::Key,
    memory: Memory,
    shared: Option<Shared>,
    secrets: WrongSecrets,
    clock: Clock,
}

/// A bucket: its tier, and the hash of what it counts.
type Bucket = (Tier, u64);

impl Limits {
    /// Limits by `quotas` on `clock`, in memory.
    ///
    /// `key` is a secret for this purpose alone: without it nobody can choose names that share a bucket.
    pub fn new(quotas: Quotas, key: &[u8; 32], clock: &Clock) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        let memory = Memory::new(quotas, clock);
        Self(Some(Tiers { key, memory, shared: None, secrets: WrongSecrets::new(), clock: clock.clone() }))
    }

    /// The same, but shared by `quotas` through the Redis at `url` with the other nodes of `issuer`, which
    /// have the same key; what is in memory decides while Redis is away. Waits for Redis for a second at most,
    /// and goes on without.
    pub async fn shared(self, quotas: Quotas, url: &RedisUrl, issuer: &Issuer) -> Self {
        let Some(mut tiers) = self.0 else { return self };
        let installation = tiers.hash(&[issuer.as_str().as_bytes()]);
        tiers.shared = Some(Shared::open(quotas, url, installation).await);
        Self(Some(tiers))
    }

    /// No limits at all, for load tests (`login = "off"`).
    pub fn off() -> Self {
        Self(None)
    }

    /// Whether attempts are limited at all.
    pub fn are_on(&self) -> bool {
        self.0.is_some()
    }

    /// Counts an attempt from `ip` by `client`, if it names one.
    pub async fn admit_prefix(&self, ip: IpAddr, client: Option<&ClientId>) -> Result<(), Refused> {
        let Some(tiers) = &self.0 else { return Ok(()) };
        let prefix = (Tier::Prefix, tiers.hash(&[&network(ip, NARROW)]));
        let wide = (Tier::Wide, tiers.hash(&[&network(ip, WIDE)]));
        match client {
            None => tiers.admit(&[prefix, wide]).await,
            Some(client) => {
                let client = (Tier::Client, tiers.hash(&[client.as_str().as_bytes()]));
                tiers.admit(&[prefix, wide, client]).await
            }
        }
    }

    /// Counts an attempt from `ip` on the account of `username`, whether or not it exists.
    pub async fn admit_account(&self, ip: IpAddr, username: &Username) -> Result<(), Refused> {
        let Some(tiers) = &self.0 else { return Ok(()) };
        let account = tiers.hash(&[&network(ip, NARROW), username.as_str().as_bytes()]);
        tiers.admit(&[(Tier::Account, account)]).await
    }

    /// Counts an attempt from the known device `device` of `username`, whatever its address: what strangers use up around
    /// it is not taken from its owner. Nor do they use up what all devices of a user share, since they have none.
    pub async fn admit_device(&self, device: &str, username: &Username) -> Result<(), Refused> {
        let Some(tiers) = &self.0 else { return Ok(()) };
        let device = (Tier::Device, tiers.hash(&[device.as_bytes()]));
        tiers.admit(&[device, (Tier::Devices, tiers.hash(&[username.as_str().as_bytes()]))]).await
    }

    /// Seconds until the secret of `client` may be tried again from `ip`; `None` when it may be now. Each node counts
    /// by itself.
    pub fn secret_wait(&self, ip: IpAddr, client: &ClientId) -> Option<u64> {
        let tiers = self.0.as_ref()?;
        tiers.secrets.wait(tiers.secret(ip, client), tiers.clock.monotonic())
    }

    /// Counts a wrong secret of `client` from `ip`, whether or not there is such a client.
    pub fn secret_failed(&self, ip: IpAddr, client: &ClientId) {
        if let Some(tiers) = &self.0 {
            tiers.secrets.failed(tiers.secret(ip, client), tiers.clock.monotonic());
        }
    }

    /// Forgets the keys whose buckets are full again. To be called every few seconds: keys leave memory no
    /// other way.
    pub fn sweep(&self) {
        if let Some(tiers) = &self.0 {
            tiers.memory.sweep();
        }
    }

    /// Looks for the shared limits for ever, while they are away; returns at once when there are none.
    pub async fn keep_shared(&self) {
        if let Some(shared) = self.0.as_ref().and_then(|tiers| tiers.shared.as_ref()) {
            shared.keep().await;
        }
    }

    /// How many keys are held in memory, in all tiers together.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |tiers| tiers.memory.len())
    }

    /// Whether no key is held in memory.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Tiers {
    /// Takes from each of `buckets`, in their order, or refuses.
    async fn admit(&self, buckets: &[Bucket]) -> Result<(), Refused> {
        if let Some(shared) = &self.shared
            && let Some(answer) = shared.admit(buckets).await
        {
            return answer;
        }
        buckets.iter().try_for_each(|bucket| self.memory.admit(*bucket))
    }

    fn secret(&self, ip: IpAddr, client: &ClientId) -> u64 {
        self.hash(&[&network(ip, NARROW), client.as_str().as_bytes()])
    }

    /// The first 64 bits of HMAC-SHA256, which is here already and costs nothing beside a password hash; the
    /// standard library's keyed SipHash is deprecated.
    fn hash(&self, parts: &[&[u8]]) -> u64 {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            context.update(part);
        }
        let tag = context.sign();
        u64::from_be_bytes(*tag.as_ref().first_chunk().expect("a SHA-256 tag has 32 bytes"))
    }
}

/// Lengths of an IPv4 and an IPv6 prefix, in bits.
type Lengths = (u32, u32);

const NARROW: Lengths = (32, 64);
const WIDE: Lengths = (24, 48);

/// The network that `ip` lies in. IPv4 stands in its IPv6-mapped form, so that both spellings are one.
fn network(ip: IpAddr, (v4, v6): Lengths) -> [u8; 16] {
    let (bits, length) = match ip.to_canonical() {
        IpAddr::V4(ip) => (u128::from(ip.to_ipv6_mapped()), 96 + v4),
        IpAddr::V6(ip) => (u128::from(ip), v6),
    };
    (bits & (u128::MAX << (128 - length))).to_be_bytes()
}

/// The network that an attempt is counted for: the IPv4 address, or the IPv6 /64.
pub fn prefix(ip: IpAddr) -> [u8; 16] {
    network(ip, NARROW)
}

#[cfg(test)]
mod tests;
