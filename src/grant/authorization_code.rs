//! Redeeming an authorization code ([RFC 6749 §4.1.3], [RFC 7636 §4.5]).
//!
//! A code is good once, for its client, with all that its request committed to. Who presents it without that has not
//! used it: only its client can end what it gave, by presenting it again.
//!
//! [RFC 6749 §4.1.3]: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3
//! [RFC 7636 §4.5]: https://www.rfc-editor.org/rfc/rfc7636#section-4.5

use super::{Grant, Target, TokenRequest, target};
use crate::app::App;
use crate::code;
use crate::issue::{self, Granted};
use crate::model::{Audit, Authorization, Client, ConsentPolicy, Event, Narrowing, Terms};
use crate::protocol::{AuthorizationCode, BoxError, CodeVerifier, Error, Params, RefreshToken};
use crate::store::{LiveClient, Redeem, Redeemed, Redemption, Worth};

pub(super) const GRANT: Grant = Grant {
    grant_type: "authorization_code",
    required: &["code"],
    decide: |request| Box::pin(decide(request)),
};

async fn decide(TokenRequest { app, client, params, .. }: TokenRequest<'_>) -> Result<Granted, Error> {
    let code = AuthorizationCode::parse(params.require("code")?).ok_or_else(|| refused("malformed"))?;
    let redeem = Redeem {
        digest: code::digest(app, &code),
        default_role: app.config().users.default_role.clone(),
        clock: app.clock.clone(),
        redemption: Request { app: app.clone(), client: client.clone(), params },
    };
    match app.store.redeem_code(redeem).await? {
        Redeemed::Refused(cause) => Err(refused(cause)),
        Redeemed::Denied(error) => Err(error),
        Redeemed::Empty => Err(issue::nothing_to_grant()),
        Redeemed::Live { family, user, target: (target, refresh_token), nonce } => {
            let scope = family.scope.clone();
            Ok(Granted::to_user(client, target, user, *family, scope, refresh_token)?.with_nonce(nonce))
        }
    }
}

/// What is brought along with a code.
struct Request {
    app: App,
    client: LiveClient,
    params: Params,
}

impl Redemption for Request {
    type Target = (Target, Option<RefreshToken>);

    fn judge(&self, code: &Authorization, terms: Option<Terms>) -> Result<Worth<Self::Target>, Error> {
        let Self { app, client, params } = self;
        if code.client_id != client.id {
            return Err(refused("the code is another client's"));
        }
        check_redirect_uri(code, client, params)?;
        check_code_verifier(code, params)?;
        if params.find("resource").is_some_and(|resource| resource != code.api.as_str()) {
            return Err(Error::invalid_target("the code is for the resource of its request"));
        }
        let target = target::of_grant(app, client, &code.api, terms)?;
        let narrowing = Narrowing {
            requested: Some(code.scope.clone()),
            client: client.scope.clone(),
            api: target.scope.clone(),
        };
        let is_renewable = client.may_use("refresh_token");
        let (granting, refresh_token) = issue::begin_family(app, code.family_id, &target.uri, is_renewable);
        let needs_consent = client.profile.consent == ConsentPolicy::Ask;
        Ok(Worth { target: (target, refresh_token), granting, narrowing, needs_consent })
    }

    fn reused(&self, code: &Authorization) -> Audit {
        let entry = self.app.audit(Event::AuthorizationCodeReused).client(&self.client.id).user(code.user_id);
        entry.detail(format!("family {}", code.family_id))
    }
}

/// `redirect_uri` is the one of the request, byte for byte. Where the request left it out, so may this
/// ([RFC 6749 §4.1.3](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3)).
fn check_redirect_uri(authorization: &Authorization, client: &Client, params: &Params) -> Result<(), Error> {
    let is_right = match (&authorization.redirect_uri, params.find("redirect_uri")) {
        (Some(asked), given) => given == Some(asked.as_str()),
        (None, None) => true,
        (None, Some(given)) => matches!(&client.redirect_uris[..], [sole] if sole.as_str() == given),
    };
    if is_right {
        return Ok(());
    }
    Err(Error::invalid_grant("`redirect_uri` is not the one that the code was asked for with"))
}

/// `code_verifier` meets the `code_challenge` of the request, and comes only where there was one, so that a challenge
/// cannot be stripped from a request unnoticed ([RFC 9700 §2.1.1]).
///
/// [RFC 9700 §2.1.1]: https://www.rfc-editor.org/rfc/rfc9700#section-2.1.1
fn check_code_verifier(authorization: &Authorization, params: &Params) -> Result<(), Error> {
    let verifier = params.find("code_verifier").map(str::parse::<CodeVerifier>).transpose()?;
    match (&authorization.code_challenge, verifier) {
        (None, None) => Ok(()),
        (Some(challenge), Some(verifier)) if challenge.is_met_by(&verifier) => Ok(()),
        (Some(_), Some(_)) => Err(Error::invalid_grant("`code_verifier` does not meet the `code_challenge`")),
        (Some(_), None) => Err(Error::invalid_grant(
            "the code was asked for with a `code_challenge`: `code_verifier` is missing",
        )),
        (None, Some(_)) => Err(Error::invalid_grant(
            "the code was asked for without a `code_challenge`, but a `code_verifier` came",
        )),
    }
}

fn refused(cause: impl Into<BoxError>) -> Error {
    Error::invalid_grant("the authorization code is not valid").because(cause)
}
