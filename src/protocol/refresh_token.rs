//! Refresh tokens as text: `cvr_` and a [one-time secret](super::one_time).

use super::{Secret, one_time};

const PREFIX: &str = "cvr_";

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
        one_time::parse(PREFIX, text).map(Self::new)
    }

    /// The text that the client is given.
    pub fn to_text(&self) -> String {
        one_time::to_text(PREFIX, self.secret())
    }

    /// The secret bytes, for the keyed hash and the successor.
    pub fn secret(&self) -> &[u8; 32] {
        self.0.expose()
    }
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
