//! A browser's request for one of our pages.

use std::net::IpAddr;

use http::header::{ACCEPT, USER_AGENT};
use http::{HeaderMap, HeaderValue};
use warp::Filter;
use warp::reject::Rejection;
use warp::reply::Response;

use super::cookies::{Cookie, Cookies};
use super::csrf;
use super::form::query;
use super::guard::with;
use super::reply;
use super::server::{Peer, RequestId};
use super::view::{Failed, Form, Frame};
use crate::app::App;
use crate::protocol::{Error, Params};
use crate::session::{self, Begun, Browser};
use crate::store::LiveSession;

/// Characters of a browser's name for itself that are kept.
const AGENT: usize = 256;

/// The request, but for a form in its body.
pub(super) struct Visit {
    /// The server's handles.
    pub app: App,
    /// The query, as it was sent.
    pub query: String,
    /// The cookies.
    pub cookies: Cookies,
    /// The request's id.
    pub id: RequestId,
    headers: HeaderMap,
    address: IpAddr,
}

/// Reads what every page needs.
pub(super) fn visit(app: &App) -> impl Filter<Extract = (Visit,), Error = Rejection> + Clone + use<> {
    let request = warp::header::headers_cloned().and(warp::ext::get::<Peer>()).and(warp::ext::get());
    with(app).and(query()).and(request).map(|app: App, query, headers: HeaderMap, peer: Peer, id| {
        let cookies = Cookies::read(&app, &headers);
        Visit { app, query, cookies, id, headers, address: peer.client }
    })
}

impl Visit {
    /// The parameters of the query, some of which may be doubled.
    pub(super) fn params(&self) -> Result<Params, Error> {
        Params::parse_with_doubles(self.query.as_bytes())
    }

    /// What surrounds a page, in the reader's language.
    pub(super) fn frame(&self, params: &Params) -> Frame {
        Frame::new(&self.app, &self.headers, params.find("ui_locales"))
    }

    /// A path of ours, with `query`, as pages link to it.
    pub(super) fn path(&self, path: &str, query: &str) -> String {
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{path}{mark}{query}", self.app.issuer().path())
    }

    /// The same as a redirect names it: only the configured issuer says where we are.
    pub(super) fn url(&self, path: &str, query: &str) -> String {
        format!("{}{}", self.app.issuer().origin(), self.path(path, query))
    }

    /// The session that the browser is in.
    pub(super) async fn session(&self) -> Result<Option<LiveSession>, Error> {
        match &self.cookies.session {
            Some(cookie) => session::find(&self.app, cookie).await,
            None => Ok(None),
        }
    }

    /// The browser, as somebody signs in with it.
    pub(super) fn browser(&self) -> Browser<'_> {
        let agent = self.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        Browser {
            address: self.address,
            session: self.cookies.session.as_deref(),
            device: self.cookies.device.as_deref(),
            agent: agent.map(|agent| agent.chars().take(AGENT).collect()),
        }
    }

    /// A page with a form about `about`, which is posted to `action`; [`Visit::check`] is its other half.
    pub(super) fn form(
        &self,
        about: &str,
        action: &str,
        page: impl FnOnce(Form<'_>) -> Response,
    ) -> Response {
        let new = self.cookies.browser.is_none().then(|| self.app.random.text::<16>());
        let browser = self.cookies.browser.as_ref().or(new.as_ref()).expect("one of the two is there");
        let csrf = csrf::token(&self.app, browser, &self.cookies, about);
        let mut response = page(Form { action, csrf: &csrf });
        if let Some(browser) = new {
            Cookie::Browser.set(&self.app, &browser, &mut response);
        }
        response
    }

    /// Refuses a form that no page of ours about `about` sent.
    pub(super) fn check(&self, about: &str, form: &Params) -> Result<(), Error> {
        csrf::check(&self.app, &self.headers, &self.cookies, about, form)
    }

    /// The page that says what is wrong.
    pub(super) fn failed(&self, params: &Params, error: &Error) -> Response {
        let reference = self.id.to_string();
        Failed { frame: &self.frame(params), refusal: error, reference: &reference }.answer()
    }

    /// A refusal that is no endpoint's: a page for a person, JSON for a program.
    pub(super) fn refused(&self, error: &Error) -> Response {
        let takes_pages =
            |accept: &HeaderValue| accept.to_str().is_ok_and(|accept| accept.contains("text/html"));
        if self.headers.get_all(ACCEPT).iter().any(takes_pages) {
            self.failed(&Params::default(), error)
        } else {
            reply::error(error)
        }
    }

    /// Lets the browser keep its new session.
    pub(super) fn keep(&self, begun: &Begun, response: &mut Response) {
        let Begun { cookie, device, .. } = begun;
        Cookie::Session.set(&self.app, cookie.expose(), response);
        Cookie::Device.set(&self.app, device, response);
    }
}
