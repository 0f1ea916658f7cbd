//! `end_session_endpoint` ([OpenID Connect RP-Initiated Logout §2]).
//!
//! A client that shows the ID token of the browser's session ends it, and has the browser come back. Anybody else's word
//! is a wish that the person is asked about: else every link would sign people out, or lead them away from here.
//!
//! [OpenID Connect RP-Initiated Logout §2]: https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout

use warp::Filter;
use warp::reply::Response;

use super::cookies::Cookie;
use super::cors::Cors;
use super::csrf;
use super::form::body;
use super::reply;
use super::route::{PAGE, Route, read};
use super::view::{SignOut, SignedOut};
use super::visit::{Visit, visit};
use crate::app::App;
use crate::id_token_hint;
use crate::protocol::{ClientId, Error, IdTokenHint, Params};
use crate::store::{LiveClient, LiveSession};
use crate::{session, subject};

/// What the form is about.
pub(super) const ABOUT: &str = "sign-out";

/// `GET` and `POST /logout`
pub(super) fn routes(app: &App) -> Vec<Route> {
    let asked = read().and(visit(app)).then(async |visit| answer(visit, None).await);
    let posted = warp::post().and(visit(app)).and(body()).then(posted);
    vec![Route::new(app, Cors::Nobody, PAGE, "/logout", asked.or(posted).unify())]
}

/// A form is our own, in which the person said yes, or a client's request: one of another site, with which browsers send
/// no cookies, so that it is made again by `GET`.
async fn posted(visit: Visit, form: Params) -> Response {
    if csrf::is_claimed(&form) {
        answer(visit, Some(form)).await
    } else {
        reply::see_other(&visit.url("/logout", &form.to_query()))
    }
}

async fn answer(visit: Visit, form: Option<Params>) -> Response {
    let params = match Params::parse(visit.query.as_bytes()) {
        Ok(params) => params,
        Err(error) => return visit.failed(&Params::default(), &error),
    };
    match step(&visit, &params, form.as_ref()).await {
        Ok(response) => response,
        Err(error) => visit.failed(&params, &error),
    }
}

async fn step(visit: &Visit, params: &Params, form: Option<&Params>) -> Result<Response, Error> {
    let shown = shown(&visit.app, params).await?;
    let goal = goal(params, shown.as_ref());
    let Some(session) = visit.session().await? else { return Ok(gone(visit, params, goal)) };
    let is_own =
        |Shown { hint, client }: Shown| hint.sid == Some(subject::sid(&visit.app, &client, session.id()));
    let is_shown = shown.is_some_and(is_own) && goal != Goal::Astray;
    if let Some(form) = form {
        if let Err(error) = visit.check(ABOUT, form) {
            return Ok(page(visit, params, &session, Some(&error)));
        }
    } else if !is_shown {
        return Ok(page(visit, params, &session, None));
    }
    session::end(&visit.app, &session).await?;
    let mut response = match form {
        Some(_) => reply::see_other(&visit.url("/logout", &visit.query)),
        None => gone(visit, params, goal),
    };
    Cookie::Session.clear(&visit.app, &mut response);
    Ok(response)
}

/// The ID token that a request shows, and the client that it is for.
struct Shown {
    hint: IdTokenHint,
    client: LiveClient,
}

/// The ID token that the request shows, if it is one of ours, and of the client that the request names. One that is not
/// is no reason to keep anybody signed in, but gives no right either.
async fn shown(app: &App, params: &Params) -> Result<Option<Shown>, Error> {
    let hint =
        params.find("id_token_hint").map(|hint| id_token_hint::read(app, hint).inspect_err(reply::log));
    let Some(Ok(hint)) = hint else { return Ok(None) };
    let Ok(id) = hint.aud.parse::<ClientId>() else { return Ok(None) };
    if params.find("client_id").is_some_and(|client| client != hint.aud) {
        return Ok(None);
    }
    Ok(app.store.live_client(&id).await?.map(|client| Shown { hint, client }))
}

/// Where the person is to go once they are signed out.
#[derive(Debug, PartialEq, Eq)]
enum Goal {
    /// Nowhere.
    Here,
    /// To the client.
    Client(String),
    /// Where nobody is sent.
    Astray,
}

/// The client shows by its ID token that it may have the browser back, at a URI that it is registered with, byte for
/// byte.
fn goal(params: &Params, shown: Option<&Shown>) -> Goal {
    let Some(uri) = params.find("post_logout_redirect_uri") else { return Goal::Here };
    let registered = shown.map_or(&[][..], |shown| &shown.client.post_logout_redirect_uris);
    match registered.iter().find(|registered| registered.as_str() == uri) {
        Some(registered) => {
            let state = params.find("state").map(|state| ("state", state));
            Goal::Client(registered.with_query(state.into_iter()))
        }
        None => {
            let client = shown.map(|shown| shown.client.id.as_str());
            tracing::info!(client, "no browser is sent to this `post_logout_redirect_uri`");
            Goal::Astray
        }
    }
}

/// What somebody sees who is signed out.
fn gone(visit: &Visit, params: &Params, goal: Goal) -> Response {
    match goal {
        Goal::Client(location) => reply::see_other(&location),
        Goal::Here | Goal::Astray => SignedOut { frame: &visit.frame(params) }.answer(),
    }
}

/// Asks, with what was wrong with the answer before.
fn page(visit: &Visit, params: &Params, session: &LiveSession, refusal: Option<&Error>) -> Response {
    let (frame, username) = (visit.frame(params), session.user().username.as_str());
    let action = visit.path("/logout", &visit.query);
    visit.form(ABOUT, &action, |form| SignOut { frame: &frame, form, username, refusal }.answer())
}
