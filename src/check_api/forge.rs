//! Tokens as anybody could write them: with any header, any claims and any signature.
//!
//! What claviger issues is made in [`issue`](crate::issue) and nowhere else. These are the others, which must open
//! nothing: `check-api` sends them to an API, and our own tests to us.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use crate::keys::jwk::Jwk;
use crate::keys::rsa_key::RsaKey;

/// A key that signs whatever it is given.
pub struct Key(RsaKeyPair);

impl Key {
    /// Takes a private key.
    pub fn new(key: &RsaKey) -> Result<Self, KeyRejected> {
        RsaKeyPair::from_der(key.private.expose()).map(Self)
    }

    /// A key that nobody knows, and that is forgotten with this value.
    pub fn generate() -> Result<Self, Unspecified> {
        RsaKeyPair::generate(KeySize::Rsa2048).map(Self)
    }

    /// A token with these parts, signed by RS256 whatever its header says.
    pub fn sign(&self, header: &str, claims: &str) -> String {
        let message = message(header, claims);
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
            .expect("a parsed key signs any text into a buffer of its own size");
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The public part as a JWK, written as our JWKS has it.
    pub fn jwk(&self, kid: &str) -> String {
        let public = self.0.public_key();
        let n = URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero());
        let e = URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero());
        serde_json::to_string(&Jwk::new(kid, &n, &e)).expect("a JWK is plain text")
    }

    /// The public part in PEM ([RFC 7468 §13](https://www.rfc-editor.org/rfc/rfc7468#section-13)).
    pub fn pem(&self) -> String {
        let der: PublicKeyX509Der<'_> = self.0.public_key().as_der().expect("a parsed key has a public part");
        let text = STANDARD.encode(der.as_ref());
        let mut pem = "-----BEGIN PUBLIC KEY-----\n".to_owned();
        for line in text.as_bytes().chunks(64) {
            pem.extend(line.iter().map(|byte| char::from(*byte)));
            pem.push('\n');
        }
        pem + "-----END PUBLIC KEY-----\n"
    }
}

/// A token with these parts and an HMAC with SHA-256.
pub fn hs256(secret: &[u8], header: &str, claims: &str) -> String {
    let message = message(header, claims);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
}

/// A token with these parts and an empty signature.
pub fn unsigned(header: &str, claims: &str) -> String {
    message(header, claims) + "."
}

/// `base` with the members of `changes`; null takes one away.
pub fn merged(base: &Map<String, Value>, changes: Value) -> Map<String, Value> {
    let mut merged = base.clone();
    let Value::Object(changes) = changes else { return merged };
    for (name, value) in changes {
        match value {
            Value::Null => drop(merged.remove(&name)),
            value => drop(merged.insert(name, value)),
        }
    }
    merged
}

/// A JSON object in text, with `member` before all of its own.
pub fn doubled(object: &str, member: &str) -> String {
    object.replacen('{', &format!("{{{member},"), 1)
}

/// A JSON object as text.
pub fn text(object: &Map<String, Value>) -> String {
    serde_json::to_string(object).expect("JSON has text keys")
}

fn message(header: &str, claims: &str) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
}

#[cfg(test)]
mod tests {
    use rsa::pkcs8::DecodePublicKey as _;
    use rsa::traits::PublicKeyParts as _;

    use super::*;

    #[test]
    fn the_public_part_is_what_other_software_reads() {
        let key = Key::generate().unwrap();
        let token = key.sign(r#"{"alg":"RS256"}"#, "{}");
        let (message, signature) = token.rsplit_once('.').unwrap();
        let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_str(&key.jwk("k")).unwrap();
        let verifier = jsonwebtoken::DecodingKey::from_jwk(&jwk).unwrap();
        let alg = jsonwebtoken::Algorithm::RS256;
        assert!(jsonwebtoken::crypto::verify(signature, message.as_bytes(), &verifier, alg).unwrap());

        let read = rsa::RsaPublicKey::from_public_key_pem(&key.pem()).unwrap();
        let n = URL_SAFE_NO_PAD.encode(read.n().to_bytes_be());
        assert!(key.jwk("k").contains(&format!("\"n\":\"{n}\"")));
    }
}
