//! Client credentials ([RFC 6749 §4.4]): a token for the client itself, without a refresh token (§4.4.3).
//!
//! [RFC 6749 §4.4]: https://www.rfc-editor.org/rfc/rfc6749#section-4.4

use super::{Grant, TokenRequest, target};
use crate::issue::Granted;
use crate::model::Narrowing;
use crate::protocol::Error;

pub(super) const GRANT: Grant =
    Grant { grant_type: "client_credentials", required: &[], decide: |request| Box::pin(decide(request)) };

async fn decide(TokenRequest { app, client, params, .. }: TokenRequest<'_>) -> Result<Granted, Error> {
    if client.is_public() {
        return Err(Error::unauthorized_client("a public client cannot act for itself"));
    }
    let target = target::of_request(app, &client, params.find("resource")).await?;
    let narrowing =
        Narrowing { requested: params.scope()?, client: client.scope.clone(), api: target.scope.clone() };
    Granted::to_client(client, target, narrowing.for_client())
}
