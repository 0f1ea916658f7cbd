//! Authorization codes as text: `cvc_` and a [one-time secret](super::one_time).

use super::{Secret, one_time};

const PREFIX: &str = "cvc_";

/// An authorization code, well-formed.
#[derive(Clone, Debug)]
pub struct AuthorizationCode(Secret<[u8; 32]>);

impl AuthorizationCode {
    /// The code with this secret.
    pub fn new(secret: [u8; 32]) -> Self {
        Self(Secret::new(secret))
    }

    /// Reads the text; `None` when it is not a code of this server's making.
    pub fn parse(text: &str) -> Option<Self> {
        one_time::parse(PREFIX, text).map(Self::new)
    }

    /// The text that the client is given.
    pub fn to_text(&self) -> String {
        one_time::to_text(PREFIX, self.secret())
    }

    /// The secret bytes, for the keyed hash.
    pub fn secret(&self) -> &[u8; 32] {
        self.0.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::super::RefreshToken;
    use super::*;

    #[test]
    fn a_code_reads_back_and_is_no_refresh_token() {
        let text = AuthorizationCode::new([7; 32]).to_text();
        assert_eq!(*AuthorizationCode::parse(&text).unwrap().secret(), [7; 32]);
        assert!(RefreshToken::parse(&text).is_none());
        assert!(AuthorizationCode::parse(&RefreshToken::new([7; 32]).to_text()).is_none());
    }
}
