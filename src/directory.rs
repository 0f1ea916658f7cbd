//! What is read from the database as a whole and kept at hand: the origins of clients, and the metadata document
//! ([RFC 8414 §2]), which names only what is switched on.
//!
//! [RFC 8414 §2]: https://www.rfc-editor.org/rfc/rfc8414#section-2

use std::collections::{BTreeSet, HashSet};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde::Serialize;

use crate::grant::GRANTS;
use crate::model::{Api, AuthMethod, Client, PROFILE};
use crate::protocol::{Issuer, ScopeToken};
use crate::store::{self, Store};

/// A snapshot of what the database holds.
pub struct Directory {
    origins: HashSet<String>,
    metadata: Bytes,
    etag: String,
}

#[derive(Serialize)]
struct Metadata<'a> {
    issuer: &'a str,
    token_endpoint: String,
    jwks_uri: String,
    revocation_endpoint: String,
    introspection_endpoint: String,
    scopes_supported: BTreeSet<&'a str>,
    response_types_supported: [&'static str; 0],
    grant_types_supported: Vec<&'static str>,
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    introspection_endpoint_auth_methods_supported: Vec<&'static str>,
}

impl Directory {
    /// Reads it anew.
    pub async fn load(store: &Store, issuer: &Issuer) -> Result<Self, store::Error> {
        let mut clients = store.clients().await?;
        clients.retain(|client| client.disabled_at.is_none());
        let apis = store.apis().await?;

        let origins = clients.iter().flat_map(|client| &client.origins).map(ToString::to_string).collect();
        let metadata =
            serde_json::to_vec(&metadata(issuer, &clients, &apis)).expect("the document has string keys");
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

fn metadata<'a>(issuer: &'a Issuer, clients: &[Client], apis: &'a [Api]) -> Metadata<'a> {
    let at = |path: &str| format!("{issuer}{path}");
    let methods: Vec<_> = AuthMethod::ALL.iter().map(|(name, _)| *name).collect();
    let with_secret =
        AuthMethod::ALL.iter().filter(|(_, method)| *method != AuthMethod::None).map(|(name, _)| *name);
    let in_use = GRANTS.iter().map(|grant| grant.grant_type);
    let scopes =
        apis.iter().flat_map(|api| api.scopes.keys()).chain([&PROFILE]).map(ScopeToken::as_str).collect();
    Metadata {
        issuer: issuer.as_str(),
        token_endpoint: at("/token"),
        jwks_uri: at("/.well-known/jwks.json"),
        revocation_endpoint: at("/revoke"),
        introspection_endpoint: at("/introspect"),
        scopes_supported: scopes,
        response_types_supported: [],
        grant_types_supported: in_use
            .filter(|grant| clients.iter().any(|client| client.may_use(grant)))
            .collect(),
        token_endpoint_auth_methods_supported: methods.clone(),
        revocation_endpoint_auth_methods_supported: methods,
        introspection_endpoint_auth_methods_supported: with_secret.collect(),
    }
}
