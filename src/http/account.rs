//! `/account`: what a person sees and changes of what is kept about them.
//!
//! Whoever is not signed in is sent to do so. A form that was taken is answered with 303 to the page that says what
//! was done (`?done=…`), so that a reload does nothing twice.

mod applications;
mod password;
mod profile;
mod sessions;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use warp::Filter;
use warp::reply::Response;

use super::cors::Cors;
use super::end_session;
use super::form::body;
use super::reply;
use super::route::{PAGE, READ, Route, read};
use super::view::{Account, Done, Form, Frame};
use super::visit::{Visit, visit};
use crate::app::App;
use crate::protocol::{Error, Params};
use crate::store::LiveSession;

/// `GET /account`, `GET` and `POST` on the pages below it
pub(super) fn routes(app: &App) -> Vec<Route> {
    let overview =
        read().and(visit(app)).then(|visit| answer(visit, None, |member, _| overview(member).boxed()));
    vec![
        Route::new(app, Cors::Nobody, READ, "/account", overview),
        page(app, "/account/profile", |member, form| profile::step(member, form).boxed()),
        page(app, "/account/password", |member, form| password::step(member, form).boxed()),
        page(app, "/account/sessions", |member, form| sessions::step(member, form).boxed()),
        page(app, "/account/applications", |member, form| applications::step(member, form).boxed()),
    ]
}

/// Shows a page, or takes its form.
type Step = for<'a> fn(&'a Member, Option<&'a Params>) -> BoxFuture<'a, Result<Response, Error>>;

fn page(app: &App, path: &'static str, step: Step) -> Route {
    let show = read().and(visit(app)).then(move |visit| answer(visit, None, step));
    let change = warp::post().and(visit(app)).and(body());
    let change = change.then(move |visit, form| answer(visit, Some(form), step));
    Route::new(app, Cors::Nobody, PAGE, path, show.or(change).unify())
}

async fn answer(visit: Visit, form: Option<Params>, step: Step) -> Response {
    let params = visit.params().unwrap_or_default();
    let session = match visit.session().await {
        Ok(Some(session)) => session,
        Ok(None) => return reply::see_other(&visit.url("/sign-in", "")),
        Err(error) => return visit.failed(&params, &error),
    };
    let member = Member { visit, params, session };
    let answer = step(&member, form.as_ref()).await;
    answer.unwrap_or_else(|error| member.visit.failed(&member.params, &error))
}

/// Somebody who is signed in, and asks for a page of their account.
struct Member {
    visit: Visit,
    params: Params,
    session: LiveSession,
}

impl Member {
    fn app(&self) -> &App {
        &self.visit.app
    }

    fn username(&self) -> &str {
        self.session.user().username.as_str()
    }

    fn frame(&self) -> Frame {
        self.visit.frame(&self.params)
    }

    /// What was done just before.
    fn done(&self) -> Option<Done> {
        self.params.find("done").and_then(Done::named)
    }

    /// The page at `path`, whose form is posted to itself.
    fn page(&self, path: &str, page: impl FnOnce(Form<'_>) -> Response) -> Response {
        self.visit.form(path, &self.visit.path(path, ""), page)
    }

    /// Refuses a form that the page at `path` did not send.
    fn check(&self, path: &str, form: &Params) -> Result<(), Error> {
        self.visit.check(path, form)
    }

    /// Leads to the page at `path`, which says what was done.
    fn changed(&self, path: &str, done: Done) -> Response {
        reply::see_other(&self.visit.url(path, &format!("done={}", done.as_str())))
    }
}

async fn overview(member: &Member) -> Result<Response, Error> {
    let (frame, username, done) = (member.frame(), member.username(), member.done());
    let action = member.visit.path("/logout", "");
    let page = member.visit.form(end_session::ABOUT, &action, |sign_out| {
        Account { frame: &frame, sign_out, username, done }.answer()
    });
    Ok(page)
}
