//! The metadata of a protected resource ([RFC 9728 §2]): of an API, or of the server itself.
//!
//! The metadata of an API belongs to the API's own host, at the well-known name before its path (§3.1); a client that
//! looks there takes a document only if its `resource` is the URL that it began with (§3.3). We answer for no host but
//! our own, and do not believe a `Host` header, so all documents lie at one path of ours, each under the query
//! `resource` with the API's URI, spelled as RFC 8707 has it. From there an API's server or proxy passes them on, or
//! names them in its challenge as `resource_metadata` (§5.1), for which it does not matter where they lie. Without the
//! query, the document is about the server itself, whose identifier as a resource is the issuer.
//!
//! [RFC 9728 §2]: https://www.rfc-editor.org/rfc/rfc9728#section-2

use std::collections::BTreeSet;

use serde::Serialize;

use crate::model::Api;
use crate::protocol::{Issuer, Scope};

/// The document.
#[derive(Serialize)]
pub struct ResourceMetadata<'a> {
    resource: &'a str,
    authorization_servers: [&'a Issuer; 1],
    scopes_supported: BTreeSet<String>,
    bearer_methods_supported: [&'static str; 1],
}

impl<'a> ResourceMetadata<'a> {
    /// Of an API whose tokens `issuer` makes.
    pub fn of_api(issuer: &'a Issuer, api: &'a Api) -> Self {
        Self::new(issuer, api.uri.as_str(), &api.scope())
    }

    /// Of the server itself, which knows the scopes `built_in`.
    pub fn of_server(issuer: &'a Issuer, built_in: &Scope) -> Self {
        Self::new(issuer, issuer.as_str(), built_in)
    }

    fn new(issuer: &'a Issuer, resource: &'a str, scope: &Scope) -> Self {
        Self {
            resource,
            authorization_servers: [issuer],
            scopes_supported: scope.iter().map(ToString::to_string).collect(),
            bearer_methods_supported: ["header"],
        }
    }
}

/// Where the document about the server itself is: like RFC 8414 §3.1, the well-known name stands before the issuer's
/// path ([RFC 9728 §3.1](https://www.rfc-editor.org/rfc/rfc9728#section-3.1)).
pub fn own_url(issuer: &Issuer) -> String {
    format!("{}/.well-known/oauth-protected-resource{}", issuer.origin(), issuer.path())
}
