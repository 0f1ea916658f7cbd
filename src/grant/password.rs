//! Resource owner password credentials ([RFC 6749 §4.3]).
//!
//! Off unless a first-party client is registered for it; RFC 9700 §2.4 advises against it for all others.
//!
//! [RFC 6749 §4.3]: https://www.rfc-editor.org/rfc/rfc6749#section-4.3

use super::{Grant, TokenRequest, target};
use crate::issue::{self, Granted};
use crate::model::{FamilyId, Narrowing, OFFLINE_ACCESS, OPENID};
use crate::protocol::{Error, Secret};
use crate::store::{PasswordGrant, SignedIn};
use crate::user::{self, Attempt, By};

pub(super) const GRANT: Grant = Grant {
    grant_type: "password",
    required: &["username", "password"],
    decide: |request| Box::pin(decide(request)),
};

async fn decide(TokenRequest { app, client, params, address }: TokenRequest<'_>) -> Result<Granted, Error> {
    if !client.first_party {
        return Err(Error::unauthorized_client("only a first-party client may ask for passwords"));
    }
    let (requested, username) = (params.scope()?, params.require("username")?);
    let password = Secret::new(params.require("password")?.to_owned());
    let attempt = Attempt { by: By::Client(&client), address, username, password };
    let authenticated = user::authenticate(app, attempt).await?;

    let target = target::of_request(app, &client, params.find("resource")).await?;
    // Nobody signed in here, and nobody was asked: these belong to the authorization endpoint.
    let beyond = [&OPENID, &OFFLINE_ACCESS].map(Clone::clone).into_iter().collect();
    let narrowing =
        Narrowing { requested, client: client.scope.difference(&beyond), api: target.scope.clone() };
    let family = FamilyId(app.random.id(app.clock.now()));
    let (granting, refresh_token) =
        issue::begin_family(app, family, &target.uri, client.may_use("refresh_token"));
    let sign_in = authenticated.take(app, Some(&client), address);
    let grant = PasswordGrant { client: (client.id.clone(), client.generation), narrowing, granting };
    let signed_in = app.store.sign_in(sign_in, grant, app.config().users.default_role.clone()).await?;
    let SignedIn { user, family } =
        signed_in.ok_or_else(|| user::refused("the user or the client changed during the sign-in"))?;

    let family = family.ok_or_else(issue::nothing_to_grant)?;
    let scope = family.scope.clone();
    Granted::to_user(client, target, user, family, scope, refresh_token)
}
