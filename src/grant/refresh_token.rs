//! Refreshing an access token ([RFC 6749 §6]) with rotation ([RFC 9700 §4.14.2]).
//!
//! Each use gives a successor, which follows from its parent: an answer that was lost can be fetched again for
//! a short while without a second successor coming into being.
//!
//! [RFC 6749 §6]: https://www.rfc-editor.org/rfc/rfc6749#section-6
//! [RFC 9700 §4.14.2]: https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2

use super::{Grant, Target, TokenRequest, target};
use crate::app::App;
use crate::issue::{self, Granted};
use crate::model::{Audit, Event, Family, FamilyId, Narrowing, Terms};
use crate::protocol::{BoxError, Error, RefreshToken, Scope};
use crate::store::{Fit, LiveClient, Refresh, Refreshed, Renewal};

pub(super) const GRANT: Grant = Grant {
    grant_type: "refresh_token",
    required: &["refresh_token"],
    decide: |request| Box::pin(decide(request)),
};

async fn decide(TokenRequest { app, client, params, .. }: TokenRequest<'_>) -> Result<Granted, Error> {
    let parent = RefreshToken::parse(params.require("refresh_token")?).ok_or_else(|| refused("malformed"))?;
    let renewal = Request {
        app: app.clone(),
        client: client.clone(),
        parent: parent.clone(),
        scope: params.scope()?,
        resource: params.find("resource").map(str::to_owned),
    };
    let config = app.config();
    let refresh = Refresh {
        digest: issue::digest(app, &parent),
        idle: config.tokens.refresh_token_idle.get(),
        window: config.tokens.lost_response_window.get(),
        default_role: config.users.default_role.clone(),
        clock: app.clock.clone(),
        renewal,
    };
    match app.store.refresh(refresh).await? {
        Refreshed::Refused(cause) => Err(refused(cause)),
        Refreshed::Denied(error) => Err(error),
        Refreshed::Empty => Err(issue::nothing_to_grant()),
        Refreshed::Live { family, user, target, scope, generation, is_repeat } => {
            if is_repeat {
                tracing::info!(family = %family.id, "a lost answer to a refresh was given again");
            }
            let token = issue::successor(app, &parent, family.id, generation);
            Granted::to_user(client, target, user, *family, scope, Some(token))
        }
    }
}

/// What is asked for with a refresh token.
struct Request {
    app: App,
    client: LiveClient,
    parent: RefreshToken,
    scope: Option<Scope>,
    resource: Option<String>,
}

impl Renewal for Request {
    type Target = Target;

    fn judge(&self, family: &Family, terms: Option<Terms>) -> Result<Fit<Target>, Error> {
        if family.client_id != self.client.id {
            return Err(refused("the refresh token is another client's"));
        }
        let target = target::of_grant(&self.app, &self.client, &family.api, terms)?;
        let unfit = if self.resource.as_ref().is_some_and(|resource| resource != family.api.as_str()) {
            Some(Error::invalid_target("a refresh is for the resource of the first request"))
        } else if self.scope.as_ref().is_some_and(|scope| !scope.is_within(&family.scope)) {
            Some(Error::invalid_scope("a refresh cannot ask for more than was granted"))
        } else {
            None
        };
        let narrowing = Narrowing {
            requested: Some(self.scope.as_ref().unwrap_or(&family.scope).clone()),
            client: self.client.scope.clone(),
            api: target.scope.clone(),
        };
        Ok(Fit { target, narrowing, unfit })
    }

    fn successor(&self, family: FamilyId, generation: i64) -> String {
        issue::digest(&self.app, &issue::successor(&self.app, &self.parent, family, generation))
    }

    fn entry(&self, event: Event, family: &Family) -> Audit {
        let entry = self.app.audit(event).client(&self.client.id).user(family.user_id);
        entry.detail(format!("family {}", family.id))
    }
}

fn refused(cause: impl Into<BoxError>) -> Error {
    Error::invalid_grant("the refresh token is not valid").because(cause)
}
