//! The pages on which a person signs out, and has.

use askama::Template;
use warp::reply::Response;

use super::{Form, Frame, answer};
use crate::http::reply::Policy;
use crate::protocol::Error;

/// Asks. Posts `csrf`.
#[derive(Template)]
#[template(path = "sign_out.html", config = "src/http/view/askama.toml")]
pub struct SignOut<'a> {
    /// What surrounds it.
    pub frame: &'a Frame,
    /// Where it goes.
    pub form: Form<'a>,
    /// The user name of who is signed in.
    pub username: &'a str,
    /// Why the answer before was not taken.
    pub refusal: Option<&'a Error>,
}

impl SignOut<'_> {
    /// The page as an answer, with the status of the refusal.
    pub fn answer(&self) -> Response {
        answer(self, Policy::Leaving, self.refusal)
    }
}

/// Says that it is done.
#[derive(Template)]
#[template(path = "signed_out.html", config = "src/http/view/askama.toml")]
pub struct SignedOut<'a> {
    /// What surrounds it.
    pub frame: &'a Frame,
}

impl SignedOut<'_> {
    /// The page as an answer.
    pub fn answer(&self) -> Response {
        answer(self, Policy::Staying, None)
    }
}
