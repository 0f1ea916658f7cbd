//! RSA keys: made by `aws-lc-rs`, and read and checked with the `rsa` crate here, and nowhere else.
//!
//! The `rsa` crate uses no private key. Signing and verifying are `aws-lc-rs`'s too, which is blinded and constant
//! in time (RUSTSEC-2023-0071).

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::RsaPrivateKey;
use rsa::pkcs1::{DecodeRsaPrivateKey as _, EncodeRsaPrivateKey as _};
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::traits::PublicKeyParts as _;

use crate::protocol::Secret;

/// The sizes that a key may have, in bits.
pub const SIZES: [u32; 3] = [2048, 3072, 4096];

/// A private key and its public part.
#[derive(Clone, Debug)]
pub struct RsaKey {
    /// The size of the modulus.
    pub bits: u32,
    /// The modulus, base64url.
    pub n: String,
    /// The public exponent, base64url.
    pub e: String,
    /// The whole key, PKCS#1 DER ([RFC 8017 §A.1.2](https://www.rfc-editor.org/rfc/rfc8017#appendix-A.1.2)).
    pub private: Secret<Vec<u8>>,
}

/// Why a key is not used.
#[derive(Debug, thiserror::Error)]
pub enum RsaKeyError {
    /// It is not a key, or its parts do not fit together.
    #[error("not a consistent RSA key: {0}")]
    Inconsistent(Box<dyn std::error::Error + Send + Sync>),
    /// It has a size or a public exponent that we do not use.
    #[error("not an RSA key of 2048, 3072 or 4096 bits with the public exponent 65537")]
    Unsupported,
}

impl RsaKey {
    /// Makes a key. It takes a tenth of a second, or several: call it where blocking is allowed.
    pub fn generate(bits: u32) -> Result<Self, RsaKeyError> {
        let size = match bits {
            2048 => KeySize::Rsa2048,
            3072 => KeySize::Rsa3072,
            4096 => KeySize::Rsa4096,
            _ => return Err(RsaKeyError::Unsupported),
        };
        let inconsistent = |cause: Box<dyn std::error::Error + Send + Sync>| RsaKeyError::Inconsistent(cause);
        let pair = KeyPair::generate(size).map_err(|cause| inconsistent(cause.into()))?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|cause| inconsistent(cause.into()))?;
        let key = RsaPrivateKey::from_pkcs8_der(der.as_ref()).map_err(|cause| inconsistent(cause.into()))?;
        let der = key.to_pkcs1_der().map_err(|cause| inconsistent(cause.into()))?;
        Self::from_pkcs1(Secret::new(der.as_bytes().to_vec()))
    }

    /// Reads a key from PKCS#1 DER and checks that its parts fit together.
    pub fn from_pkcs1(der: Secret<Vec<u8>>) -> Result<Self, RsaKeyError> {
        let inconsistent = |cause: Box<dyn std::error::Error + Send + Sync>| RsaKeyError::Inconsistent(cause);
        let key = RsaPrivateKey::from_pkcs1_der(der.expose()).map_err(|cause| inconsistent(cause.into()))?;
        key.validate().map_err(|cause| inconsistent(cause.into()))?;
        let bits = SIZES.into_iter().find(|bits| *bits as usize == key.n().bits());
        match bits {
            Some(bits) if key.e().to_bytes_be() == [1, 0, 1] => Ok(Self {
                bits,
                n: URL_SAFE_NO_PAD.encode(key.n().to_bytes_be()),
                e: URL_SAFE_NO_PAD.encode(key.e().to_bytes_be()),
                private: der,
            }),
            _ => Err(RsaKeyError::Unsupported),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_as_it_was_made() {
        let made = RsaKey::generate(2048).unwrap();
        let read = RsaKey::from_pkcs1(made.private.clone()).unwrap();
        assert_eq!((read.bits, &read.n, read.e.as_str()), (2048, &made.n, "AQAB"));
        assert_eq!(made.n.len(), 342);
        assert!(!format!("{made:?}").contains("48, 130"), "the private part does not show itself");
    }

    #[test]
    fn a_key_that_does_not_fit_together_is_refused() {
        let made = RsaKey::generate(2048).unwrap();
        let der = made.private.expose();
        for index in (0..der.len()).step_by(97) {
            let mut altered = der.clone();
            altered[index] ^= 1;
            if let Ok(key) = RsaKey::from_pkcs1(Secret::new(altered)) {
                // The crate computes the CRT exponents anew, so an altered one does no harm.
                assert_eq!(key.n, made.n, "byte {index}");
            }
        }
        assert!(RsaKey::from_pkcs1(Secret::new(der[..der.len() - 1].to_vec())).is_err());
        assert!(RsaKey::from_pkcs1(Secret::new(Vec::new())).is_err());
    }

    #[test]
    fn other_sizes_are_refused() {
        for bits in [0, 512, 1024, 2047, 8192] {
            assert!(matches!(RsaKey::generate(bits), Err(RsaKeyError::Unsupported)), "{bits}");
        }
    }
}
