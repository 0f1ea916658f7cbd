//! Signing: the key is parsed once, and a token costs one private-key operation.

use std::fmt;

use aws_lc_rs::error::KeyRejected;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::model::SigningAlg;
use crate::protocol::Secret;

/// What a token is (`typ`), so that none is taken for another kind
/// ([RFC 8725 §3.11](https://www.rfc-editor.org/rfc/rfc8725#section-3.11)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typ {
    /// An access token ([RFC 9068 §2.1](https://www.rfc-editor.org/rfc/rfc9068#section-2.1)).
    AccessToken,
    /// An ID token ([OpenID Connect Core §2](https://openid.net/specs/openid-connect-core-1_0.html#IDToken)).
    IdToken,
    /// A logout token
    /// ([OpenID Connect Back-Channel Logout §2.4](https://openid.net/specs/openid-connect-backchannel-1_0.html#LogoutToken)).
    LogoutToken,
}

impl Typ {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::AccessToken, Self::IdToken, Self::LogoutToken];

    /// The value of the header's member.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "at+jwt",
            Self::IdToken => "JWT",
            Self::LogoutToken => "logout+jwt",
        }
    }
}

/// A key that is ready to sign.
pub struct Signer {
    kid: String,
    pair: RsaKeyPair,
    /// The encoded header of each kind of token, in the order of [`Typ::ALL`], and the dot after it.
    headers: [String; 3],
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
        let headers = Typ::ALL.map(|typ| {
            let header = Header { typ: typ.as_str(), alg: SigningAlg::Rs256.as_str(), kid };
            URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header).expect("a header is plain text")) + "."
        });
        Ok(Self { kid: kid.to_owned(), pair, headers })
    }

    /// The id of the key.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The signed token, in compact serialisation ([RFC 7515 §7.1](https://www.rfc-editor.org/rfc/rfc7515#section-7.1)).
    /// The claims are a struct, whose serialisation cannot fail.
    pub fn sign(&self, typ: Typ, claims: &impl Serialize) -> String {
        let header = &self.headers[typ as usize];
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
        let token = signer.sign(Typ::AccessToken, &claims);

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

        let typs = Typ::ALL.map(|typ| decode_header(signer.sign(typ, &claims)).unwrap().typ.unwrap());
        assert_eq!(typs, Typ::ALL.map(Typ::as_str), "each kind of token has its own header");
    }

    #[test]
    fn a_signer_does_not_show_its_key() {
        let key = RsaKey::generate(2048).unwrap();
        assert_eq!(format!("{:?}", Signer::new("kid", &key.private).unwrap()), "Signer(kid)");
        assert!(Signer::new("kid", &Secret::new(vec![0x30, 0])).is_err());
    }
}
