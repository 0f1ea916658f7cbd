//! Tokens by wish, for tests of APIs: signed by the key that signs, for whoever and whatever is asked for.
//!
//! A server that people rely on cannot do that: it takes the [`Hand`] of the server's clock, which the system's clock
//! does not have. Everywhere else a token needs proofs ([`crate::issue`]).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::clock::Hand;
use crate::keys::signer::Typ;
use crate::model::SigningAlg;
use crate::protocol::Error;

/// The token that is wished for. What is left out is as for a good access token for this server itself.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Wish {
    /// The kind of token: `at+jwt`, `JWT` for an ID token, `logout+jwt`.
    pub typ: String,
    /// The `sub`.
    pub sub: String,
    /// The `client_id`.
    pub client_id: String,
    /// The `aud`; the issuer if left out.
    pub aud: Option<Value>,
    /// The `scope`.
    pub scope: String,
    /// Seconds from now until it expires; below zero for one that has expired.
    pub lifetime: i64,
    /// Claims that have the last word, whatever they are; null leaves one out.
    pub claims: Map<String, Value>,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            typ: Typ::AccessToken.as_str().to_owned(),
            sub: "somebody".to_owned(),
            client_id: "a-client".to_owned(),
            aud: None,
            scope: String::new(),
            lifetime: 600,
            claims: Map::new(),
        }
    }
}

/// A token, and what it says.
#[derive(Debug, Serialize)]
pub struct Minted {
    /// The token.
    pub token: String,
    /// Its claims.
    pub claims: Map<String, Value>,
}

/// Signs what is wished for. `_hand` is that of the clock of `app`.
pub fn mint(app: &App, _hand: &Hand, wish: Wish) -> Result<Minted, Error> {
    let typ = Typ::ALL.into_iter().find(|typ| typ.as_str() == wish.typ);
    let typ = typ.ok_or_else(|| Error::invalid_request("`typ` is `at+jwt`, `JWT` or `logout+jwt`"))?;
    let now = app.clock.now();
    let exp = now.saturating_add(wish.lifetime);
    let mut claims = Map::from_iter([
        ("iss".to_owned(), json!(app.issuer().as_str())),
        ("sub".to_owned(), json!(wish.sub)),
        ("aud".to_owned(), wish.aud.unwrap_or_else(|| json!(app.issuer().as_str()))),
        ("exp".to_owned(), json!(exp)),
        // One that has expired was issued before that.
        ("iat".to_owned(), json!(if wish.lifetime > 0 { now } else { exp.saturating_sub(600) })),
        ("jti".to_owned(), json!(app.random.text::<16>())),
        ("client_id".to_owned(), json!(wish.client_id)),
        ("scope".to_owned(), json!(wish.scope)),
    ]);
    claims.extend(wish.claims);
    claims.retain(|_, value| !value.is_null());
    let ring = app.keys.current();
    let signer = ring.signer(SigningAlg::Rs256, app.clock.read());
    let signer = signer.map_err(|error| Error::unavailable(1).because(error))?;
    Ok(Minted { token: signer.sign(typ, &claims), claims })
}
