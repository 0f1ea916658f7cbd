//! An API with two operations, protected by `auth.rs`.

mod auth;

use claviger::protocol::BoxError;
use claviger::resource::{Caller, refusal};
use claviger::scope;
use serde_json::json;
use warp::{Filter as _, reply};

use auth::scoped;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let api = auth::api().await?;
    let read = warp::path!("items")
        .and(warp::get())
        .and(scoped(&api, scope!("items:read")))
        .map(|caller: Caller| reply::json(&json!({ "items": ["one", "two"], "for": caller.claims.sub })));
    let write = warp::path!("items")
        .and(warp::post())
        .and(scoped(&api, scope!("items:write")))
        .map(|caller: Caller| reply::json(&json!({ "written_by": caller.claims.sub })));

    let port = std::env::var("PORT").unwrap_or("8000".to_owned()).parse()?;
    warp::serve(read.or(write).recover(refusal)).run(([127, 0, 0, 1], port)).await;
    Ok(())
}
