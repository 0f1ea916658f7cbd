//! What the userinfo endpoint tells of a user ([OpenID Connect Core §5.3]).
//!
//! [OpenID Connect Core §5.3]: https://openid.net/specs/openid-connect-core-1_0.html#UserInfo

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::access::Access;
use crate::app::App;
use crate::model::standard_claims;
use crate::protocol::Error;

/// The claims that `access` opens: those of its scope (§5.4), and those asked for by name with its grant (§5.5). `sub` is
/// the token's own, so that it is the ID token's.
pub async fn userinfo(app: &App, access: &Access) -> Result<Map<String, Value>, Error> {
    let user = access.user(app).await?;
    let standing = access.standing(app).await?;
    let asked = match standing.as_ref().and_then(|standing| standing.asked.clone()) {
        // What the client may not have any more is not told, however it was asked for.
        Some(claims) => {
            let client = app.store.live_client(&access.client_id).await?;
            client.map(|client| standard_claims::within(&client.scope, claims).userinfo).unwrap_or_default()
        }
        None => BTreeMap::new(),
    };
    let mut claims = user.released(&access.scope, &asked);
    claims.insert("sub".to_owned(), access.claims.sub.clone().into());
    Ok(claims)
}
