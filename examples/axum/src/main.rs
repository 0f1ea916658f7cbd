//! An API with two operations, protected by `auth.rs`.

mod auth;

use std::error::Error;

use axum::extract::Extension;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use auth::{Claims, Keys, scoped};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let keys = Keys::default();
    let items = scoped(&keys, "items:read", get(read)).merge(scoped(&keys, "items:write", post(write)));
    let port = std::env::var("PORT").unwrap_or("8000".to_owned()).parse()?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, Router::new().route("/items", items)).await?;
    Ok(())
}

async fn read(Extension(caller): Extension<Claims>) -> Json<Value> {
    Json(json!({ "items": ["one", "two"], "for": caller.sub }))
}

async fn write(Extension(caller): Extension<Claims>) -> Json<Value> {
    Json(json!({ "written_by": caller.sub }))
}
