//! ID tokens and logout tokens: they tell a client something, and open nothing.

use super::claims::{self, Known};
use super::ending::{self, Grounds, Rests};
use super::jwt::Jwt;
use super::{Desk, Explanation, Kind, when};
use crate::keys::verify;
use crate::protocol::IdTokenHint;
use crate::store;

const NO_KEY: &str = "an API must refuse it: it says who signed in, and not what its holder may do";

/// Explains an ID token.
pub(super) async fn id_token(desk: &Desk<'_>, jwt: &Jwt<'_>) -> Result<Explanation, store::Error> {
    let ring = desk.keys.current();
    let hint = verify::id_token_hint(jwt.token, desk.config.issuer.as_str(), |kid| ring.verifier(kid));
    let mut because = vec![format!("it is an ID token, and no access token; {NO_KEY}")];
    let (grounds, ended_by) = match &hint {
        Ok(hint) => (Some(grounds(desk, hint).await?), ended_by(desk, jwt, hint).await?),
        Err(refused) => {
            because.insert(0, refused.to_string());
            (None, None)
        }
    };
    if let Some(end) = jwt.integer("exp").filter(|end| *end <= desk.now && hint.is_ok()) {
        because.push(format!("it expired at {}", when(end, desk.now)));
    }
    because.extend(ended_by.as_ref().map(|ended| format!("its session is over: {}", ended.sentence())));
    let note = match &hint {
        Ok(_) => "this server takes it as `id_token_hint`, when its client signs a user in or out",
        Err(_) => "nothing that it says was verified",
    };
    Ok(Explanation {
        kind: Kind::IdToken,
        accepted: false,
        because,
        ended_by,
        verified: hint.is_ok(),
        notes: vec![note.to_owned()],
        claims: claims::said(desk, jwt, &Known::load(desk, grounds.as_ref()).await?),
    })
}

/// Explains a logout token, which its client reads once and forgets: nothing of it is looked up here.
pub(super) fn logout_token(desk: &Desk<'_>, jwt: &Jwt<'_>) -> Explanation {
    let because = "it is a logout token, which told a client that a session is over, and opens nothing";
    Explanation {
        kind: Kind::LogoutToken,
        accepted: false,
        because: vec![because.to_owned()],
        ended_by: None,
        verified: false,
        notes: vec!["nothing that it says was verified".to_owned()],
        claims: claims::said(desk, jwt, &Known { grounds: None, apis: Vec::new() }),
    }
}

async fn grounds(desk: &Desk<'_>, hint: &IdTokenHint) -> Result<Grounds, store::Error> {
    let store = &desk.vault.store;
    let client = match hint.aud.parse() {
        Ok(id) => store.client(&id).await?,
        Err(_) => None,
    };
    let user = match hint.sub.parse() {
        Ok(id) => store.user_by_id(id).await?,
        Err(_) => None,
    };
    Ok(Grounds { client, user, family: None })
}

/// The end of the session that it tells of.
async fn ended_by(
    desk: &Desk<'_>,
    jwt: &Jwt<'_>,
    hint: &IdTokenHint,
) -> Result<Option<super::Ending>, store::Error> {
    let session = hint.sid.as_ref().and_then(|sid| sid.parse().ok());
    if session.is_none() {
        return Ok(None);
    }
    let user = hint.sub.parse().ok();
    let since = jwt.integer("iat").unwrap_or_default();
    ending::find(desk, &Rests { since, session, user, ..Rests::nothing() }).await
}
