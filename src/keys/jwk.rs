//! Public keys as the world reads them: JWK, JWKS and the thumbprint that names a key
//! ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517), [RFC 7638](https://www.rfc-editor.org/rfc/rfc7638)).

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

/// A public RSA key for RS256 signatures ([RFC 7518 §6.3.1](https://www.rfc-editor.org/rfc/rfc7518#section-6.3.1)).
#[derive(Clone, Debug, Serialize)]
pub struct Jwk<'a> {
    kty: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    alg: &'static str,
    kid: &'a str,
    n: &'a str,
    e: &'a str,
}

impl<'a> Jwk<'a> {
    /// The key `kid` with this modulus and public exponent, both base64url.
    pub fn new(kid: &'a str, n: &'a str, e: &'a str) -> Self {
        Self { kty: "RSA", usage: "sig", alg: "RS256", kid, n, e }
    }
}

/// The JWKS document of these keys.
pub fn jwks<'a>(keys: impl Iterator<Item = Jwk<'a>>) -> Vec<u8> {
    #[derive(Serialize)]
    struct Jwks<'a> {
        keys: Vec<Jwk<'a>>,
    }
    serde_json::to_vec(&Jwks { keys: keys.collect() }).expect("a JWK is plain text")
}

/// The SHA-256 thumbprint of an RSA key, in base64url ([RFC 7638 §3](https://www.rfc-editor.org/rfc/rfc7638#section-3)).
pub fn thumbprint(n: &str, e: &str) -> String {
    let canonical = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
    URL_SAFE_NO_PAD.encode(digest(&SHA256, canonical.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The modulus of RFC 7638 §3.1.
    const N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP\
                     ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY\
                     368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0f\
                     M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

    /// RFC 7638 §3.1.
    #[test]
    fn the_thumbprint_of_the_rfc_s_key_is_the_rfc_s() {
        assert_eq!(thumbprint(N, "AQAB"), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn a_jwks_lists_keys_as_verifiers_read_them() {
        let document = jwks([Jwk::new("k1", "AQAB", "AQAB"), Jwk::new("k2", N, "AQAB")].into_iter());
        let read: jsonwebtoken::jwk::JwkSet = serde_json::from_slice(&document).unwrap();
        assert_eq!(read.keys.len(), 2);
        assert!(read.find("k2").unwrap().is_supported());
        assert!(document.starts_with(
            br#"{"keys":[{"kty":"RSA","use":"sig","alg":"RS256","kid":"k1","n":"AQAB","e":"AQAB"},"#
        ));
    }
}
