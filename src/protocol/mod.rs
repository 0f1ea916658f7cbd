//! The words of the standards: values that are parsed once and then trusted.

mod authorization_code;
mod authorization_request;
mod authorization_response;
mod bearer;
mod claims;
mod claims_request;
mod client_authentication;
mod error;
mod form;
mod id_token;
mod identifiers;
mod logout_claims;
mod one_time;
mod pkce;
mod refresh_token;
mod scope;
mod secret;
mod uri;

pub use authorization_code::AuthorizationCode;
pub use authorization_request::{AuthorizationRequest, Prompt};
pub use authorization_response::{AuthorizationResponse, ResponseMode, ReturnAddress};
pub use bearer::{authorization, bad_token, bearer_token};
pub use claims::{AccessClaims, IdTokenHint};
pub use claims_request::{ClaimRequest, ClaimsRequest};
pub use client_authentication::ClientAuthentication;
pub use error::{BoxError, Code, Error};
pub use form::Params;
pub use id_token::{IdClaims, at_hash};
pub use identifiers::{ClientId, RoleName, Username};
pub use logout_claims::LogoutClaims;
pub use pkce::{CODE_CHALLENGE_METHODS, CodeChallenge, CodeVerifier};
pub use refresh_token::RefreshToken;
pub use scope::{Scope, ScopeToken};
pub use secret::Secret;
pub use uri::{ApiUri, Issuer, LogoutUri, Origin, RedirectUri};
