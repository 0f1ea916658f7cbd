//! Sealing: what lies in the database can be read and written only with a sealing key.
//!
//! A sealed value is `<generation>.<base64url(nonce | ciphertext | tag)>`: AES-256-GCM with a random nonce,
//! under a key that HKDF derives from the sealing key of that generation for one [`Purpose`]. The place of
//! the value is its associated data, so a value that was moved to another row or column does not open.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::custody::SealingKeys;
use super::derive::derive;
use crate::protocol::Secret;

/// What kind of value is sealed; each kind has its own key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The root secret.
    Root,
    /// The private part of a signing key.
    SigningKey,
    /// A password hash.
    PasswordHash,
}

impl Purpose {
    const ALL: [Self; 3] = [Self::Root, Self::SigningKey, Self::PasswordHash];

    /// The name in the HKDF `info` and the associated data. It never changes: values are sealed with it.
    fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::SigningKey => "signing key",
            Self::PasswordHash => "password hash",
        }
    }
}

/// Where a sealed value belongs. All of it must be the same when it is opened.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The kind of the value.
    pub purpose: Purpose,
    /// The table.
    pub table: &'a str,
    /// The row's id.
    pub row: &'a str,
    /// The row's version, for rows whose old values must not come back; otherwise 1.
    pub version: i64,
}

impl Place<'_> {
    /// The associated data: every part with its length before it, so that no two places look alike.
    fn associated_data(&self) -> Aad<Vec<u8>> {
        let mut data = Vec::with_capacity(96);
        for part in [self.purpose.name(), self.table, self.row] {
            data.extend_from_slice(&(part.len() as u64).to_be_bytes());
            data.extend_from_slice(part.as_bytes());
        }
        data.extend_from_slice(&self.version.to_be_bytes());
        Aad::from(data)
    }
}

/// Why a sealed value was not opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The key that sealed it is not here.
    #[error(
        "is sealed with generation {0}, and there is no sealing key of that generation\n\
         hint: put `sealing-{0}.key` back where the other sealing keys are"
    )]
    UnknownGeneration(u32),
    /// Another key sealed it, or it was altered or moved.
    #[error(
        "does not open with the sealing key of generation {0}: the value was altered or moved, \
         or another key sealed it\n\
         hint: use the sealing keys and the database of the same installation"
    )]
    Refused(u32),
    /// It is not a sealed value.
    #[error("is not a sealed value")]
    Malformed,
}

/// Seals and opens values. Clones share their keys, so all of them see a [`replace`](Self::replace).
#[derive(Clone)]
pub struct Seal(Arc<ArcSwap<Generations>>);

/// The derived keys of every generation.
type Generations = BTreeMap<u32, PurposeKeys>;

/// One key for each of [`Purpose::ALL`], in its order.
struct PurposeKeys([RandomizedNonceKey; Purpose::ALL.len()]);

impl PurposeKeys {
    fn derive(sealing_key: &Secret<[u8; 32]>) -> Self {
        Self(Purpose::ALL.map(|purpose| {
            let info = format!("claviger seal: {}", purpose.name());
            let key = derive(sealing_key.expose(), info.as_bytes());
            RandomizedNonceKey::new(&AES_256_GCM, key.expose()).expect("an AES-256 key is 32 bytes")
        }))
    }

    fn of(&self, purpose: Purpose) -> &RandomizedNonceKey {
        &self.0[purpose as usize]
    }
}

impl Seal {
    /// Seals with the newest of `keys` and opens with any of them.
    pub fn new(keys: &SealingKeys) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(derive_all(keys))))
    }

    /// Goes on with other sealing keys, as they were read anew.
    pub fn replace(&self, keys: &SealingKeys) {
        self.0.store(Arc::new(derive_all(keys)));
    }

    /// Seals `plaintext` for `place` with the newest generation.
    pub fn seal(&self, place: &Place<'_>, plaintext: &[u8]) -> String {
        let generations = self.0.load();
        let (generation, keys) =
            generations.last_key_value().expect("custody holds at least one sealing key");

        let mut sealed = Vec::with_capacity(NONCE_LEN + plaintext.len() + AES_256_GCM.tag_len());
        sealed.extend_from_slice(&[0; NONCE_LEN]);
        sealed.extend_from_slice(plaintext);
        let (nonce, tag) = keys
            .of(place.purpose)
            .seal_in_place_separate_tag(place.associated_data(), &mut sealed[NONCE_LEN..])
            .expect("AES-GCM seals what fits into memory");
        sealed[..NONCE_LEN].copy_from_slice(nonce.as_ref());
        sealed.extend_from_slice(tag.as_ref());
        format!("{generation}.{}", URL_SAFE_NO_PAD.encode(&sealed))
    }

    /// Opens a value that was sealed for `place`.
    pub fn open(&self, place: &Place<'_>, sealed: &str) -> Result<Secret<Vec<u8>>, SealError> {
        let (generation, bytes) = parse(sealed)?;
        let generations = self.0.load();
        let keys = generations.get(&generation).ok_or(SealError::UnknownGeneration(generation))?;

        let mut bytes = URL_SAFE_NO_PAD.decode(bytes).map_err(|_| SealError::Malformed)?;
        let (nonce, ciphertext) = bytes.split_first_chunk_mut::<NONCE_LEN>().ok_or(SealError::Malformed)?;
        let plaintext = keys
            .of(place.purpose)
            .open_in_place(Nonce::from(&*nonce), place.associated_data(), ciphertext)
            .map_err(|_| SealError::Refused(generation))?;
        let length = plaintext.len();
        bytes.copy_within(NONCE_LEN..NONCE_LEN + length, 0);
        bytes.truncate(length);
        Ok(Secret::new(bytes))
    }

    /// The value sealed anew with the newest generation; `None` if that is what seals it already.
    pub fn reseal(&self, place: &Place<'_>, sealed: &str) -> Result<Option<String>, SealError> {
        if generation_of(sealed)? == self.newest() {
            return Ok(None);
        }
        let plaintext = self.open(place, sealed)?;
        Ok(Some(self.seal(place, plaintext.expose())))
    }

    /// The generations that open, in ascending order.
    pub fn generations(&self) -> impl Iterator<Item = u32> {
        self.0.load().keys().copied().collect::<Vec<_>>().into_iter()
    }

    /// The generation that seals.
    pub fn newest(&self) -> u32 {
        *self.0.load().last_key_value().expect("custody holds at least one sealing key").0
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seal({:?})", self.0.load().keys())
    }
}

fn derive_all(keys: &SealingKeys) -> Generations {
    keys.iter().map(|(generation, key)| (generation, PurposeKeys::derive(key))).collect()
}

/// The generation that a value was sealed with.
pub fn generation_of(sealed: &str) -> Result<u32, SealError> {
    parse(sealed).map(|(generation, _)| generation)
}

/// Splits a sealed value into its generation, written in one way only, and its base64url.
fn parse(sealed: &str) -> Result<(u32, &str), SealError> {
    let (generation, bytes) = sealed.split_once('.').ok_or(SealError::Malformed)?;
    let number: u32 = generation.parse().map_err(|_| SealError::Malformed)?;
    if number.to_string() == generation { Ok((number, bytes)) } else { Err(SealError::Malformed) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLACE: Place<'_> =
        Place { purpose: Purpose::SigningKey, table: "signing_keys", row: "kid-1", version: 1 };

    fn seal(generations: &[u32]) -> Seal {
        Seal::new(&SealingKeys::of_tests(generations))
    }

    fn opened(seal: &Seal, place: &Place<'_>, sealed: &str) -> Result<Vec<u8>, SealError> {
        seal.open(place, sealed).map(|secret| secret.expose().clone())
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_at_its_place(
            plaintext in proptest::collection::vec(any::<u8>(), 0..200),
            table in ".{0,12}",
            row in ".{0,12}",
            version: i64,
        ) {
            let seal = seal(&[1]);
            let place = Place { purpose: Purpose::PasswordHash, table: &table, row: &row, version };
            let sealed = seal.seal(&place, &plaintext);
            prop_assert_eq!(opened(&seal, &place, &sealed), Ok(plaintext));
        }

        #[test]
        fn any_text_is_refused(text in "[0-9]{0,3}\\.?[A-Za-z0-9_-]{0,80}") {
            prop_assert!(seal(&[1, 2]).open(&PLACE, &text).is_err());
        }
    }

    #[test]
    fn a_value_with_any_bit_flipped_is_refused() {
        let seal = seal(&[1, 3]);
        let sealed = seal.seal(&PLACE, b"private");
        for index in 0..sealed.len() {
            for bit in 0..7 {
                let mut altered = sealed.clone().into_bytes();
                altered[index] ^= 1 << bit;
                let altered = String::from_utf8(altered).unwrap();
                assert!(seal.open(&PLACE, &altered).is_err(), "{altered}");
            }
        }
    }

    #[test]
    fn a_value_opens_only_at_its_own_place() {
        let seal = seal(&[1]);
        let sealed = seal.seal(&PLACE, b"private");
        for elsewhere in [
            Place { purpose: Purpose::PasswordHash, ..PLACE },
            Place { table: "users", ..PLACE },
            Place { row: "kid-2", ..PLACE },
            Place { table: "signing_key", row: "skid-1", ..PLACE },
            Place { version: 2, ..PLACE },
        ] {
            assert_eq!(opened(&seal, &elsewhere, &sealed), Err(SealError::Refused(1)), "{elsewhere:?}");
        }
    }

    #[test]
    fn the_newest_generation_seals_and_older_ones_open() {
        let seal = seal(&[1]);
        let old = seal.seal(&PLACE, b"private");
        let elsewhere = seal.clone();
        seal.replace(&SealingKeys::of_tests(&[1, 2]));

        assert_eq!(elsewhere.newest(), 2, "clones share their keys");
        let new = elsewhere.reseal(&PLACE, &old).unwrap().unwrap();
        assert_eq!((generation_of(&old), generation_of(&new)), (Ok(1), Ok(2)));
        assert_eq!(opened(&seal, &PLACE, &old).unwrap(), b"private");
        assert_eq!(opened(&seal, &PLACE, &new).unwrap(), b"private");
        assert_eq!(seal.reseal(&PLACE, &new), Ok(None));
    }

    #[test]
    fn an_unknown_generation_is_not_a_tampered_value() {
        let sealed = seal(&[2]).seal(&PLACE, b"private");
        assert_eq!(opened(&seal(&[1]), &PLACE, &sealed), Err(SealError::UnknownGeneration(2)));
        let respelled = format!("0{sealed}");
        for malformed in ["", &respelled, "1", "1.", ".AAAA", "+1.AAAA", "1.AAAA=", "1.AAAA", "1.é"] {
            assert_eq!(opened(&seal(&[1]), &PLACE, malformed), Err(SealError::Malformed), "{malformed}");
        }
    }

    #[test]
    fn a_value_sealed_twice_looks_different() {
        let seal = seal(&[1]);
        assert_ne!(seal.seal(&PLACE, b"private"), seal.seal(&PLACE, b"private"));
    }

    #[test]
    fn every_purpose_finds_its_own_key() {
        for (index, purpose) in Purpose::ALL.into_iter().enumerate() {
            assert_eq!(purpose as usize, index);
        }
    }
}
