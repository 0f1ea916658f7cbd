//! The page on which a person decides what an application may have.

use askama::Template;
use warp::reply::Response;

use super::texts::Texts;
use super::{Form, Frame, answer};
use crate::http::reply::Policy;
use crate::protocol::{Error, ScopeToken};

/// Posts `csrf` and `decision`, which is `allow` or `deny`.
#[derive(Template)]
#[template(path = "consent.html", config = "src/http/view/askama.toml")]
pub struct Consent<'a> {
    /// What surrounds it.
    pub frame: &'a Frame,
    /// Where it goes.
    pub form: Form<'a>,
    /// What the application is called, by its name or else its id.
    pub client: &'a str,
    /// Its `client_id`.
    pub client_id: &'a str,
    /// The API that it asks for, where it may ask for several.
    pub api: Option<&'a str>,
    /// The host, and port if there is one, that the browser is sent to.
    pub redirect_host: &'a str,
    /// The user name of who is asked.
    pub username: &'a str,
    /// Where to sign in as somebody else.
    pub other_account: &'a str,
    /// What is asked for and was not allowed before.
    pub allowances: Vec<Allowance<'a>>,
    /// Whether some of what is asked for was allowed before, and is not shown.
    pub is_addition: bool,
    /// Why the answer before was not taken.
    pub refusal: Option<&'a Error>,
}

impl Consent<'_> {
    /// The page as an answer, with the status of the refusal.
    pub fn answer(&self) -> Response {
        answer(self, Policy::Leaving, self.refusal)
    }
}

/// Something that an application may have.
pub struct Allowance<'a> {
    /// Its scope.
    pub token: &'a ScopeToken,
    /// What its API says it allows, if it does; scopes of our own need none.
    pub description: Option<&'a str>,
}

impl Allowance<'_> {
    /// What it allows, in the reader's words; `None` when nobody has said.
    pub(super) fn words(&self, texts: &Texts) -> Option<&str> {
        match self.token.as_str() {
            "openid" => Some(texts.scope_openid),
            "profile" => Some(texts.scope_profile),
            "email" => Some(texts.scope_email),
            "address" => Some(texts.scope_address),
            "phone" => Some(texts.scope_phone),
            "offline_access" => Some(texts.scope_offline_access),
            _ => self.description,
        }
    }
}
