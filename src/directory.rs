//! What is read from the database as a whole and kept at hand: the origins of clients, and the metadata document.

use std::collections::HashSet;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;

use crate::metadata::Metadata;
use crate::protocol::Issuer;
use crate::store::{self, Store};

/// A snapshot of what the database holds.
pub struct Directory {
    origins: HashSet<String>,
    metadata: Bytes,
    etag: String,
}

impl Directory {
    /// Reads it anew.
    pub async fn load(store: &Store, issuer: &Issuer) -> Result<Self, store::Error> {
        let mut clients = store.clients().await?;
        clients.retain(|client| client.disabled_at.is_none());
        let apis = store.apis().await?;

        let origins = clients.iter().flat_map(|client| &client.origins).map(ToString::to_string).collect();
        let metadata = serde_json::to_vec(&Metadata::new(issuer, &clients, &apis));
        let metadata = metadata.expect("the document has string keys");
        let tag = URL_SAFE_NO_PAD.encode(&digest(&SHA256, &metadata).as_ref()[..16]);
        Ok(Self { origins, metadata: metadata.into(), etag: format!("\"{tag}\"") })
    }

    /// Whether an enabled client is registered with the web origin `origin`.
    pub fn has_origin(&self, origin: &str) -> bool {
        self.origins.contains(origin)
    }

    /// The metadata document, and its entity tag.
    pub fn metadata(&self) -> (&Bytes, &str) {
        (&self.metadata, &self.etag)
    }
}
