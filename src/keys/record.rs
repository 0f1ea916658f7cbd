//! A signing key's record: made with its private part sealed, and believed only if that opens.

use crate::clock::Clock;
use crate::model::SigningKey;

use super::jwk::thumbprint;
use super::rsa_key::{RsaKey, RsaKeyError};
use super::seal::{Place, Purpose, Seal, SealError};

/// Where the private part of the key `kid` is sealed.
pub fn place(kid: &str) -> Place<'_> {
    Place { purpose: Purpose::SigningKey, table: "signing_keys", row: kid, version: 1 }
}

/// Makes a key of `bits`, pending from the moment at which it is ready. It takes a tenth of a second, or several: call
/// it where blocking is allowed.
pub fn make(generation: i64, bits: u32, seal: &Seal, clock: &Clock) -> Result<SigningKey, RsaKeyError> {
    Ok(of(RsaKey::generate(bits)?, generation, seal, clock))
}

/// The record of `key`, pending from now on.
pub fn of(key: RsaKey, generation: i64, seal: &Seal, clock: &Clock) -> SigningKey {
    let RsaKey { bits, n, e, private } = key;
    let kid = thumbprint(&n, &e);
    let sealed = Some(seal.seal(&place(&kid), private.expose()));
    SigningKey {
        kid,
        generation,
        bits,
        n,
        e,
        sealed,
        published_at: clock.now(),
        activated_at: None,
        retired_at: None,
        revoked_at: None,
    }
}

/// Why a record is not believed.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The private part was erased.
    #[error("its private part was erased")]
    Erased,
    /// The private part does not open.
    #[error("its private part {0}")]
    Seal(#[from] SealError),
    /// What was sealed is not a key.
    #[error(transparent)]
    Key(#[from] RsaKeyError),
    /// The public part is not that of the private part.
    #[error("its public part was altered")]
    Altered,
}

/// Opens the private part, which only opens under its own `kid`, and checks that the public part belongs to
/// it. Nobody makes such a record without a sealing key, so one written into the database is not believed.
pub fn open(key: &SigningKey, seal: &Seal) -> Result<RsaKey, RecordError> {
    let sealed = key.sealed.as_deref().ok_or(RecordError::Erased)?;
    let opened = RsaKey::from_pkcs1(seal.open(&place(&key.kid), sealed)?)?;
    if opened.n == key.n && opened.e == key.e { Ok(opened) } else { Err(RecordError::Altered) }
}
