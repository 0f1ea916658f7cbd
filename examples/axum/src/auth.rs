//! Checks the access tokens of one API. `scoped(&keys, "items:read", get(handler))` demands a scope;
//! `Extension<Claims>` is what the token says.
//!
//! Needs `axum`, `jsonwebtoken`, `reqwest`, `serde` and `tokio`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodRouter;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use tokio::sync::Mutex;

const ISSUER: &str = "http://127.0.0.1:8080";
const AUDIENCE: &str = "https://items.example";
const SCOPES: &[&str] = &["items:read", "items:write"];

/// Seconds between the issuer's clock and ours.
const SKEW: u64 = 30;
/// For how long keys are kept.
const MAX_AGE: Duration = Duration::from_secs(300);
/// Between two fetches, whatever tokens name.
const PAUSE: Duration = Duration::from_secs(5);

/// What a token says; what is not optional must be there.
#[derive(Clone, Deserialize)]
pub struct Claims {
    pub sub: String,
    pub client_id: String,
    pub jti: String,
    pub iat: u64,
    #[serde(default)]
    pub scope: String,
}

/// The issuer's keys.
#[derive(Clone, Default)]
pub struct Keys(Arc<Mutex<Cache>>);

#[derive(Default)]
struct Cache {
    known: Option<JwkSet>,
    tried: Option<Instant>,
    fetched: Option<Instant>,
}

enum Refused {
    Token,
    Outage,
}

/// The same routes, for tokens that hold `scope`.
pub fn scoped(keys: &Keys, scope: &'static str, routes: MethodRouter) -> MethodRouter {
    assert!(SCOPES.contains(&scope), "a scope that the API does not have: {scope}");
    routes.route_layer(from_fn_with_state((keys.clone(), scope), guard))
}

async fn guard(
    State((keys, scope)): State<(Keys, &'static str)>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(token) = bearer(request.headers()) else {
        return refuse(StatusCode::UNAUTHORIZED, None, scope);
    };
    match keys.check(token).await {
        Err(Refused::Outage) => (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "5")]).into_response(),
        Err(Refused::Token) => refuse(StatusCode::UNAUTHORIZED, Some("invalid_token"), scope),
        Ok(claims) if !claims.scope.split(' ').any(|held| held == scope) => {
            refuse(StatusCode::FORBIDDEN, Some("insufficient_scope"), scope)
        }
        Ok(claims) => {
            request.extensions_mut().insert(claims);
            next.run(request).await
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// RFC 6750 §3: who brought no token is told no error.
fn refuse(status: StatusCode, error: Option<&str>, scope: &str) -> Response {
    let error = error.map(|error| format!("error=\"{error}\", ")).unwrap_or_default();
    (status, [(WWW_AUTHENTICATE, format!("Bearer {error}scope=\"{scope}\""))]).into_response()
}

impl Keys {
    /// RFC 9068 §4.
    async fn check(&self, token: &str) -> Result<Claims, Refused> {
        let header = decode_header(token).map_err(|_| Refused::Token)?;
        let typ = header.typ.unwrap_or_default().to_ascii_lowercase();
        if !["at+jwt", "application/at+jwt"].contains(&&*typ) {
            return Err(Refused::Token);
        }
        let key = self.find(&header.kid.ok_or(Refused::Token)?).await?;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.validate_nbf = true;
        validation.leeway = SKEW;
        decode(token, &key, &validation).map(|token| token.claims).map_err(|_| Refused::Token)
    }

    async fn find(&self, kid: &str) -> Result<DecodingKey, Refused> {
        let mut cache = self.0.lock().await;
        let is_known = cache.known.as_ref().is_some_and(|keys| keys.find(kid).is_some());
        let is_old = cache.fetched.is_none_or(|fetched| fetched.elapsed() > MAX_AGE);
        if (!is_known || is_old) && cache.tried.is_none_or(|tried| tried.elapsed() > PAUSE) {
            cache.tried = Some(Instant::now());
            // What cannot be had leaves the keys that are there.
            if let Ok(keys) = fetch().await {
                (cache.known, cache.fetched) = (Some(keys), cache.tried);
            }
        }
        let key = cache.known.as_ref().ok_or(Refused::Outage)?.find(kid).ok_or(Refused::Token)?;
        DecodingKey::from_jwk(key).map_err(|_| Refused::Token)
    }
}

async fn fetch() -> reqwest::Result<JwkSet> {
    let client = reqwest::Client::builder().timeout(PAUSE).build()?;
    client.get(format!("{ISSUER}/.well-known/jwks.json")).send().await?.error_for_status()?.json().await
}
