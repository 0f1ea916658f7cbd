//! The pages on which a person sees and changes what is kept about them.

use askama::Template;
use warp::reply::Response;

use super::browser::Browser;
use super::consent::Allowance;
use super::field::Field;
use super::{Form, Frame, answer};
use crate::http::reply::Policy;
use crate::protocol::{Code, Error};

/// What was done, which the page after it says; a word of its query (`?done=password`), so that no link can put words
/// of its own there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// The profile was saved.
    Profile,
    /// The password was changed.
    Password,
    /// One session was ended.
    Session,
    /// All others were.
    Sessions,
    /// What an application had was withdrawn.
    Application,
}

impl Done {
    const ALL: [Self; 5] = [Self::Profile, Self::Password, Self::Session, Self::Sessions, Self::Application];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Password => "password",
            Self::Session => "session",
            Self::Sessions => "sessions",
            Self::Application => "application",
        }
    }

    /// What `word` stands for, if it is one of them.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|done| done.as_str() == word)
    }
}

impl Frame {
    /// What is said of what was done.
    pub(super) fn said(&self, done: &Done) -> &'static str {
        match done {
            Done::Profile => self.texts.saved,
            Done::Password => self.texts.password_changed,
            Done::Session => self.texts.session_ended,
            Done::Sessions => self.texts.sessions_ended,
            Done::Application => self.texts.withdrawn,
        }
    }
}

/// Where all begins.
#[derive(Template)]
#[template(path = "account.html", config = "src/http/view/askama.toml")]
pub struct Account<'a> {
    /// What surrounds it.
    pub frame: &'a Frame,
    /// The form that signs out.
    pub sign_out: Form<'a>,
    /// The user name of who is signed in.
    pub username: &'a str,
    /// What was done just before.
    pub done: Option<Done>,
}

impl Account<'_> {
    /// The page as an answer.
    pub fn answer(&self) -> Response {
        answer(self, Policy::Leaving, None)
    }

    /// The pages that lead on from here: path, name, what is there.
    fn pages(&self) -> [(&'static str, &'static str, &'static str); 4] {
        let texts = self.frame.texts;
        [
            ("/account/profile", texts.profile, texts.profile_about),
            ("/account/password", texts.change_password, texts.change_password_about),
            ("/account/sessions", texts.sessions, texts.sessions_about),
            ("/account/applications", texts.applications, texts.applications_about),
        ]
    }
}

/// Posts `csrf`, `current`, `new` and `again`.
#[derive(Template)]
#[template(path = "password.html", config = "src/http/view/askama.toml")]
pub struct ChangePassword<'a> {
    /// What surrounds it.
    pub frame: &'a Frame,
    /// Where it goes.
    pub form: Form<'a>,
    /// The user name, by which password managers know whose password it is.
    pub username: &'a str,
    /// Why the attempt before was refused; `invalid_grant` is a wrong current password.
    pub refusal: Option<&'a Error>,
    /// What is wrong with the new password.
    pub weakness: Option<Weakness>,
}

/// What is wrong with a new password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// The policy refuses it.
    Refused(crate::password::policy::Refused),
    /// It was typed differently the second time.
    Differs,
}

impl ChangePassword<'_> {
    /// The page as an answer, with the status of the refusal.
    pub fn answer(&self) -> Response {
        answer(self, Policy::Staying, self.refusal)
    }

    /// What is wrong with the attempt as a whole.
    fn problem(&self) -> Option<String> {
        let refusal = self.refusal.filter(|refusal| refusal.code() != Code::InvalidGrant)?;
        self.weakness.is_none().then(|| self.frame.texts.refused(refusal))
    }

    fn fields(&self) -> [Field<'_>; 3] {
        let texts = self.frame.texts;
        let is_wrong = self.refusal.is_some_and(|refusal| refusal.code() == Code::InvalidGrant);
        let (weak, differs) = match self.weakness {
            Some(Weakness::Refused(refused)) => (Some((texts.password_refused)(refused)), None),
            Some(Weakness::Differs) => (None, Some(texts.passwords_differ)),
            None => (None, None),
        };
        let field = |name, label, autocomplete| Field::new(name, label, "password", autocomplete);
        [
            Field {
                problem: is_wrong.then_some(texts.wrong_current_password),
                has_focus: self.weakness.is_none(),
                ..field("current", texts.current_password, "current-password")
            },
            Field {
                hint: Some(texts.new_password_hint),
                problem: weak,
                has_focus: weak.is_some(),
                ..field("new", texts.new_password, "new-password")
            },
            Field {
                problem: differs,
                has_focus: differs.is_some(),
                ..field("again", texts.new_password_again, "new-password")
            },
        ]
    }
}

/// Posts `csrf` and `end`, the id of a session or `others`.
#[derive(Template)]
#[template(path = "sessions.html", config = "src/http/view/askama.toml")]
pub struct Sessions<'a> {
    /// What surrounds it.
    pub frame: &'a Frame,
    /// Where it goes.
    pub form: Form<'a>,
    /// The sessions, this browser's own first.
    pub sessions: Vec<Session<'a>>,
    /// The time, in Unix seconds.
    pub now: i64,
    /// What was done just before.
    pub done: Option<Done>,
    /// Why the form before was not taken.
    pub refusal: Option<&'a Error>,
}

/// A browser that somebody signed in with.
pub struct Session<'a> {
    /// The session's id.
    pub id: &'a str,
    /// What the browser said it is (`User-Agent`).
    pub agent: Option<&'a str>,
    /// Whether it is the one that asks.
    pub is_own: bool,
    /// When the user signed in, in Unix seconds.
    pub auth_time: i64,
    /// When it was last seen, in Unix seconds.
    pub seen_at: i64,
}

impl Sessions<'_> {
    /// The page as an answer.
    pub fn answer(&self) -> Response {
        answer(self, Policy::Staying, self.refusal)
    }

    fn browser(&self, session: &Session<'_>) -> String {
        Browser::of(session.agent).words(self.frame.texts)
    }

    fn ago(&self, at: &i64) -> String {
        (self.frame.texts.ago)(self.now.saturating_sub(*at))
    }
}

/// Posts `csrf` and `withdraw`, the id of a client.
#[derive(Template)]
#[template(path = "applications.html", config = "src/http/view/askama.toml")]
pub struct Applications<'a> {
    /// What surrounds it.
    pub frame: &'a Frame,
    /// Where it goes.
    pub form: Form<'a>,
    /// The applications, by name.
    pub applications: Vec<Application<'a>>,
    /// What was done just before.
    pub done: Option<Done>,
    /// Why the form before was not taken.
    pub refusal: Option<&'a Error>,
}

/// An application that was allowed something.
pub struct Application<'a> {
    /// Its `client_id`.
    pub id: &'a str,
    /// What it is called.
    pub name: &'a str,
    /// What it was allowed.
    pub allowances: Vec<Allowance<'a>>,
    /// When it was, in Unix seconds.
    pub granted_at: i64,
}

impl Applications<'_> {
    /// The page as an answer.
    pub fn answer(&self) -> Response {
        answer(self, Policy::Staying, self.refusal)
    }
}
