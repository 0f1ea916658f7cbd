//! Refresh tokens: which grant, which place in it, and how it stands.

use super::ending::{self, Grounds, Rests};
use super::{Desk, Explanation, Kind, Question, Said, when};
use crate::issue;
use crate::model::{Family, Presented, Verdict};
use crate::protocol::RefreshToken;
use crate::store;

/// Explains a refresh token.
pub(super) async fn explain(
    desk: &Desk<'_>,
    token: &RefreshToken,
    question: &Question,
) -> Result<Explanation, store::Error> {
    let store = &desk.vault.store;
    let mut explanation = Explanation {
        kind: Kind::RefreshToken,
        accepted: false,
        because: Vec::new(),
        ended_by: None,
        verified: false,
        notes: Vec::new(),
        claims: Vec::new(),
    };
    let Some(presented) = store.presented(&issue::digest(desk.vault, token)).await? else {
        let because = "it is well-formed, but not kept here: another server made it, or its grant is over and forgotten";
        explanation.because.push(because.to_owned());
        return Ok(explanation);
    };
    let family = &presented.family;
    let grounds = Grounds {
        client: store.client(&family.client_id).await?,
        user: store.user_by_id(family.user_id).await?,
        family: Some(family.clone()),
    };
    let stands = store.read_standing("", Some(family.id), &family.client_id, None).await?.is_some();
    let verdict = presented.verdict(desk.now, desk.config.tokens.lost_response_window.get());
    let is_good = stands && matches!(verdict, Verdict::Rotate | Verdict::Repeat);
    if family.revoked_at.is_some() || !stands {
        explanation.ended_by = ended_by(desk, family).await?;
        explanation.because.push(ending::sentence(explanation.ended_by.as_ref(), &grounds));
    }
    if family.revoked_at.is_none() {
        explanation.because.push(words(desk, &presented, verdict));
    }
    if let Some(api) = question.api.as_ref().filter(|api| **api != family.api) {
        explanation
            .because
            .insert(0, format!("its access tokens are for `{}`, and not for `{api}`", family.api));
    }
    for scope in question.scope.difference(&family.scope).iter() {
        explanation.because.insert(0, format!("its grant lacks the scope `{scope}`"));
    }
    let is_fit =
        question.api.as_ref().is_none_or(|api| *api == family.api) && question.scope.is_within(&family.scope);
    Ok(Explanation {
        accepted: is_good && is_fit,
        verified: true,
        notes: vec!["only its client can use it, at the token endpoint; an API must refuse it".to_owned()],
        claims: said(desk, &presented, &grounds),
        ..explanation
    })
}

/// What presenting it now would mean.
fn words(desk: &Desk<'_>, presented: &Presented, verdict: Verdict) -> String {
    let used = presented.used_at.map(|at| when(at, desk.now)).unwrap_or_default();
    match verdict {
        Verdict::Rotate => {
            "it was not used yet: its client can use it, once, and gets its successor".to_owned()
        }
        Verdict::Repeat => {
            format!(
                "it was used at {used}; until the window for lost answers closes, it gives the same successor again"
            )
        }
        Verdict::Late => {
            format!("it was used at {used}; a second use now would end the whole grant")
        }
        Verdict::Reused => format!(
            "it was used at {used}, and so was its successor; a second use now would end the whole grant, and be audited as theft"
        ),
        Verdict::Ended => {
            let end = presented.expires_at.min(presented.family.expires_at);
            format!("it expired at {}", when(end, desk.now))
        }
    }
}

async fn ended_by(desk: &Desk<'_>, family: &Family) -> Result<Option<super::Ending>, store::Error> {
    let rests = Rests {
        // Its id says when the grant was made.
        since: family.id.begun_at(),
        family: Some(family.id),
        session: family.session_id.filter(|_| !family.is_offline),
        client: Some(family.client_id.clone()),
        user: Some(family.user_id),
        ..Rests::nothing()
    };
    ending::find(desk, &rests).await
}

/// What is kept for it.
fn said(desk: &Desk<'_>, presented: &Presented, grounds: &Grounds) -> Vec<Said> {
    let Presented { generation, expires_at, used_at, family, .. } = presented;
    let client = grounds.client.as_ref().and_then(|client| client.name.as_ref());
    let client = client.map(|name| format!(", {name}")).unwrap_or_default();
    let user = grounds.user.as_ref().map(|user| format!("`{}`", user.username));
    let at = |words: &str, at: i64| format!("{words} {}", when(at, desk.now));
    let mut said = vec![
        Said::new(
            "grant",
            family.id.to_string(),
            at("the grant, a family of refresh tokens; it was made at", family.id.begun_at()),
        ),
        Said::new(
            "generation",
            *generation,
            "its place in the grant: how many refresh tokens came before it",
        ),
        Said::new("client_id", family.client_id.as_str(), format!("the client that it was given to{client}")),
        Said::new(
            "sub",
            family.user_id.to_string(),
            format!("the user {}", user.unwrap_or_else(|| "that is not there any more".to_owned())),
        ),
        Said::new("aud", family.api.as_str(), "the API that its access tokens are for"),
        Said::new("scope", family.scope.to_string(), "what was granted; an access token of it may hold less"),
        Said::new(
            "auth_time",
            family.authentication.at,
            at("the user proved who they are at", family.authentication.at),
        ),
    ];
    if let Some(session) = family.session_id {
        let meaning = if family.is_offline {
            "the session that it was granted in, which it outlives"
        } else {
            "the session that it was granted in, and ends with"
        };
        said.push(Said::new("sid", session.to_string(), meaning));
    }
    said.extend(used_at.map(|used| Said::new("used_at", used, at("it was first used at", used))));
    said.push(Said::new("expires_at", *expires_at, at("unless it is used, it ends at", *expires_at)));
    let meaning = at("no refresh renews the grant beyond", family.expires_at);
    said.push(Said::new("grant_expires_at", family.expires_at, meaning));
    said.extend(family.revoked_at.map(|end| Said::new("revoked_at", end, at("the grant was ended at", end))));
    said
}
