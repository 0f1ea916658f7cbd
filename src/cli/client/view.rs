//! How commands show a client.

use serde::Serialize;

use super::moment;
use crate::model::{AuthMethod, Client, ConsentPolicy, Pkce};
use crate::protocol::{ApiUri, ClientId, LogoutUri, Origin, RedirectUri, Scope};

/// A client as commands show it, by the names of RFC 7591 §2 where it has them.
#[derive(Serialize)]
pub(super) struct View<'a> {
    client_id: &'a ClientId,
    client_name: Option<&'a str>,
    /// Only where it was just made: never given back.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
    token_endpoint_auth_method: AuthMethod,
    first_party: bool,
    grant_types: &'a [String],
    scope: &'a Scope,
    apis: &'a [ApiUri],
    redirect_uris: &'a [RedirectUri],
    post_logout_redirect_uris: &'a [RedirectUri],
    origins: &'a [Origin],
    access_token_lifetime: Option<i64>,
    pkce: Pkce,
    consent: ConsentPolicy,
    code_lifetime: Option<i64>,
    pairwise_sector: Option<&'a str>,
    backchannel_logout_uri: Option<&'a LogoutUri>,
    created_at: String,
    disabled_at: Option<String>,
}

pub(super) const FIELDS: &[&str] = &[
    "client_id",
    "client_name",
    "token_endpoint_auth_method",
    "first_party",
    "grant_types",
    "scope",
    "apis",
    "redirect_uris",
    "post_logout_redirect_uris",
    "origins",
    "access_token_lifetime",
    "pkce",
    "consent",
    "code_lifetime",
    "pairwise_sector",
    "backchannel_logout_uri",
    "created_at",
    "disabled_at",
];

pub(super) const COLUMNS: &[&str] =
    &["client_id", "token_endpoint_auth_method", "first_party", "grant_types", "scope", "disabled_at"];

/// How a secret that was made is shown, once.
pub(super) const CREDENTIALS: &[&str] = &["client_id", "client_secret"];

impl<'a> View<'a> {
    /// With a secret that was just made.
    pub(super) fn with_secret(self, secret: &'a str) -> Self {
        Self { client_secret: Some(secret), ..self }
    }
}

impl<'a> From<&'a Client> for View<'a> {
    fn from(client: &'a Client) -> Self {
        Self {
            client_id: &client.id,
            client_name: client.name.as_deref(),
            client_secret: None,
            token_endpoint_auth_method: client.auth_method,
            first_party: client.first_party,
            grant_types: &client.grants,
            scope: &client.scope,
            apis: &client.apis,
            redirect_uris: &client.redirect_uris,
            post_logout_redirect_uris: &client.post_logout_redirect_uris,
            origins: &client.origins,
            access_token_lifetime: client.access_token_lifetime,
            pkce: client.profile.pkce,
            consent: client.profile.consent,
            code_lifetime: client.profile.code_lifetime,
            pairwise_sector: client.sector.as_deref(),
            backchannel_logout_uri: client.backchannel_logout_uri.as_ref(),
            created_at: moment(client.created_at),
            disabled_at: client.disabled_at.map(moment),
        }
    }
}
