//! Grants: how a client comes to a token. One file each, and its row in [`GRANTS`].

mod authorization_code;
mod client_credentials;
mod password;
mod refresh_token;
pub mod target;

use std::net::IpAddr;
use std::pin::Pin;

use crate::app::App;
use crate::issue::Granted;
use crate::protocol::{Error, Params};
use crate::store::LiveClient;

pub use target::Target;

/// A request at the token endpoint, whose client has been authenticated.
pub struct TokenRequest<'a> {
    /// The server's handles.
    pub app: &'a App,
    /// The client.
    pub client: LiveClient,
    /// The parameters.
    pub params: Params,
    /// Where the request comes from.
    pub address: IpAddr,
}

type Decision<'a> = Pin<Box<dyn Future<Output = Result<Granted, Error>> + Send + 'a>>;

/// One way to a token.
pub struct Grant {
    /// Its name on the wire.
    pub grant_type: &'static str,
    /// The parameters it cannot do without.
    pub required: &'static [&'static str],
    /// Decides on a request.
    pub decide: for<'a> fn(TokenRequest<'a>) -> Decision<'a>,
}

/// All grants. Dispatch, metadata and registration follow from the rows.
pub const GRANTS: &[Grant] =
    &[authorization_code::GRANT, password::GRANT, refresh_token::GRANT, client_credentials::GRANT];

/// Decides on a request by its `grant_type` ([RFC 6749 §4]).
///
/// [RFC 6749 §4]: https://www.rfc-editor.org/rfc/rfc6749#section-4
pub async fn decide(request: TokenRequest<'_>) -> Result<Granted, Error> {
    let grant_type = request.params.require("grant_type")?;
    let grant = GRANTS.iter().find(|grant| grant.grant_type == grant_type);
    let grant =
        grant.ok_or_else(|| Error::unsupported_grant_type("the server does not know this grant type"))?;
    if !request.client.may_use(grant.grant_type) {
        return Err(Error::unauthorized_client(format!("the client may not use `{}`", grant.grant_type)));
    }
    for parameter in grant.required {
        request.params.require(parameter)?;
    }
    (grant.decide)(request).await
}
