//! A client: an application that asks for tokens ([RFC 6749 §2], [RFC 7591 §2]).
//!
//! [RFC 6749 §2]: https://www.rfc-editor.org/rfc/rfc6749#section-2
//! [RFC 7591 §2]: https://www.rfc-editor.org/rfc/rfc7591#section-2

use std::fmt;
use std::str::FromStr;

use crate::protocol::{ApiUri, ClientId, Error, Origin, RedirectUri, Scope};

/// How a client authenticates (`token_endpoint_auth_method`, RFC 7591 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// HTTP Basic.
    ClientSecretBasic,
    /// `client_id` and `client_secret` in the form body.
    ClientSecretPost,
    /// Not at all: a public client.
    None,
}

impl AuthMethod {
    /// All of them, by their wire names.
    pub const ALL: [(&str, Self); 3] = [
        ("client_secret_basic", Self::ClientSecretBasic),
        ("client_secret_post", Self::ClientSecretPost),
        ("none", Self::None),
    ];
}

impl fmt::Display for AuthMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, method)| method == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

impl FromStr for AuthMethod {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let method = Self::ALL.iter().find(|(name, _)| *name == text).map(|(_, method)| *method);
        method.ok_or_else(|| {
            Error::invalid_request("an auth method is `client_secret_basic`, `client_secret_post` or `none`")
        })
    }
}

/// A registered client, without its secrets.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Client {
    /// The id (`client_id`).
    pub id: ClientId,
    /// How it authenticates.
    pub auth_method: AuthMethod,
    /// Whether it is the company's own, which the password grant demands.
    pub first_party: bool,
    /// The grant types it may use, by their wire names.
    pub grants: Vec<String>,
    /// The scope it may be granted, and is granted when it asks for none.
    pub scope: Scope,
    /// The APIs that it may ask for with `resource`; the first is its default. None: the server itself.
    pub apis: Vec<ApiUri>,
    /// Where answers of the authorization endpoint may go to.
    pub redirect_uris: Vec<RedirectUri>,
    /// Where a signed-out browser may go to.
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// The web origins whose pages may call us.
    pub origins: Vec<Origin>,
    /// Seconds that its access tokens live, where it differs from the API's and the server's default.
    pub access_token_lifetime: Option<i64>,
    /// Grows when the client is disabled; what was granted before stays dead.
    pub generation: i64,
    /// When it was added.
    pub created_at: i64,
    /// When it was disabled; `None` while it may ask for tokens.
    pub disabled_at: Option<i64>,
}

impl Client {
    /// Whether the client has no credentials of its own ([RFC 6749 §2.1]).
    ///
    /// [RFC 6749 §2.1]: https://www.rfc-editor.org/rfc/rfc6749#section-2.1
    pub fn is_public(&self) -> bool {
        self.auth_method == AuthMethod::None
    }

    /// Whether the client is registered for `grant_type`.
    pub fn may_use(&self, grant_type: &str) -> bool {
        self.grants.iter().any(|grant| grant == grant_type)
    }
}
