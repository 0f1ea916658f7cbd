//! Checks the access tokens of one API, by claviger's own filters. `scoped(&api, scope!("items:read"))` demands a
//! scope; `Caller` is what the token says.
//!
//! Needs `claviger` with its feature `refresh`, `reqwest`, `tokio` and `warp`.

use std::time::Duration;

use claviger::protocol::{BoxError, ScopeToken};
use claviger::resource::{Caller, Fetched, Resource};
use warp::{Filter, Rejection};

const ISSUER: &str = "http://127.0.0.1:8080";
const AUDIENCE: &str = "https://items.example";
const SCOPES: &[&str] = &["items:read", "items:write"];

/// The API, whose keys stay fresh as long as it is there.
pub async fn api() -> Result<Resource, BoxError> {
    let api = Resource::new(ISSUER, AUDIENCE, &fetch().await?.jwks)?;
    let kept = api.clone();
    tokio::spawn(async move { kept.refresh(fetch).await });
    Ok(api)
}

/// Demands an access token that holds `scope`.
pub fn scoped(
    api: &Resource,
    scope: ScopeToken,
) -> impl Filter<Extract = (Caller,), Error = Rejection> + Clone + use<> {
    assert!(SCOPES.contains(&scope.as_str()), "a scope that the API does not have: {scope}");
    api.bearer(scope)
}

async fn fetch() -> Result<Fetched, BoxError> {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).build()?;
    let answer = client.get(format!("{ISSUER}/.well-known/jwks.json")).send().await?.error_for_status()?;
    let cache_control = answer.headers().get("cache-control").and_then(|value| value.to_str().ok());
    Ok(Fetched { cache_control: cache_control.unwrap_or_default().to_owned(), jwks: answer.text().await? })
}
