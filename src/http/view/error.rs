//! The page in place of one that cannot be given, or of a redirect that must not be made.

use askama::Template;
use warp::reply::Response;

use super::{Frame, answer};
use crate::http::reply::Policy;
use crate::protocol::{Code, Error};

/// Says what is wrong, first in the person's words, then in those of whoever can mend it.
#[derive(Template)]
#[template(path = "error.html", config = "src/http/view/askama.toml")]
pub struct Failed<'a> {
    /// What surrounds it.
    pub frame: &'a Frame,
    /// What is wrong.
    pub refusal: &'a Error,
    /// The reference by which the operator finds why.
    pub reference: &'a str,
}

impl Failed<'_> {
    /// The page as an answer, with the status of the refusal.
    pub fn answer(&self) -> Response {
        answer(self, Policy::Staying, Some(self.refusal))
    }

    /// The heading, and what it means.
    fn words(&self) -> (&'static str, &'static str) {
        let texts = self.frame.texts;
        match self.refusal.code() {
            Code::NotFound => (texts.not_found, texts.not_found_why),
            Code::Unavailable | Code::TooManyRequests => (texts.unavailable, texts.unavailable_why),
            _ => (texts.request_failed, texts.request_failed_why),
        }
    }
}
