//! How an API tells its own users where its tokens come from: the `securitySchemes` of its OpenAPI description
//! ([OpenAPI 3.1 §4.8.27]).
//!
//! [OpenAPI 3.1 §4.8.27]: https://spec.openapis.org/oas/v3.1.0#security-scheme-object

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::{Api, Client};
use crate::protocol::Issuer;

/// What stands below `components`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Components<'a> {
    security_schemes: BTreeMap<&'static str, Scheme<'a>>,
}

#[derive(Serialize)]
struct Scheme<'a> {
    r#type: &'static str,
    flows: BTreeMap<&'static str, Flow<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Flow<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) authorization_url: Option<String>,
    pub(super) token_url: String,
    pub(super) scopes: BTreeMap<&'a str, &'a str>,
}

/// A flow of OpenAPI, and the grant that it stands for.
const FLOWS: [(&str, &str); 3] = [
    ("authorizationCode", "authorization_code"),
    ("clientCredentials", "client_credentials"),
    ("password", "password"),
];

impl<'a> Components<'a> {
    /// The scheme of `api`, by the flows that one of `clients` may use for it; `None` when there is no such client.
    pub fn new(issuer: &Issuer, api: &'a Api, clients: &[Client]) -> Option<Self> {
        let may_ask = |client: &&Client| client.disabled_at.is_none() && client.apis.contains(&api.uri);
        let is_in_use = |grant| clients.iter().filter(may_ask).any(|client| client.may_use(grant));
        let scopes: BTreeMap<_, _> = api
            .scopes
            .iter()
            .map(|(scope, description)| (scope.as_str(), description.as_deref().unwrap_or_default()))
            .collect();
        let flow = |grant| Flow {
            authorization_url: (grant == "authorization_code").then(|| format!("{issuer}/authorize")),
            token_url: format!("{issuer}/token"),
            scopes: scopes.clone(),
        };
        let flows = FLOWS.into_iter().filter(|(_, grant)| is_in_use(grant));
        let flows: BTreeMap<_, _> = flows.map(|(name, grant)| (name, flow(grant))).collect();
        let is_any = !flows.is_empty();
        is_any.then(|| Self { security_schemes: [("oauth2", Scheme { r#type: "oauth2", flows })].into() })
    }
}
