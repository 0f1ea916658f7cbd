//! Revocation ([RFC 7009]): a refresh token takes its family along, an access token goes alone.
//!
//! [RFC 7009]: https://www.rfc-editor.org/rfc/rfc7009

use crate::app::App;
use crate::config::LONGEST_ACCESS_TOKEN;
use crate::keys::verify::SKEW;
use crate::model::{Audit, Client, Event};
use crate::protocol::{Error, RefreshToken};
use crate::{access, issue};

/// Revokes `token` at the wish of `client`. A token that is not good any more is a success (§2.2); another
/// client's is refused (§2.1).
pub async fn revoke(app: &App, client: &Client, token: &str) -> Result<(), Error> {
    if let Some(token) = RefreshToken::parse(token) {
        let Some(presented) = app.store.presented(&issue::digest(app, &token)).await? else { return Ok(()) };
        let family = presented.family;
        own(client, family.client_id == client.id)?;
        let entry = app.audit(Event::FamilyRevoked).client(&client.id).user(family.user_id);
        app.store
            .revoke_family(family.id, entry.detail(format!("family {}, by its client", family.id)))
            .await?;
        return Ok(());
    }
    let Ok(access) = access::verify(app, token) else { return Ok(()) };
    own(client, access.client_id == client.id)?;
    let entry = app.audit(Event::AccessTokenRevoked).client(&client.id);
    let family = match access.family {
        Some(family) => app.store.family(family).await?,
        None => None,
    };
    let entry = family.iter().map(|family| family.user_id).fold(entry, Audit::user);
    // Remembered for as long as any node may take it for unexpired, and longer, should a clock be wrong for a while.
    let forget_at = access.claims.exp.saturating_add(SKEW + LONGEST_ACCESS_TOKEN.get());
    let detail = format!("jti {}", access.claims.jti);
    app.store.revoke_access_token(access.claims.jti, forget_at, entry.detail(detail)).await?;
    Ok(())
}

fn own(client: &Client, is_own: bool) -> Result<(), Error> {
    if is_own {
        return Ok(());
    }
    Err(Error::invalid_grant("the token was issued to another client")
        .because(format!("asked by `{}`", client.id)))
}
