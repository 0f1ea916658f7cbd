//! Access tokens, and what pretends to be one.

use super::claims::{self, Known};
use super::ending::{self, Grounds, Rests};
use super::jwt::Jwt;
use super::{Desk, Explanation, Kind, Question, when};
use crate::access::{self, Access};
use crate::issue;
use crate::keys::verify::{Refused, SKEW};
use crate::model::{KeyState, UserId};
use crate::protocol::ClientId;
use crate::store;

/// Explains a JWT that says it is this issuer's, as an access token.
pub(super) async fn explain(
    desk: &Desk<'_>,
    jwt: &Jwt<'_>,
    question: &Question,
) -> Result<Explanation, store::Error> {
    let read = access::read(&desk.keys.current(), &desk.config.issuer, desk.now, jwt.token);
    let verified = read.as_ref().err().is_none_or(Refused::is_signed_here);
    let grounds = if verified { Some(grounds(desk, jwt).await?) } else { None };
    let mut explanation = Explanation {
        kind: Kind::AccessToken,
        accepted: false,
        because: Vec::new(),
        ended_by: None,
        verified,
        notes: Vec::new(),
        claims: claims::said(desk, jwt, &Known::load(desk, grounds.as_ref()).await?),
    };
    if let (Ok(access), Some(grounds)) = (&read, &grounds) {
        live(desk, jwt, question, access, grounds, &mut explanation).await?;
    }
    if let Err(refused) = &read {
        explanation.because.push(words(desk, jwt, refused));
        if matches!(refused, Refused::Expired | Refused::Key(_)) {
            explanation.ended_by = ended_by(desk, jwt, grounds.as_ref()).await?;
        }
        if let Some(ended) = &explanation.ended_by {
            explanation.because.push(ended.sentence());
        }
    }
    if !explanation.verified {
        explanation.notes.push("nothing that it says was verified".to_owned());
    }
    Ok(explanation)
}

/// Explains a JWT that says it is another issuer's.
pub(super) async fn foreign(
    desk: &Desk<'_>,
    jwt: &Jwt<'_>,
    question: &Question,
) -> Result<Explanation, store::Error> {
    let explanation = explain(desk, jwt, question).await?;
    if explanation.verified {
        // Signed here, under another name of this server.
        return Ok(explanation);
    }
    let because = format!(
        "it says that its issuer is `{}`, and this server is `{}`",
        jwt.text("iss").unwrap_or_default(),
        desk.config.issuer
    );
    Ok(Explanation { kind: Kind::ForeignToken, because: vec![because], ..explanation })
}

/// Explains a token whose form, signature and times are right.
async fn live(
    desk: &Desk<'_>,
    jwt: &Jwt<'_>,
    question: &Question,
    access: &Access,
    grounds: &Grounds,
    explanation: &mut Explanation,
) -> Result<(), store::Error> {
    let end = access.claims.exp.saturating_add(SKEW);
    let store = &desk.vault.store;
    let standing = store.read_standing(&access.claims.jti, access.family, &access.client_id, None).await?;
    if standing.is_none() {
        explanation.ended_by = ended_by(desk, jwt, Some(grounds)).await?;
        explanation.because.push(ending::sentence(explanation.ended_by.as_ref(), grounds));
        explanation.notes.push(format!(
            "an API that checks tokens by itself, without asking `/introspect`, takes it until {}",
            when(end, desk.now)
        ));
    }
    if let Some(api) = question.api.as_ref().filter(|api| !access.claims.is_for(api.as_str())) {
        explanation.because.push(format!("it is for `{}`, and not for `{api}`", access.claims.aud));
    }
    for token in question.scope.iter().filter(|token| access.require((*token).clone()).is_err()) {
        explanation.because.push(format!("it lacks the scope `{token}`"));
    }
    explanation.accepted = explanation.because.is_empty();
    if explanation.accepted {
        explanation.because.push(format!(
            "this server signed it, what it rests on stands, and it is good until {}",
            when(access.claims.exp, desk.now)
        ));
        let whom = question.api.as_ref().map_or(access.claims.aud.as_str(), |api| api.as_str());
        explanation.because.push(format!("`{whom}` must accept it"));
        if !question.scope.is_empty() {
            explanation.because.push(format!("it holds the scope `{}`", question.scope));
        }
    }
    Ok(())
}

/// Why a token is refused, with what is known of it.
fn words(desk: &Desk<'_>, jwt: &Jwt<'_>, refused: &Refused) -> String {
    match refused {
        Refused::Expired => {
            let end = jwt.integer("exp").unwrap_or_default();
            format!("it expired at {}", when(end, desk.now))
        }
        Refused::Future => {
            let begin = jwt.integer("iat").unwrap_or_default();
            format!("it is from the future: it says that it was issued at {}", when(begin, desk.now))
        }
        Refused::Key(kid) => key(desk, kid),
        Refused::Typ(typ) => format!("its `typ` is `{typ}`, and that of an access token is `at+jwt`"),
        Refused::Algorithm(alg) => format!("its `alg` is `{alg}`, and this server signs by `RS256` alone"),
        Refused::Signature => {
            "its signature is not that of the key that it names: it was changed, or is not of this server"
                .to_owned()
        }
        Refused::Issuer => {
            format!("a key of this server signed it, but its issuer is not `{}`", desk.config.issuer)
        }
        Refused::Header(_) | Refused::Claims(_) => refused.to_string(),
    }
}

/// Why the key `kid` is not believed.
fn key(desk: &Desk<'_>, kid: &str) -> String {
    let ring = desk.keys.current();
    let revoked = ring.keys().iter().find(|key| key.kid == kid && key.state() == KeyState::Revoked);
    match revoked {
        Some(key) => format!("the key that it names was revoked at {}", when(key.since(), desk.now)),
        None => {
            "the key that it names is not published: it is not one of this server, or left the JWKS after its time"
                .to_owned()
        }
    }
}

async fn grounds(desk: &Desk<'_>, jwt: &Jwt<'_>) -> Result<Grounds, store::Error> {
    let store = &desk.vault.store;
    let family = match jwt.text("jti").and_then(issue::family_of) {
        Some(id) => store.family(id).await?,
        None => None,
    };
    let client = match client_id(jwt) {
        Some(id) => store.client(&id).await?,
        None => None,
    };
    let user = family.as_ref().map(|family| family.user_id).or_else(|| subject(jwt));
    let user = match user {
        Some(id) => store.user_by_id(id).await?,
        None => None,
    };
    Ok(Grounds { client, user, family })
}

/// What ended a token that names what it rests on. Only what is in the audit trail is believed.
async fn ended_by(
    desk: &Desk<'_>,
    jwt: &Jwt<'_>,
    grounds: Option<&Grounds>,
) -> Result<Option<super::Ending>, store::Error> {
    let kid = jwt.header.get("kid").and_then(|kid| kid.as_str());
    let family = grounds.and_then(|grounds| grounds.family.as_ref());
    let rests = match grounds {
        // Whoever made it up may have named any user or client: nothing but the key is looked for.
        None => Rests { kid: kid.map(str::to_owned), ..Rests::nothing() },
        Some(_) => Rests {
            since: jwt.integer("iat").unwrap_or_default(),
            until: jwt.integer("exp").unwrap_or(i64::MAX),
            jti: jwt.text("jti").map(str::to_owned),
            kid: kid.map(str::to_owned),
            family: jwt.text("jti").and_then(issue::family_of),
            session: family.filter(|family| !family.is_offline).and_then(|family| family.session_id),
            client: client_id(jwt),
            user: family.map(|family| family.user_id).or_else(|| subject(jwt)),
        },
    };
    ending::find(desk, &rests).await
}

fn client_id(jwt: &Jwt<'_>) -> Option<ClientId> {
    jwt.text("client_id")?.parse().ok()
}

/// The user of a token whose `sub` is not pairwise.
fn subject(jwt: &Jwt<'_>) -> Option<UserId> {
    jwt.text("sub")?.parse().ok()
}
