//! Refreshing an access token ([RFC 6749 §6]) with rotation ([RFC 9700 §4.14.2]).
//!
//! Each use gives a successor, which follows from its parent: an answer that was lost can be fetched again for
//! a short while without a second successor coming into being.
//!
//! [RFC 6749 §6]: https://www.rfc-editor.org/rfc/rfc6749#section-6
//! [RFC 9700 §4.14.2]: https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2

use super::{Grant, TokenRequest, target};
use crate::issue::{self, Granted};
use crate::model::{Event, Narrowing};
use crate::protocol::{BoxError, Error, RefreshToken};
use crate::store::{Refresh, Refreshed};

pub(super) const GRANT: Grant = Grant {
    grant_type: "refresh_token",
    required: &["refresh_token"],
    decide: |request| Box::pin(decide(request)),
};

async fn decide(TokenRequest { app, client, params, .. }: TokenRequest<'_>) -> Result<Granted, Error> {
    let parent = RefreshToken::parse(params.require("refresh_token")?).ok_or_else(|| refused("malformed"))?;
    let requested = params.scope()?;
    let digest = issue::digest(app, &parent);

    let presented =
        app.store.presented(&digest).await?.ok_or_else(|| refused("there is no such refresh token"))?;
    let family = presented.family;
    if family.client_id != client.id {
        return Err(refused("the refresh token is another client's"));
    }
    let target = target::of_grant(app, &client, &family.api).await?;
    // Told only to who holds a good token, which then stays unused.
    let unfit = if params.find("resource").is_some_and(|resource| resource != family.api.as_str()) {
        Some(Error::invalid_target("a refresh is for the resource of the first request"))
    } else if requested.as_ref().is_some_and(|requested| !requested.is_within(&family.scope)) {
        Some(Error::invalid_scope("a refresh cannot ask for more than was granted"))
    } else {
        None
    };
    let narrowing = Narrowing {
        requested: Some(requested.unwrap_or(family.scope)),
        client: client.scope.clone(),
        api: target.scope.clone(),
    };

    let config = app.config();
    let successor = {
        let (app, parent) = (app.clone(), parent.clone());
        move |family, generation| issue::digest(&app, &issue::successor(&app, &parent, family, generation))
    };
    let about = |event| {
        app.audit(event).client(&client.id).user(family.user_id).detail(format!("family {}", family.id))
    };
    let refresh = Refresh {
        digest,
        client: client.id.clone(),
        successor,
        idle: config.tokens.refresh_token_idle.get(),
        narrowing,
        is_fit: unfit.is_none(),
        window: config.tokens.lost_response_window.get(),
        default_role: config.users.default_role.clone(),
        reused: about(Event::RefreshTokenReused),
        revoked: about(Event::FamilyRevoked),
        clock: app.clock.clone(),
    };
    match app.store.refresh(refresh).await? {
        Refreshed::Refused(cause) => Err(refused(cause)),
        Refreshed::Unfit => Err(unfit.unwrap_or_else(issue::nothing_to_grant)),
        Refreshed::Live { family, user, scope, generation, is_repeat } => {
            if is_repeat {
                tracing::info!(family = %family.id, "a lost answer to a refresh was given again");
            }
            let token = issue::successor(app, &parent, family.id, generation);
            Granted::to_user(client, target, user, *family, scope, Some(token))
        }
    }
}

fn refused(cause: impl Into<BoxError>) -> Error {
    Error::invalid_grant("the refresh token is not valid").because(cause)
}
