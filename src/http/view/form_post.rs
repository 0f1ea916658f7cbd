//! The page that brings an answer of the authorization endpoint to the client by a form ([Form Post Response Mode §2]).
//!
//! [Form Post Response Mode §2]: https://openid.net/specs/oauth-v2-form-post-response-mode-1_0.html#FormPostResponseMode

use askama::Template;
use warp::reply::Response;

use super::assets::Asset;
use super::{Frame, answer};
use crate::http::reply::Policy;

/// Sends itself where scripts run, and has a button where they do not.
#[derive(Template)]
#[template(path = "form_post.html", config = "src/http/view/askama.toml")]
pub struct FormPost<'a> {
    /// What surrounds it.
    pub frame: &'a Frame,
    /// The redirect URI.
    pub action: &'a str,
    /// The parameters of the answer.
    pub params: &'a [(&'a str, &'a str)],
}

impl FormPost<'_> {
    /// The page as an answer.
    pub fn answer(&self) -> Response {
        answer(self, Policy::Sending, None)
    }

    fn script(&self) -> String {
        self.frame.asset(Asset::script())
    }
}
