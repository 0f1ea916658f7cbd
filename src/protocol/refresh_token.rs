//! Refresh tokens as text: `cvr_`, 32 random bytes in base64url, and a checksum.
//!
//! The prefix lets a scanner of leaked secrets know it; the checksum tells a mangled token from a stolen one
//! without asking the database.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Secret;

const PREFIX: &str = "cvr_";

/// Characters that 32 bytes take in base64url.
const SECRET_CHARACTERS: usize = 43;

/// Bytes of the checksum.
const CHECKSUM_BYTES: usize = 3;

/// A refresh token, well-formed.
#[derive(Clone, Debug)]
pub struct RefreshToken(Secret<[u8; 32]>);

impl RefreshToken {
    /// The token with this secret.
    pub fn new(secret: [u8; 32]) -> Self {
        Self(Secret::new(secret))
    }

    /// Reads the text; `None` when it is not a refresh token of this server's making.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix(PREFIX)?;
        let (secret, checksum) = text.split_at_checked(SECRET_CHARACTERS)?;
        let secret = URL_SAFE_NO_PAD.decode(secret).ok()?.try_into().ok()?;
        (checksum == checksum_of(&secret)).then(|| Self::new(secret))
    }

    /// The text that the client is given.
    pub fn to_text(&self) -> String {
        let secret = self.0.expose();
        format!("{PREFIX}{}{}", URL_SAFE_NO_PAD.encode(secret), checksum_of(secret))
    }

    /// The secret bytes, for the keyed hash and the successor.
    pub fn secret(&self) -> &[u8; 32] {
        self.0.expose()
    }
}

fn checksum_of(secret: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(&digest(&SHA256, secret).as_ref()[..CHECKSUM_BYTES])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_reads_back_and_no_changed_character_does(secret: [u8; 32], at in 0usize..51, other in "[A-Za-z0-9_-]") {
            let text = RefreshToken::new(secret).to_text();
            prop_assert_eq!(text.len(), 51);
            prop_assert_eq!(*RefreshToken::parse(&text).unwrap().secret(), secret);

            let mut changed = text.clone();
            changed.replace_range(at..=at, &other);
            prop_assert!(changed == text || RefreshToken::parse(&changed).is_none());
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,60}") {
            let _ = RefreshToken::parse(&text);
        }
    }
}
