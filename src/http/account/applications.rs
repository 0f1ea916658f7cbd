//! `/account/applications`: what a person has allowed clients, and its end.

use warp::reply::Response;

use super::Member;
use crate::http::view::{self, Allowance, Application, Done};
use crate::model::{Api, Client, Consent, Event};
use crate::protocol::{Error, Params};

const PATH: &str = "/account/applications";

pub(super) async fn step(member: &Member, form: Option<&Params>) -> Result<Response, Error> {
    let Some(form) = form else { return page(member, None).await };
    if let Err(error) = member.check(PATH, form) {
        return page(member, Some(&error)).await;
    }
    // What was withdrawn before is as it was wished to be.
    if let Some(client) = form.find("withdraw").and_then(|id| id.parse().ok()) {
        let entry = member.app().audit(Event::ConsentWithdrawn);
        member.app().store.withdraw_consent(member.session.user().id, client, entry).await?;
    }
    Ok(member.changed(PATH, Done::Application))
}

async fn page(member: &Member, refusal: Option<&Error>) -> Result<Response, Error> {
    let store = &member.app().store;
    let (consents, apis) = (store.consents_of(member.session.user().id).await?, store.apis().await?);
    let mut allowed = Vec::new();
    for consents in consents.chunk_by(|one, other| one.client_id == other.client_id) {
        if let Some(client) = store.client(&consents[0].client_id).await? {
            allowed.push((client, consents));
        }
    }
    allowed.sort_by(|(one, _), (other, _)| one.display_name().cmp(other.display_name()));
    let applications =
        allowed.iter().map(|(client, consents)| application(client, consents, &apis)).collect();
    let (frame, done) = (member.frame(), member.done().filter(|_| refusal.is_none()));
    Ok(member
        .page(PATH, |form| view::Applications { frame: &frame, form, applications, done, refusal }.answer()))
}

/// What `client` was allowed, all APIs together.
fn application<'a>(client: &'a Client, consents: &'a [Consent], apis: &'a [Api]) -> Application<'a> {
    let allowances = consents.iter().flat_map(|consent| {
        let api = apis.iter().find(|api| Some(&api.uri) == consent.api.as_ref());
        let described = move |token| api?.scopes.get(token)?.as_deref();
        consent.scope.iter().map(move |token| Allowance { token, description: described(token) })
    });
    Application {
        id: client.id.as_str(),
        name: client.display_name(),
        allowances: allowances.collect(),
        granted_at: consents.iter().map(|consent| consent.granted_at).max().unwrap_or_default(),
    }
}
