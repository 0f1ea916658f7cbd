//! The server's root secret, and the one key that each purpose derives from it.
//!
//! The root lies sealed in the database and is used for nothing itself. A purpose's key is
//! HKDF-SHA256 ([RFC 5869]) of the root with the purpose as `info`, so no key serves two purposes.
//!
//! [RFC 5869]: https://www.rfc-editor.org/rfc/rfc5869

use std::fmt;

use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroize as _;

use crate::protocol::Secret;
use crate::random::Random;

/// What a derived key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// What is stored of a refresh token.
    RefreshTokenHash,
    /// A refresh token's successor.
    RefreshTokenSuccessor,
    /// What is stored of an authorization code.
    AuthorizationCodeHash,
    /// The subjects that only the clients of one sector are told.
    PairwiseSubject,
    /// The ids of sessions that only the clients of one sector are told.
    PairwiseSession,
    /// What is stored of a client secret.
    ClientSecretHash,
    /// An account in the login limiter.
    LimiterAccount,
    /// An account whose failed sign-ins are counted.
    FailedAccount,
    /// An address prefix from which an account signed in.
    KnownPrefix,
    /// What is stored of a session's cookie.
    SessionHash,
    /// The proof in a known-device cookie.
    KnownDevice,
    /// The token that binds a form to the browser it was shown in.
    CsrfToken,
}

impl Purpose {
    /// The HKDF `info`. A text is never changed or used again: what was derived with it is stored.
    fn info(self) -> &'static [u8] {
        match self {
            Self::RefreshTokenHash => b"claviger root: refresh token hash",
            Self::RefreshTokenSuccessor => b"claviger root: refresh token successor",
            Self::AuthorizationCodeHash => b"claviger root: authorization code hash",
            Self::PairwiseSubject => b"claviger root: pairwise subject",
            Self::PairwiseSession => b"claviger root: pairwise session",
            Self::ClientSecretHash => b"claviger root: client secret hash",
            Self::LimiterAccount => b"claviger root: limiter account",
            Self::FailedAccount => b"claviger root: failed account",
            Self::KnownPrefix => b"claviger root: known prefix",
            Self::SessionHash => b"claviger root: session hash",
            Self::KnownDevice => b"claviger root: known device",
            Self::CsrfToken => b"claviger root: csrf token",
        }
    }
}

/// The secret of a whole installation: 32 random bytes that stay the same for its lifetime.
#[derive(Clone, Debug)]
pub struct Root(Secret<[u8; 32]>);

impl Root {
    /// Makes a new root.
    pub fn generate(random: &Random) -> Self {
        Self(Secret::new(random.bytes()))
    }

    /// Takes a root as it was stored; `None` if it is not 32 bytes.
    pub fn from_bytes(bytes: &Secret<Vec<u8>>) -> Option<Self> {
        bytes.expose().as_slice().try_into().ok().map(|bytes| Self(Secret::new(bytes)))
    }

    /// The root itself, to be sealed and stored.
    pub fn bytes(&self) -> &Secret<[u8; 32]> {
        &self.0
    }

    /// The key of one purpose.
    pub fn derive(&self, purpose: Purpose) -> Secret<[u8; 32]> {
        derive(self.0.expose(), purpose.info())
    }

    /// The successors of refresh tokens.
    pub fn successors(&self) -> Successors {
        Successors(Salt::new(HKDF_SHA256, self.derive(Purpose::RefreshTokenSuccessor).expose()))
    }

    /// The keyed hash of one purpose.
    pub fn keyed_hash(&self, purpose: Purpose) -> KeyedHash {
        KeyedHash(hmac::Key::new(HMAC_SHA256, self.derive(purpose).expose()))
    }
}

/// 32 bytes of HKDF-SHA256 without salt: the secrets that come here are uniformly random already.
pub(super) fn derive(secret: &[u8], info: &[u8]) -> Secret<[u8; 32]> {
    let mut key = [0; 32];
    Salt::none(HKDF_SHA256)
        .extract(secret)
        .expand(&[info], HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut key))
        .expect("HKDF-SHA256 gives one block of 32 bytes for any input");
    let derived = Secret::new(key);
    key.zeroize();
    derived
}

/// HMAC-SHA256 under the key of one purpose: a hash that only this installation can compute.
#[derive(Clone)]
pub struct KeyedHash(hmac::Key);

impl KeyedHash {
    /// The hash of `message`. Whoever joins several values into one message makes their borders unambiguous.
    pub fn digest(&self, message: &[u8]) -> [u8; 32] {
        hmac::sign(&self.0, message).as_ref().try_into().expect("HMAC-SHA256 gives 32 bytes")
    }

    /// The hash as it is stored: 43 characters of base64url.
    pub fn text(&self, message: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.digest(message))
    }

    /// Whether `text` is the hash of `message`, compared in constant time.
    pub fn verify(&self, message: &[u8], text: &str) -> bool {
        URL_SAFE_NO_PAD.decode(text).is_ok_and(|tag| hmac::verify(&self.0, message, &tag).is_ok())
    }
}

/// From the secret of a refresh token to that of its one successor: HKDF-SHA256 under this installation's key.
pub struct Successors(Salt);

impl Successors {
    /// The secret of the token of `generation` in `family`, whose parent's secret is `parent`.
    pub fn derive(&self, parent: &[u8; 32], family: &[u8; 16], generation: i64) -> [u8; 32] {
        let mut secret = [0; 32];
        self.0
            .extract(parent)
            .expand(&[family, &generation.to_be_bytes()], HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut secret))
            .expect("HKDF-SHA256 gives one block of 32 bytes for any input");
        secret
    }
}

impl fmt::Debug for KeyedHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const PURPOSES: [Purpose; 12] = [
        Purpose::RefreshTokenHash,
        Purpose::RefreshTokenSuccessor,
        Purpose::AuthorizationCodeHash,
        Purpose::PairwiseSubject,
        Purpose::PairwiseSession,
        Purpose::ClientSecretHash,
        Purpose::LimiterAccount,
        Purpose::FailedAccount,
        Purpose::KnownPrefix,
        Purpose::SessionHash,
        Purpose::KnownDevice,
        Purpose::CsrfToken,
    ];

    fn root(byte: u8) -> Root {
        Root::from_bytes(&Secret::new(vec![byte; 32])).unwrap()
    }

    #[test]
    fn every_purpose_of_every_root_has_its_own_key() {
        let keys: HashSet<[u8; 32]> = [root(1), root(2)]
            .iter()
            .flat_map(|root| PURPOSES.map(|purpose| *root.derive(purpose).expose()))
            .collect();
        assert_eq!(keys.len(), 2 * PURPOSES.len());
    }

    /// A changed derivation would orphan every stored hash.
    #[test]
    fn a_derived_hash_never_changes() {
        assert_eq!(
            root(7).keyed_hash(Purpose::RefreshTokenHash).text(b"message"),
            "hQrP1yzPYYj4QIXhVEsruhGq-ByOaRM_vQwoBpU2ZZk"
        );
    }

    #[test]
    fn a_keyed_hash_verifies_its_own_message_alone() {
        let hash = root(1).keyed_hash(Purpose::ClientSecretHash);
        let text = hash.text(b"secret");
        assert_eq!(text.len(), 43);
        assert!(hash.verify(b"secret", &text));
        assert!(!hash.verify(b"Secret", &text));
        assert!(!hash.verify(b"secret", &text[..42]));
        assert!(!hash.verify(b"secret", "not base64url!"));
        assert!(!root(1).keyed_hash(Purpose::LimiterAccount).verify(b"secret", &text));
    }

    #[test]
    fn a_root_is_32_bytes_and_never_shows_itself() {
        assert!(Root::from_bytes(&Secret::new(vec![1; 31])).is_none());
        assert_eq!(format!("{:?}", root(1)), "Root([redacted])");
        assert_eq!(format!("{:?}", root(1).keyed_hash(Purpose::KnownPrefix)), "[redacted]");
    }
}
