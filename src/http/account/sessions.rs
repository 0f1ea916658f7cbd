//! `/account/sessions`: the browsers that a person is signed in with, and their end.

use warp::reply::Response;

use super::Member;
use crate::http::view::{self, Done, Session};
use crate::model::Event;
use crate::protocol::{Error, Params};

const PATH: &str = "/account/sessions";

pub(super) async fn step(member: &Member, form: Option<&Params>) -> Result<Response, Error> {
    let Some(form) = form else { return page(member, None).await };
    if let Err(error) = member.check(PATH, form) {
        return page(member, Some(&error)).await;
    }
    let (store, user, own) = (&member.app().store, member.session.user().id, member.session.id());
    let entry = member.app().audit(Event::SessionEnded);
    match form.find("end") {
        Some("others") => {
            store.end_sessions(user, Some(own), entry).await?;
            Ok(member.changed(PATH, Done::Sessions))
        }
        // One that is over is as it was wished to be.
        end => {
            if let Some(id) = end.and_then(|id| id.parse().ok()) {
                store.end_session(user, id, entry).await?;
            }
            Ok(member.changed(PATH, Done::Session))
        }
    }
}

async fn page(member: &Member, refusal: Option<&Error>) -> Result<Response, Error> {
    let (app, own) = (member.app(), member.session.id());
    let (now, idle) = (app.clock.now(), app.config().sessions.idle.get());
    let mut sessions = app.store.sessions_of(member.session.user().id, now, idle).await?;
    sessions.sort_by_key(|session| session.id != own);
    let ids: Vec<_> = sessions.iter().map(|session| session.id.to_string()).collect();
    let shown = sessions.iter().zip(&ids).map(|(session, id)| Session {
        id,
        agent: session.agent.as_deref(),
        is_own: session.id == own,
        auth_time: session.auth_time,
        seen_at: session.seen_at,
    });
    let (frame, done) = (member.frame(), member.done().filter(|_| refusal.is_none()));
    Ok(member.page(PATH, |form| {
        view::Sessions { frame: &frame, form, sessions: shown.collect(), now, done, refusal }.answer()
    }))
}
