//! What is read from the database as a whole and kept at hand: the origins of clients, and the documents that say what
//! there is.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Serialize;

use crate::metadata::{Metadata, ResourceMetadata, description, own_scope};
use crate::model::Document;
use crate::protocol::{ClientId, Issuer};
use crate::store::{self, Store};

/// A snapshot of what the database holds.
pub struct Directory {
    origins: HashSet<String>,
    metadata: Arc<Document>,
    resources: HashMap<String, Arc<Document>>,
    description: Arc<Document>,
    docs_client: Option<ClientId>,
}

impl Directory {
    /// Reads it anew.
    pub async fn load(store: &Store, issuer: &Issuer) -> Result<Self, store::Error> {
        let (kinds, apis) = (store.kinds_of_clients().await?, store.apis().await?);
        let origins = kinds.iter().flat_map(|kind| &kind.origins).map(ToString::to_string).collect();
        let grants = kinds.into_iter().flat_map(|kind| kind.grants).collect();

        let metadata = Metadata::new(issuer, &grants, &apis);
        let description = Arc::new(Document::from(description::describe(&metadata, &apis)));
        let metadata = document(&metadata);
        let of_api = |api| document(&ResourceMetadata::of_api(issuer, api));
        let own = document(&ResourceMetadata::of_server(issuer, &own_scope(&grants)));
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
    pub fn metadata(&self) -> &Arc<Document> {
        &self.metadata
    }

    /// The metadata document of an API, or of the server itself by its issuer.
    pub fn resource(&self, uri: &str) -> Option<&Arc<Document>> {
        self.resources.get(uri)
    }

    /// The description of every endpoint.
    pub fn description(&self) -> &Arc<Document> {
        &self.description
    }

    /// The client that the page at `/docs` is, once it is registered.
    pub fn docs_client(&self) -> Option<&ClientId> {
        self.docs_client.as_ref()
    }
}

fn document(content: &impl Serialize) -> Arc<Document> {
    Arc::new(serde_json::to_vec(content).expect("documents have string keys").into())
}
