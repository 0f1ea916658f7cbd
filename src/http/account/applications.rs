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
    for consent in consents {
        if let Some(client) = store.client(&consent.client_id).await? {
            allowed.push((client, consent));
        }
    }
    allowed.sort_by(|(one, _), (other, _)| one.display_name().cmp(other.display_name()));
    let applications = allowed.iter().map(|(client, consent)| application(client, consent, &apis)).collect();
    let (frame, done) = (member.frame(), member.done().filter(|_| refusal.is_none()));
    Ok(member
        .page(PATH, |form| view::Applications { frame: &frame, form, applications, done, refusal }.answer()))
}

fn application<'a>(client: &'a Client, consent: &'a Consent, apis: &'a [Api]) -> Application<'a> {
    let own = apis.iter().filter(|api| client.apis.contains(&api.uri));
    let described = |token| own.clone().find_map(|api| api.scopes.get(token)?.as_deref());
    Application {
        id: client.id.as_str(),
        name: client.display_name(),
        allowances: consent
            .scope
            .iter()
            .map(|token| Allowance { token, description: described(token) })
            .collect(),
        granted_at: consent.granted_at,
    }
}
