//! What people see: a page is a struct of what it shows, a template beside it, and a function that makes the answer.
//!
//! Pages work without scripts. They are sent with a Content-Security-Policy that allows none, and no inline style
//! either, so templates have neither; the one script there is sends the form of [`FormPost`]. [`Docs`] alone is made by
//! scripts, and is for developers. Templates escape what they are given. What pages say stands in `texts`, how they look
//! in `page.css`.

mod account;
mod assets;
mod browser;
mod consent;
mod docs;
mod error;
mod field;
mod form_post;
mod profile;
mod sign_in;
mod sign_out;
mod texts;

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;
use warp::reply::Response;

use super::reply::{self, Policy};
use crate::app::App;
use crate::config::Config;
use crate::model::Language;
use crate::protocol::{Error, Issuer};
use assets::Asset;
use texts::Texts;

pub use account::{Account, Application, Applications, ChangePassword, Done, Session, Sessions, Weakness};
pub(super) use assets::routes;
pub use consent::{Allowance, Consent};
pub use docs::{Docs, DocsRedirect};
pub use error::Failed;
pub use form_post::FormPost;
pub use profile::{Profile, claims};
pub use sign_in::SignIn;
pub use sign_out::{SignOut, SignedOut};

/// What surrounds the contents of every page: the language, the operator's name or logo, the colours.
pub struct Frame {
    language: Language,
    texts: &'static Texts,
    name: String,
    /// The path of the issuer, below which all is.
    base: String,
    stylesheet: String,
    icon: String,
    logo: Option<String>,
}

impl Frame {
    /// The frame for a request with these headers; `ui_locales` is what the application asked for, if it did.
    pub fn new(app: &App, headers: &HeaderMap, ui_locales: Option<&str>) -> Self {
        let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Self::of(&app.config(), Language::choose(ui_locales, accepted))
    }

    /// The frame in `language`.
    pub fn of(config: &Config, language: Language) -> Self {
        let (pages, base) = (&config.pages, config.issuer.path().to_owned());
        let path = |asset: Asset| base.clone() + &asset.path();
        Self {
            language,
            texts: texts::texts(language),
            name: pages.name.clone().unwrap_or_else(|| host(&config.issuer)),
            stylesheet: path(Asset::stylesheet(pages)),
            icon: path(Asset::icon(pages)),
            logo: Asset::logo(pages).map(path),
            base,
        }
    }

    /// A path of ours as a browser asks for it.
    fn path(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The path of a file that a page loads.
    fn asset(&self, asset: Asset) -> String {
        self.path(&asset.path())
    }

    /// A moment, in UTC: what it is where the reader sits, only the browser knows.
    fn moment(&self, at: &i64) -> String {
        let timestamp = jiff::Timestamp::from_second(*at).unwrap_or_default();
        (self.texts.date_and_time)(jiff::tz::Offset::UTC.to_datetime(timestamp))
    }
}

/// Where the issuer is, for who knows it by no other name.
fn host(issuer: &Issuer) -> String {
    let url = issuer.as_str();
    url.split('/').nth(2).unwrap_or(url).to_owned()
}

/// Where a form goes to, and the token that shows that it came from one of our pages.
#[derive(Clone, Copy)]
pub struct Form<'a> {
    /// The path and query that the form is posted to.
    pub action: &'a str,
    /// The value of the hidden field `csrf`.
    pub csrf: &'a str,
}

/// The answer with `page`, which says why if the request was refused.
fn answer(page: &impl askama::Template, policy: Policy, refusal: Option<&Error>) -> Response {
    reply::page(page.render().expect("a page is written to memory"), policy, refusal)
}

#[cfg(test)]
mod tests;
