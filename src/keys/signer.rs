//! Signing: the key is parsed once, and a token costs one private-key operation.

use std::fmt;

use aws_lc_rs::error::KeyRejected;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::protocol::Secret;

/// The kinds of tokens that are signed. Each says which it is, so that none passes for another
/// ([RFC 8725 §3.11](https://www.rfc-editor.org/rfc/rfc8725#section-3.11)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An access token ([RFC 9068 §2.1](https://www.rfc-editor.org/rfc/rfc9068#section-2.1)).
    AccessToken,
    /// A logout token
    /// ([OpenID Connect Back-Channel Logout §2.4](https://openid.net/specs/openid-connect-backchannel-1_0.html#LogoutToken)).
    LogoutToken,
}

impl Kind {
    const ALL: [Self; 2] = [Self::AccessToken, Self::LogoutToken];

    /// The `typ` of the header.
    pub fn typ(self) -> &'static str {
        match self {
            Self::AccessToken => "at+jwt",
            Self::LogoutToken => "logout+jwt",
        }
    }
}

/// A key that is ready to sign.
pub struct Signer {
    kid: String,
    pair: RsaKeyPair,
    /// For each kind of token, the encoded header and the dot after it.
    headers: [String; Kind::ALL.len()],
}

/// The longest signature, in bytes: that of a key of 4096 bits.
const SIGNATURE_BYTES: usize = 512;

impl Signer {
    /// Parses a private key in PKCS#1 DER, of at most 4096 bits.
    pub fn new(kid: &str, private: &Secret<Vec<u8>>) -> Result<Self, KeyRejected> {
        #[derive(Serialize)]
        struct Header<'a> {
            typ: &'a str,
            alg: &'a str,
            kid: &'a str,
        }

        let pair = RsaKeyPair::from_der(private.expose())?;
        let headers = Kind::ALL.map(|kind| {
            let header = serde_json::to_vec(&Header { typ: kind.typ(), alg: "RS256", kid });
            URL_SAFE_NO_PAD.encode(header.expect("a header is plain text")) + "."
        });
        Ok(Self { kid: kid.to_owned(), pair, headers })
    }

    /// The id of the key.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The signed token, in compact serialisation ([RFC 7515 §7.1](https://www.rfc-editor.org/rfc/rfc7515#section-7.1)).
    /// The claims are a struct, whose serialisation cannot fail.
    pub fn sign(&self, kind: Kind, claims: &impl Serialize) -> String {
        let header = &self.headers[kind as usize];
        let claims = serde_json::to_vec(claims).expect("claims are a struct of plain values");
        let mut signature = [0; SIGNATURE_BYTES];
        let signature = &mut signature[..self.pair.public_modulus_len()];

        let length = header.len() + encoded(claims.len()) + 1 + encoded(signature.len());
        let mut token = String::with_capacity(length);
        token.push_str(header);
        URL_SAFE_NO_PAD.encode_string(&claims, &mut token);
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), signature)
            .expect("a parsed key signs any text into a buffer of its own size");
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }
}

/// How many characters of base64url so many bytes are.
fn encoded(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.kid)
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
    use serde_json::{Value, json};

    use super::*;
    use crate::keys::rsa_key::RsaKey;

    #[test]
    fn a_token_verifies_with_a_stock_library_and_no_other_key() {
        let (key, other) = (RsaKey::generate(2048).unwrap(), RsaKey::generate(2048).unwrap());
        let signer = Signer::new("the-kid", &key.private).unwrap();
        let claims = json!({"sub": "alice \"é\"", "exp": 4_000_000_000_i64, "aud": "api"});
        let token = signer.sign(Kind::AccessToken, &claims);

        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&["api"]);
        let verify = |key: &RsaKey| {
            let key = DecodingKey::from_rsa_components(&key.n, &key.e).unwrap();
            decode::<Value>(&token, &key, &validation)
        };
        assert_eq!(verify(&key).unwrap().claims, claims);
        assert!(verify(&other).is_err());

        let header = decode_header(&token).unwrap();
        assert_eq!((header.typ.as_deref(), header.kid.as_deref()), (Some("at+jwt"), Some("the-kid")));
        assert_eq!(token.len(), token.capacity(), "the token is allocated once");
    }

    #[test]
    fn a_signer_does_not_show_its_key() {
        let key = RsaKey::generate(2048).unwrap();
        assert_eq!(format!("{:?}", Signer::new("kid", &key.private).unwrap()), "Signer(kid)");
        assert!(Signer::new("kid", &Secret::new(vec![0x30, 0])).is_err());
    }
}
