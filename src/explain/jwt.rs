//! A JWT, taken apart and not believed: what it says of itself, for people to read.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// A compact JWS whose header and claims are JSON objects; nothing in it is verified.
pub(super) struct Jwt<'a> {
    /// The whole of it.
    pub token: &'a str,
    /// The header.
    pub header: Map<String, Value>,
    /// The claims; of one that stands twice, the last.
    pub claims: Map<String, Value>,
}

impl<'a> Jwt<'a> {
    /// Takes `token` apart; `None` when it is not a compact JWS of JSON objects.
    pub(super) fn read(token: &'a str) -> Option<Self> {
        let mut parts = token.split('.');
        let (header, claims) = (object(parts.next()?)?, object(parts.next()?)?);
        parts.next()?;
        parts.next().is_none().then_some(Self { token, header, claims })
    }

    /// The kind of token that it says it is.
    pub(super) fn typ(&self) -> Option<&str> {
        self.header.get("typ").and_then(Value::as_str)
    }

    /// A claim that is text.
    pub(super) fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim).and_then(Value::as_str)
    }

    /// A claim that is a whole number.
    pub(super) fn integer(&self, claim: &str) -> Option<i64> {
        self.claims.get(claim).and_then(Value::as_i64)
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
