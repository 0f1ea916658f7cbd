//! Proof key for code exchange ([RFC 7636]), by `S256` alone: `plain` shows the verifier to whoever sees the request.
//!
//! [RFC 7636]: https://www.rfc-editor.org/rfc/rfc7636

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

use super::{Error, Secret};

/// The methods that are taken (`code_challenge_methods_supported`).
pub const CODE_CHALLENGE_METHODS: [&str; 1] = ["S256"];

/// What an authorization request commits itself to: the SHA-256 of the verifier ([RFC 7636 §4.2]).
///
/// [RFC 7636 §4.2]: https://www.rfc-editor.org/rfc/rfc7636#section-4.2
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeChallenge([u8; 32]);

impl CodeChallenge {
    /// Reads `code_challenge` with its `code_challenge_method`, which means `plain` when it is left out
    /// ([RFC 7636 §4.3](https://www.rfc-editor.org/rfc/rfc7636#section-4.3)).
    pub fn read(challenge: &str, method: Option<&str>) -> Result<Self, Error> {
        match method {
            Some("S256") => challenge.parse(),
            _ => Err(Error::invalid_request("the one `code_challenge_method` is `S256`")),
        }
    }

    /// Whether `verifier` is the one that it was made from, compared in constant time
    /// ([RFC 7636 §4.6](https://www.rfc-editor.org/rfc/rfc7636#section-4.6)).
    pub fn is_met_by(&self, verifier: &CodeVerifier) -> bool {
        digest(&SHA256, verifier.0.expose().as_bytes()).as_ref().ct_eq(&self.0).into()
    }
}

impl FromStr for CodeChallenge {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| {
            Error::invalid_request("a `code_challenge` is a SHA-256 in 43 characters of base64url")
        })
    }
}

impl fmt::Display for CodeChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// The proof: 43 to 128 unreserved characters ([RFC 7636 §4.1](https://www.rfc-editor.org/rfc/rfc7636#section-4.1)).
#[derive(Clone, Debug)]
pub struct CodeVerifier(Secret<String>);

impl FromStr for CodeVerifier {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if (43..=128).contains(&text.len()) && text.bytes().all(is_unreserved) {
            Ok(Self(Secret::new(text.to_owned())))
        } else {
            Err(Error::invalid_request(
                "a `code_verifier` is 43 to 128 letters, digits, `-`, `.`, `_` and `~`",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 7636 appendix B.
    #[test]
    fn the_example_of_the_standard_is_met() {
        let challenge =
            CodeChallenge::read("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", Some("S256")).unwrap();
        assert!(challenge.is_met_by(&"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".parse().unwrap()));
        assert!(!challenge.is_met_by(&"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXK".parse().unwrap()));
    }

    #[test]
    fn only_s256_of_the_right_size_is_taken() {
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        for method in [None, Some("plain"), Some("s256"), Some("")] {
            assert!(CodeChallenge::read(challenge, method).is_err(), "{method:?}");
        }
        let bad = [
            &challenge[1..],
            &format!("{challenge}="),
            &format!("{challenge}A"),
            "",
            &challenge.replace('-', "+"),
        ];
        for text in bad {
            assert!(CodeChallenge::read(text, Some("S256")).is_err(), "{text}");
        }
    }

    #[test]
    fn a_verifier_is_43_to_128_unreserved_characters() {
        for text in ["a".repeat(43), "-._~".repeat(32)] {
            assert!(text.parse::<CodeVerifier>().is_ok(), "{text}");
        }
        for text in
            ["a".repeat(42), "a".repeat(129), format!("{}+", "a".repeat(43)), format!("{}é", "a".repeat(43))]
        {
            assert!(text.parse::<CodeVerifier>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_challenge_reads_back_as_it_was_written(bytes: [u8; 32]) {
            let challenge = CodeChallenge(bytes);
            prop_assert_eq!(challenge.to_string().parse::<CodeChallenge>().unwrap(), challenge);
        }
    }
}
