//! From a good token to bad ones.

use serde_json::{Map, Value, json};

use super::forge::{Key, hs256, merged, text, unsigned};
use crate::protocol::{ScopeToken, at_hash};

/// How a token is brought.
pub(super) enum Sent {
    Nothing,
    InHeader(String),
    InQuery(String),
}

/// What a token is made from.
pub(super) struct Draft<'a> {
    /// A good token, just issued.
    pub good: String,
    /// Its header.
    pub header: Map<String, Value>,
    /// Its claims.
    pub claims: Map<String, Value>,
    /// The server's own key.
    pub key: &'a Key,
    /// A key that nobody knows.
    pub stranger: &'a Key,
    /// The id of a key that is published no more.
    pub retired_kid: &'a str,
    /// The scope that the API demands.
    pub scope: &'a ScopeToken,
    /// The secret of a refresh token that nobody was given.
    pub dead_secret: [u8; 32],
    /// What nobody guesses.
    pub nonce: String,
}

impl Draft<'_> {
    /// The good token with these changes, signed by the server's own key.
    pub(super) fn with(&self, header: Value, claims: Value) -> Sent {
        let (header, claims) = (self.header(header), merged(&self.claims, claims));
        Sent::InHeader(self.key.sign(&text(&header), &text(&claims)))
    }

    /// The same, signed by the key that nobody knows.
    pub(super) fn by_stranger(&self, header: Value) -> Sent {
        Sent::InHeader(self.stranger.sign(&text(&self.header(header)), &text(&self.claims)))
    }

    /// With an HMAC by a secret that the API may be led to.
    pub(super) fn by_hmac(&self, secret: &str, header: Value) -> Sent {
        let header = merged(&self.header(header), json!({ "alg": "HS256" }));
        Sent::InHeader(hs256(secret.as_bytes(), &text(&header), &text(&self.claims)))
    }

    /// With a signature that is empty.
    pub(super) fn by_nobody(&self, header: Value) -> Sent {
        Sent::InHeader(unsigned(&text(&self.header(header)), &text(&self.claims)))
    }

    fn header(&self, changes: Value) -> Map<String, Value> {
        merged(&self.header, changes)
    }

    /// A claim that is text.
    pub(super) fn claim(&self, name: &str) -> &str {
        self.claims.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// A claim that is a number.
    pub(super) fn number(&self, name: &str) -> i64 {
        self.claims.get(name).and_then(Value::as_i64).unwrap_or_default()
    }

    /// A name that nobody has, behind `beginning`.
    pub(super) fn nobody(&self, beginning: &str) -> String {
        format!("{beginning}{}.invalid", self.nonce.to_ascii_lowercase())
    }

    /// An ID token for a client that is not there.
    pub(super) fn id_token(&self) -> Sent {
        self.with(
            json!({ "typ": "JWT" }),
            json!({
                "aud": self.nobody("check-api-"), "nonce": self.nonce, "auth_time": self.number("iat"), "acr": "1",
                "amr": ["pwd"], "at_hash": at_hash(&self.good), "client_id": null, "scope": null, "jti": null,
            }),
        )
    }
}
