//! The page on which a person signs in.

use askama::Template;
use warp::reply::Response;

use super::field::Field;
use super::{Form, Frame, answer};
use crate::http::reply::Policy;
use crate::protocol::{Code, Error};

/// Posts `username`, `password` and `csrf`.
#[derive(Template)]
#[template(path = "sign_in.html", config = "src/http/view/askama.toml")]
pub struct SignIn<'a> {
    /// What surrounds it.
    pub frame: &'a Frame,
    /// Where it goes.
    pub form: Form<'a>,
    /// What the application is called that the person is on the way to, if there is one.
    pub client: Option<&'a str>,
    /// The user name that is known already: typed before, or hinted at.
    pub username: &'a str,
    /// Why the attempt before was refused. `invalid_grant` is a wrong user name or password; a malformed request, a
    /// page that was out of date.
    pub refusal: Option<&'a Error>,
}

impl SignIn<'_> {
    /// The page as an answer, with the status of the refusal.
    pub fn answer(&self) -> Response {
        answer(self, Policy::Leaving, self.refusal)
    }

    fn is_wrong(&self) -> bool {
        self.refusal.is_some_and(|refusal| refusal.code() == Code::InvalidGrant)
    }

    /// What is wrong with the attempt as a whole.
    fn problem(&self) -> Option<String> {
        let refusal = self.refusal.filter(|_| !self.is_wrong())?;
        Some(self.frame.texts.refused(refusal))
    }

    fn username(&self) -> Field<'_> {
        let label = self.frame.texts.username;
        let field = Field::new("username", label, "text", "username");
        Field { value: self.username, has_focus: self.username.is_empty(), ..field }
    }

    fn password(&self) -> Field<'_> {
        let texts = self.frame.texts;
        let field = Field::new("password", texts.password, "password", "current-password");
        let problem = self.is_wrong().then_some(texts.wrong_password);
        Field { problem, has_focus: !self.username.is_empty(), ..field }
    }
}
