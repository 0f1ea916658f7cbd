//! The metadata document ([RFC 8414 §2], [OpenID Connect Discovery §3]): what the server offers, and nothing that no
//! client may use.
//!
//! [RFC 8414 §2]: https://www.rfc-editor.org/rfc/rfc8414#section-2
//! [OpenID Connect Discovery §3]: https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata

pub mod description;
mod openapi;
mod resource;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::grant::GRANTS;
use crate::model::{
    Api, AuthMethod, CONTEXT_CLASSES, Language, Method, PROFILE, SigningAlg, built_in_scopes, standard_claims,
};
use crate::protocol::{CODE_CHALLENGE_METHODS, Issuer, Prompt, ResponseMode, Scope};

pub use openapi::Components;
pub use resource::{ResourceMetadata, own_url};

/// The document.
#[derive(Serialize)]
pub struct Metadata<'a> {
    issuer: &'a Issuer,
    token_endpoint: String,
    jwks_uri: String,
    revocation_endpoint: String,
    introspection_endpoint: String,
    scopes_supported: BTreeSet<String>,
    response_types_supported: &'static [&'static str],
    grant_types_supported: Vec<&'static str>,
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    #[serde(flatten)]
    sign_in: Option<SignIn>,
}

/// What goes with signing in on our own pages.
#[derive(Serialize)]
struct SignIn {
    authorization_endpoint: String,
    userinfo_endpoint: String,
    end_session_endpoint: String,
    response_modes_supported: [&'static str; 2],
    code_challenge_methods_supported: [&'static str; 1],
    authorization_response_iss_parameter_supported: bool,
    subject_types_supported: [&'static str; 2],
    id_token_signing_alg_values_supported: Vec<&'static str>,
    acr_values_supported: &'static [&'static str],
    prompt_values_supported: [&'static str; 4],
    display_values_supported: [&'static str; 4],
    ui_locales_supported: [&'static str; 2],
    claim_types_supported: [&'static str; 1],
    claims_supported: Vec<&'static str>,
    claims_parameter_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
    backchannel_logout_supported: bool,
    backchannel_logout_session_supported: bool,
}

/// Claims of ID tokens that say nothing about the user's person.
const ID_TOKEN_CLAIMS: [&str; 10] =
    ["iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid"];

impl<'a> Metadata<'a> {
    /// The document of a server whose clients may use these grant types, with these APIs.
    pub fn new(issuer: &'a Issuer, grants: &BTreeSet<String>, apis: &[Api]) -> Self {
        let at = |path: &str| format!("{issuer}{path}");
        let methods: Vec<_> = AuthMethod::ALL.iter().map(|(name, _)| *name).collect();
        let with_secret =
            AuthMethod::ALL.iter().filter(|(_, method)| *method != AuthMethod::None).map(|(name, _)| *name);
        let is_in_use = |grant: &&str| grants.contains(*grant);
        let sign_in = is_in_use(&"authorization_code").then(|| SignIn::new(issuer));
        let built_in = own_scope(grants);
        let scopes = apis.iter().flat_map(|api| api.scopes.keys()).chain(built_in.iter());
        Self {
            issuer,
            token_endpoint: at("/token"),
            jwks_uri: at("/.well-known/jwks.json"),
            revocation_endpoint: at("/revoke"),
            introspection_endpoint: at("/introspect"),
            scopes_supported: scopes.map(ToString::to_string).collect(),
            response_types_supported: if sign_in.is_some() { &["code"] } else { &[] },
            grant_types_supported: GRANTS.iter().map(|grant| grant.grant_type).filter(is_in_use).collect(),
            token_endpoint_auth_methods_supported: methods.clone(),
            revocation_endpoint_auth_methods_supported: methods,
            introspection_endpoint_auth_methods_supported: with_secret.collect(),
            sign_in,
        }
    }
}

/// The scopes of the server itself: those of OpenID Connect mean something where people sign in.
pub fn own_scope(grants: &BTreeSet<String>) -> Scope {
    let is_signed_in_to = grants.contains("authorization_code");
    if is_signed_in_to { built_in_scopes() } else { Scope::from(PROFILE.clone()) }
}

impl SignIn {
    fn new(issuer: &Issuer) -> Self {
        let at = |path: &str| format!("{issuer}{path}");
        Self {
            authorization_endpoint: at("/authorize"),
            userinfo_endpoint: at("/userinfo"),
            end_session_endpoint: at("/logout"),
            response_modes_supported: ResponseMode::ALL.map(|(name, _)| name),
            code_challenge_methods_supported: CODE_CHALLENGE_METHODS,
            authorization_response_iss_parameter_supported: true,
            subject_types_supported: ["public", "pairwise"],
            id_token_signing_alg_values_supported: SigningAlg::ALL.iter().map(|(name, _)| *name).collect(),
            // A further factor needs a further method.
            acr_values_supported: &CONTEXT_CLASSES[..Method::ALL.len().min(CONTEXT_CLASSES.len())],
            prompt_values_supported: Prompt::WORDS,
            // All are taken, and the pages fit all of them.
            display_values_supported: ["page", "popup", "touch", "wap"],
            ui_locales_supported: Language::ALL.map(Language::tag),
            claim_types_supported: ["normal"],
            claims_supported: standard_claims::supported().into_iter().chain(ID_TOKEN_CLAIMS).collect(),
            claims_parameter_supported: true,
            request_parameter_supported: false,
            request_uri_parameter_supported: false,
            backchannel_logout_supported: true,
            backchannel_logout_session_supported: true,
        }
    }
}
