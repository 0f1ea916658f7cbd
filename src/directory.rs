//! What is read from the database as a whole and kept at hand: the origins of clients, and the documents that say what
//! there is.

use std::collections::{HashMap, HashSet};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde::Serialize;

use crate::metadata::{Metadata, ResourceMetadata, description, own_scope};
use crate::protocol::{ClientId, Issuer};
use crate::store::{self, Store};

/// A snapshot of what the database holds.
pub struct Directory {
    origins: HashSet<String>,
    metadata: Document,
    resources: HashMap<String, Document>,
    description: Document,
    docs_client: Option<ClientId>,
}

/// A document, as it is sent.
pub struct Document {
    /// JSON.
    pub bytes: Bytes,
    /// Its entity tag, which changes with it.
    pub etag: String,
}

impl Document {
    fn new(content: &impl Serialize) -> Self {
        Self::from(serde_json::to_vec(content).expect("documents have string keys"))
    }
}

impl From<Vec<u8>> for Document {
    fn from(bytes: Vec<u8>) -> Self {
        let tag = URL_SAFE_NO_PAD.encode(&digest(&SHA256, &bytes).as_ref()[..16]);
        Self { bytes: bytes.into(), etag: format!("\"{tag}\"") }
    }
}

impl Directory {
    /// Reads it anew.
    pub async fn load(store: &Store, issuer: &Issuer) -> Result<Self, store::Error> {
        let (kinds, apis) = (store.kinds_of_clients().await?, store.apis().await?);
        let origins = kinds.iter().flat_map(|kind| &kind.origins).map(ToString::to_string).collect();
        let grants = kinds.into_iter().flat_map(|kind| kind.grants).collect();

        let metadata = Metadata::new(issuer, &grants, &apis);
        let description = Document::from(description::describe(&metadata, &apis));
        let metadata = Document::new(&metadata);
        let of_api = |api| Document::new(&ResourceMetadata::of_api(issuer, api));
        let own = Document::new(&ResourceMetadata::of_server(issuer, &own_scope(&grants)));
        let resources = apis.iter().map(|api| (api.uri.to_string(), of_api(api)));
        let resources = resources.chain([(issuer.to_string(), own)]).collect();

        let redirect_uri = format!("{issuer}{}", description::REDIRECT_PATH);
        let docs_client = store.public_client_at(&redirect_uri).await?;
        Ok(Self { origins, metadata, resources, description, docs_client })
    }

    /// Whether an enabled client is registered with the web origin `origin`.
    pub fn has_origin(&self, origin: &str) -> bool {
        self.origins.contains(origin)
    }

    /// The metadata document.
    pub fn metadata(&self) -> &Document {
        &self.metadata
    }

    /// The metadata document of an API, or of the server itself by its issuer.
    pub fn resource(&self, uri: &str) -> Option<&Document> {
        self.resources.get(uri)
    }

    /// The description of every endpoint.
    pub fn description(&self) -> &Document {
        &self.description
    }

    /// The client that the page at `/docs` is, once it is registered.
    pub fn docs_client(&self) -> Option<&ClientId> {
        self.docs_client.as_ref()
    }
}
