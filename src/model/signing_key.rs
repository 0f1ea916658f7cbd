//! A signing key as it is stored, and the state it is in.
//!
//! pending → active → retired, or revoked from any of them. A key that nothing needs any more is *purged*:
//! its row is deleted, so there is no state for it. Every transition is one conditional update.

/// A signing key: the public part, the sealed private part, and when it entered each of its states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKey {
    /// The RFC 7638 thumbprint of the public part.
    pub kid: String,
    /// Its place in the order of keys: 1, 2, 3 …, never used twice. Two nodes that make the next key at the
    /// same moment make the same generation, and one of them loses.
    pub generation: i64,
    /// The size of the modulus: 2048, 3072 or 4096.
    pub bits: u32,
    /// The modulus, base64url.
    pub n: String,
    /// The public exponent, base64url.
    pub e: String,
    /// The private part, sealed PKCS#1; erased by revocation. It stays while the key is retired, because it
    /// also proves that the public part is ours: nobody can seal a key by writing to the database.
    pub sealed: Option<String>,
    /// When the key was made and published in the JWKS, in Unix seconds.
    pub published_at: i64,
    /// When it began to sign.
    pub activated_at: Option<i64>,
    /// When its successor began to sign in its place.
    pub retired_at: Option<i64>,
    /// When an operator revoked it.
    pub revoked_at: Option<i64>,
}

/// What a key is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// Published, and not signing until every verifier can know it.
    Pending,
    /// Signing; at most one key is.
    Active,
    /// Published for as long as a token that it signed may live.
    Retired,
    /// Compromised: neither published nor believed.
    Revoked,
}

impl SigningKey {
    /// The state, of which the latest transition counts.
    pub fn state(&self) -> KeyState {
        match (self.revoked_at, self.retired_at, self.activated_at) {
            (Some(_), _, _) => KeyState::Revoked,
            (None, Some(_), _) => KeyState::Retired,
            (None, None, Some(_)) => KeyState::Active,
            (None, None, None) => KeyState::Pending,
        }
    }

    /// When the state began, in Unix seconds.
    pub fn since(&self) -> i64 {
        self.revoked_at.or(self.retired_at).or(self.activated_at).unwrap_or(self.published_at)
    }

    /// Whether the key stands in the JWKS, and its signatures are believed.
    pub fn is_published(&self) -> bool {
        self.state() != KeyState::Revoked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_transition_is_the_state() {
        let mut key = SigningKey {
            kid: "k".to_owned(),
            generation: 1,
            bits: 2048,
            n: String::new(),
            e: String::new(),
            sealed: None,
            published_at: 1,
            activated_at: None,
            retired_at: None,
            revoked_at: None,
        };
        assert_eq!((key.state(), key.since()), (KeyState::Pending, 1));
        key.activated_at = Some(2);
        assert_eq!((key.state(), key.since()), (KeyState::Active, 2));
        key.retired_at = Some(3);
        assert_eq!((key.state(), key.since()), (KeyState::Retired, 3));
        key.revoked_at = Some(4);
        assert_eq!((key.state(), key.since()), (KeyState::Revoked, 4));
        assert!(!key.is_published());
    }
}
