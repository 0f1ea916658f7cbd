//! `/sign-in`: a person says who they are, on their way to a client or to their own account.

use warp::Filter;
use warp::reply::Response;

use super::authorization::refused;
use super::cors::Cors;
use super::form::body;
use super::reply;
use super::route::{PAGE, Route, read};
use super::view::SignIn;
use super::visit::{Visit, visit};
use crate::app::App;
use crate::authorize::{self, Asked, Refusal};
use crate::protocol::{AuthorizationRequest, Error, Params, Secret};
use crate::session;

/// What the form is about.
const ABOUT: &str = "sign-in";

/// `GET` and `POST /sign-in`
pub(super) fn routes(app: &App) -> Vec<Route> {
    let show = read().and(visit(app)).then(show);
    let attempt = warp::post().and(visit(app)).and(body()).then(attempt);
    vec![Route::new(app, Cors::Nobody, PAGE, "/sign-in", show.or(attempt).unify())]
}

/// The request that a person is on the way with; none for who comes by themself.
async fn asked(visit: &Visit, params: &Params) -> Result<Option<Asked>, Refusal> {
    match params.find("client_id") {
        Some(_) => authorize::read(&visit.app, params).await.map(Some),
        None => Ok(None),
    }
}

async fn show(visit: Visit) -> Response {
    let params = match visit.params() {
        Ok(params) => params,
        Err(error) => return visit.failed(&Params::default(), &error),
    };
    match asked(&visit, &params).await {
        Ok(asked) => page(&visit, &params, asked.as_ref(), params.find("login_hint"), None),
        Err(refusal) => refused(&visit, &params, refusal),
    }
}

/// The form, with what was wrong with it before.
fn page(
    visit: &Visit,
    params: &Params,
    asked: Option<&Asked>,
    username: Option<&str>,
    refusal: Option<&Error>,
) -> Response {
    let frame = visit.frame(params);
    let client = asked.map(|asked| asked.client.display_name());
    let username = username.unwrap_or_default();
    let action = visit.path("/sign-in", &visit.query);
    visit.form(ABOUT, &action, |form| SignIn { frame: &frame, form, client, username, refusal }.answer())
}

async fn attempt(visit: Visit, form: Params) -> Response {
    let params = match visit.params() {
        Ok(params) => params,
        Err(error) => return visit.failed(&Params::default(), &error),
    };
    let asked = match asked(&visit, &params).await {
        Ok(asked) => asked,
        Err(refusal) => return refused(&visit, &params, refusal),
    };
    // A field that was left empty is a wrong one, and costs the same.
    let (username, password) = (form.find("username"), form.find("password").unwrap_or_default());
    // Keyboards of phones leave a space behind a name that they complete, and no name has one.
    let username = username.map(str::trim);
    let again = |error: &Error| page(&visit, &params, asked.as_ref(), username, Some(error));
    if let Err(error) = visit.check(ABOUT, &form) {
        return again(&error);
    }
    let client = asked.as_ref().map(|asked| &asked.client);
    let password = Secret::new(password.to_owned());
    let signed_in =
        session::sign_in(&visit.app, visit.browser(), client, username.unwrap_or_default(), password).await;
    let begun = match signed_in {
        Ok(begun) => begun,
        Err(error) => return again(&error),
    };
    let mut response = match asked {
        None => reply::see_other(&visit.url("/account", "")),
        // Asking the same again would lead nowhere: the client is told (OpenID Connect Core §3.1.2.1).
        Some(asked) if !asked.means(&visit.app, &begun.session) => {
            reply::see_other(&visit.url("/authorize", &AuthorizationRequest::unasked(&params)))
        }
        Some(_) => reply::see_other(&visit.url("/authorize", &AuthorizationRequest::signed_in(&params))),
    };
    visit.keep(&begun, &mut response);
    response
}
