//! The words of the standards: values that are parsed once and then trusted.

mod error;
mod form;
mod identifiers;
mod scope;
mod secret;
mod uri;

pub use error::{BoxError, Code, Error};
pub use form::Params;
pub use identifiers::{ClientId, RoleName, Username};
pub use scope::{Scope, ScopeToken};
pub use secret::Secret;
pub use uri::{ApiUri, Issuer, Origin, RedirectUri};
