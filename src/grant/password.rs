//! Resource owner password credentials ([RFC 6749 §4.3]).
//!
//! Off unless a first-party client is registered for it; RFC 9700 §2.4 advises against it for all others.
//!
//! [RFC 6749 §4.3]: https://www.rfc-editor.org/rfc/rfc6749#section-4.3

use super::{Grant, TokenRequest, target};
use crate::app::App;
use crate::issue::{self, Granted};
use crate::model::{Event, Narrowing};
use crate::protocol::{Error, Secret};
use crate::store::{Credentials, PasswordGrant, SignIn, SignedIn};
use crate::user;

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
    let authenticated = user::authenticate(app, &client, address, username, password).await?;

    let target = target::of_request(app, &client, params.find("resource")).await?;
    let narrowing = Narrowing { requested, client: client.scope.clone(), api: target.scope.clone() };
    let (granting, refresh_token) = issue::begin_family(app, &target.uri, client.may_use("refresh_token"));
    let user_id = authenticated.credentials.user_id;
    let entry = app.audit(Event::SignedIn).client(&client.id).user(user_id).detail(format!("from {address}"));
    let sign_in = SignIn {
        credentials: authenticated.credentials.clone(),
        account: authenticated.account,
        prefix: authenticated.prefix,
        entry,
    };
    let grant = PasswordGrant { client: (client.id.clone(), client.generation), narrowing, granting };
    let signed_in = app.store.sign_in(sign_in, grant, app.config().users.default_role.clone()).await?;
    let SignedIn { user, family } =
        signed_in.ok_or_else(|| user::refused("the user or the client changed during the sign-in"))?;

    if let Some(password) = authenticated.weaker {
        tokio::spawn(strengthen(app.clone(), authenticated.credentials, password));
    }
    let family = family.ok_or_else(issue::nothing_to_grant)?;
    let scope = family.scope.clone();
    Granted::to_user(client, target, &user, &family, scope, refresh_token)
}

/// Hashes a password anew whose stored hash is weaker than those made now. It happens after the attempt, so
/// that the attempt costs one derivation like any other; what fails is tried again at the next sign-in.
async fn strengthen(app: App, credentials: Credentials, password: Secret<String>) {
    let user_id = credentials.user_id;
    let renewed = async {
        let hash = app.hasher.hash(password).await?;
        let row = user_id.to_string();
        let sealed = app.seal.seal(&user::password_place(&row), hash.to_phc().expose().as_bytes());
        app.store.rehash(user_id, credentials.generation, sealed).await.map_err(Error::from)
    };
    if let Err(error) = renewed.await {
        tracing::warn!(%user_id, %error, "a weak password hash was not renewed");
    }
}
