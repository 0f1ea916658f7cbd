//! Scope checking for an API of your own, written with Warp: the filters that the server itself is built from, over a
//! JWKS that you fetched.
//!
//! ```
//! use claviger::resource::{self, Caller, Resource};
//! use claviger::scope;
//! use warp::Filter as _;
//!
//! # fn routes(jwks: &str) -> Result<impl warp::Filter<Extract = impl warp::Reply> + Clone, claviger::protocol::BoxError> {
//! // `jwks` is the body of `https://id.example.com/.well-known/jwks.json`.
//! let api = Resource::new("https://id.example.com", "https://items.example", jwks)?;
//! let bearer = |scope| api.bearer(scope);
//!
//! let read = warp::path!("items")
//!     .and(warp::get())
//!     .and(bearer(scope!("items:read")))
//!     .map(|caller: Caller| format!("hello, {}", caller.claims.sub));
//! # Ok(
//! read.recover(resource::refusal)
//! # )
//! # }
//! ```
//!
//! Keys change. [`Resource::set_keys`] takes the JWKS again: do so once in its `max-age`, and when
//! [`Resource::unknown_key`] tells that a token named a key which is not known, but not more often than every few
//! seconds, since anybody can send such a token. With the feature `refresh`, `Resource::refresh` does just that, by a
//! fetch of yours; `examples/warp` is a whole API.

#[cfg(feature = "refresh")]
mod refresh;

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::HeaderMap;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use tokio::sync::Notify;
use warp::Filter;
use warp::reject::Rejection;
use warp::reply::Response;

use crate::clock::Clock;
use crate::http::reply;
use crate::keys::verify;
use crate::protocol::{AccessClaims, BoxError, Error, Scope, ScopeToken, bad_token, bearer_token};

#[cfg(feature = "refresh")]
pub use refresh::Fetched;

/// An API that takes access tokens of one issuer; cheap to clone.
#[derive(Clone)]
pub struct Resource(Arc<Checks>);

struct Checks {
    issuer: String,
    audience: String,
    keys: ArcSwap<HashMap<String, DecodingKey>>,
    unknown_key: Notify,
    clock: Clock,
}

/// Who calls, by a token that was found good.
#[derive(Clone, Debug)]
pub struct Caller {
    /// What the token says ([RFC 9068 §2.2](https://www.rfc-editor.org/rfc/rfc9068#section-2.2)).
    pub claims: AccessClaims,
    /// Its scope.
    pub scope: Scope,
}

/// A refusal, as a rejection of Warp; [`refusal`] makes the answer.
#[derive(Debug)]
struct Refused(Error);

impl warp::reject::Reject for Refused {}

/// The answer to what [`Resource::bearer`] refuses ([RFC 6750 §3]), for `recover`; other rejections stay what they
/// are.
///
/// [RFC 6750 §3]: https://www.rfc-editor.org/rfc/rfc6750#section-3
pub async fn refusal(rejection: Rejection) -> Result<Response, Rejection> {
    match rejection.find::<Refused>() {
        Some(Refused(error)) => Ok(reply::error(error)),
        None => Err(rejection),
    }
}

impl Resource {
    /// The API `audience`, whose tokens `issuer` signs with the keys of `jwks`. Issuer and audience are compared as
    /// written.
    pub fn new(issuer: &str, audience: &str, jwks: &str) -> Result<Self, BoxError> {
        Self::with_clock(issuer, audience, jwks, Clock::system())
    }

    /// The same by another clock, for tests.
    pub fn with_clock(issuer: &str, audience: &str, jwks: &str, clock: Clock) -> Result<Self, BoxError> {
        Ok(Self(Arc::new(Checks {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            keys: ArcSwap::from_pointee(read(jwks)?),
            unknown_key: Notify::new(),
            clock,
        })))
    }

    /// Goes over to the keys of this JWKS; when it cannot be read, those before it stay.
    pub fn set_keys(&self, jwks: &str) -> Result<(), BoxError> {
        self.0.keys.store(Arc::new(read(jwks)?));
        Ok(())
    }

    /// Waits until a token names a key that is not known.
    pub async fn unknown_key(&self) {
        self.0.unknown_key.notified().await;
    }

    /// What `token` says, if it is good for this API now ([RFC 9068 §4](https://www.rfc-editor.org/rfc/rfc9068#section-4)).
    pub fn check(&self, token: &str) -> Result<Caller, Error> {
        let Checks { issuer, audience, keys, unknown_key, clock } = &*self.0;
        let keys = keys.load();
        let key = |kid: &str| {
            let found = keys.get(kid);
            if found.is_none() {
                unknown_key.notify_one();
            }
            found
        };
        let claims = verify::access_token(token, issuer, clock.now(), key).map_err(bad_token)?;
        if !claims.is_for(audience) {
            return Err(bad_token("the token is for another audience"));
        }
        let scope = claims.scope.parse().map_err(bad_token)?;
        Ok(Caller { claims, scope })
    }

    /// Demands an access token that holds `scope`, in the header of the request.
    pub fn bearer(
        &self,
        scope: ScopeToken,
    ) -> impl Filter<Extract = (Caller,), Error = Rejection> + Clone + use<> {
        let api = self.clone();
        warp::header::headers_cloned().and_then(move |headers: HeaderMap| {
            let admitted = bearer_token(&headers).and_then(|token| api.check(token)).and_then(|caller| {
                if caller.scope.contains(&scope) {
                    Ok(caller)
                } else {
                    Err(Error::insufficient_scope(scope.clone().into()))
                }
            });
            std::future::ready(admitted.map_err(|error| warp::reject::custom(Refused(error))))
        })
    }
}

/// The RSA keys for signatures in a JWKS ([RFC 7517 §5](https://www.rfc-editor.org/rfc/rfc7517#section-5)); others
/// are none of ours.
fn read(jwks: &str) -> Result<HashMap<String, DecodingKey>, BoxError> {
    #[derive(Deserialize)]
    struct Jwks {
        keys: Vec<Jwk>,
    }
    #[derive(Deserialize)]
    struct Jwk {
        kty: String,
        kid: Option<String>,
        alg: Option<String>,
        n: Option<String>,
        e: Option<String>,
    }
    let mut keys = HashMap::new();
    for key in serde_json::from_str::<Jwks>(jwks)?.keys {
        if key.kty != "RSA" || key.alg.is_some_and(|alg| alg != "RS256") {
            continue;
        }
        if let (Some(kid), Some(n), Some(e)) = (key.kid, key.n, key.e) {
            keys.insert(kid, DecodingKey::from_rsa_components(&n, &e)?);
        }
    }
    Ok(keys)
}
