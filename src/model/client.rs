//! A client: an application that asks for tokens ([RFC 6749 §2], [RFC 7591 §2]).
//!
//! [RFC 6749 §2]: https://www.rfc-editor.org/rfc/rfc6749#section-2
//! [RFC 7591 §2]: https://www.rfc-editor.org/rfc/rfc7591#section-2

use super::words::words;
use crate::protocol::{ApiUri, ClientId, LogoutUri, Origin, RedirectUri, Scope};

words! {
    /// How a client authenticates (`token_endpoint_auth_method`, RFC 7591 §2).
    AuthMethod: "an auth method" {
        /// HTTP Basic.
        ClientSecretBasic = "client_secret_basic",
        /// `client_id` and `client_secret` in the form body.
        ClientSecretPost = "client_secret_post",
        /// Not at all: a public client.
        None = "none",
    }
}

/// What a client owes and is given: the part of a registration that a security profile decides. There is no switch
/// for the whole server, so that each client can be held to a profile of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Whether it must send a code challenge ([RFC 7636]); a public client always must.
    ///
    /// [RFC 7636]: https://www.rfc-editor.org/rfc/rfc7636
    pub pkce: Pkce,
    /// Whether users are asked what it may have.
    pub consent: ConsentPolicy,
    /// Seconds that its authorization codes are good, where it differs from [`CODE_LIFETIME`].
    pub code_lifetime: Option<i64>,
    /// What its tokens are signed with.
    pub signing_alg: SigningAlg,
}

/// Seconds that an authorization code is good ([RFC 6749 §4.1.2](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2)
/// allows ten minutes at most).
pub const CODE_LIFETIME: i64 = 60;

impl Default for Profile {
    fn default() -> Self {
        Self {
            pkce: Pkce::Required,
            consent: ConsentPolicy::Ask,
            code_lifetime: None,
            signing_alg: SigningAlg::Rs256,
        }
    }
}

words! {
    /// Whether a client must send a code challenge.
    Pkce: "a PKCE duty" {
        /// Every request has one.
        Required = "required",
        /// A confidential client may leave it out, as older libraries do.
        Optional = "optional",
    }
}

words! {
    /// Whether users are asked what a client may have.
    ConsentPolicy: "a consent policy" {
        /// Once for each scope.
        Ask = "ask",
        /// Never: a first-party client.
        Skip = "skip",
    }
}

words! {
    /// A signature algorithm (`alg`, [RFC 7518 §3.1](https://www.rfc-editor.org/rfc/rfc7518#section-3.1)).
    SigningAlg: "a signature algorithm" {
        /// RSASSA-PKCS1-v1_5 with SHA-256.
        Rs256 = "RS256",
    }
}

/// A registered client, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The id (`client_id`).
    pub id: ClientId,
    /// What users know it by; without one, its id.
    pub name: Option<String>,
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
    /// What it owes and is given.
    pub profile: Profile,
    /// The sector of its users' pairwise subjects ([OpenID Connect Core §8.1]); `None`: it is told the public ones.
    ///
    /// [OpenID Connect Core §8.1]: https://openid.net/specs/openid-connect-core-1_0.html#PairwiseAlg
    pub sector: Option<String>,
    /// Where it is told that a user signed out ([OpenID Connect Back-Channel Logout §2.2]).
    ///
    /// [OpenID Connect Back-Channel Logout §2.2]: https://openid.net/specs/openid-connect-backchannel-1_0.html#BCRegistration
    pub backchannel_logout_uri: Option<LogoutUri>,
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

    /// What users know it by.
    pub fn display_name(&self) -> &str {
        self.name.as_deref().unwrap_or(self.id.as_str())
    }

    /// Whether the client is registered for `grant_type`.
    pub fn may_use(&self, grant_type: &str) -> bool {
        self.grants.iter().any(|grant| grant == grant_type)
    }
}
