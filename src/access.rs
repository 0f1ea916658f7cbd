//! Access tokens that come back to us: what they say, by [`verify`](crate::keys::verify) under a key of our own ring, and
//! whether it still holds.

use std::sync::Arc;

use crate::app::App;
use crate::issue;
use crate::keys::ring::Ring;
use crate::keys::verify::Refused;
use crate::model::{FamilyId, UserId};
use crate::protocol::{AccessClaims, ClientId, Error, Issuer, Scope, ScopeToken, bad_token};
use crate::store::{LiveUser, Standing};
use crate::subject;

/// An access token that was signed here, for which nothing is known yet of revocation.
#[derive(Clone, Debug)]
pub struct Access {
    /// What it says.
    pub claims: AccessClaims,
    /// The client it was issued to.
    pub client_id: ClientId,
    /// Its scope.
    pub scope: Scope,
    /// The family it came from, by which its user is found; none for a token of the client itself.
    pub family: Option<FamilyId>,
}

/// Checks form, signature, issuer and times of `token`.
pub fn verify(app: &App, token: &str) -> Result<Access, Error> {
    read(&app.keys.current(), app.issuer(), app.clock.now(), token).map_err(bad_token)
}

/// The same with the keys of `ring` at `now`, and the reason why the token is refused.
pub fn read(ring: &Ring, issuer: &Issuer, now: i64, token: &str) -> Result<Access, Refused> {
    let received = ring.access_token(token)?;
    received.check(issuer.as_str(), now)?;
    let claims = received.claims.clone();
    let client_id = claims.client_id.parse::<ClientId>().map_err(Refused::claims)?;
    let scope = claims.scope.parse().map_err(Refused::claims)?;
    let family = issue::family_of(&claims.jti);
    Ok(Access { client_id, scope, family, claims })
}

impl Access {
    /// What the token rests on; `None` when it was revoked, or its client or user is gone, disabled or changed.
    pub async fn standing(&self, app: &App) -> Result<Option<Arc<Standing>>, Error> {
        let config = app.config();
        let default_role = config.users.default_role.as_ref();
        Ok(app.store.standing(&self.claims.jti, self.family, &self.client_id, default_role).await?)
    }

    /// Demands `token` of the scope ([RFC 6750 §3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)).
    pub fn require(&self, token: ScopeToken) -> Result<(), Error> {
        if self.scope.contains(&token) { Ok(()) } else { Err(Error::insufficient_scope(token.into())) }
    }

    /// The user it acts for, whatever API it is for: `profile` is the user's word that its holder may read their
    /// profile here, so `aud` says nothing about it. Refused when it or they have been stopped meanwhile.
    pub async fn user(&self, app: &App) -> Result<LiveUser, Error> {
        let standing = self.standing(app).await?;
        let standing = standing
            .ok_or_else(|| bad_token("the token was revoked, or its client or user is gone or disabled"))?;
        let user = standing.user.clone().ok_or_else(|| bad_token("the token acts for no user"))?;
        self.check_subject(app, user.id).await?;
        Ok(user)
    }

    /// Refuses a token whose `sub` is not what its client knows `user` by.
    async fn check_subject(&self, app: &App, user: UserId) -> Result<(), Error> {
        let sub = &self.claims.sub;
        if *sub == user.to_string() {
            return Ok(());
        }
        let client = app.store.live_client(&self.client_id).await?;
        let is_theirs = client.is_some_and(|client| subject::of(app, &client, user) == *sub);
        if is_theirs { Ok(()) } else { Err(bad_token("the subject is not the user of its family")) }
    }
}
