//! The page in which the description of every endpoint is read and tried: [Swagger UI], and what it must know of us.
//!
//! [Swagger UI]: https://swagger.io/docs/open-source-tools/swagger-ui/

use askama::Template;
use warp::reply::Response;

use super::assets::Asset;
use super::{Frame, answer};
use crate::app::App;
use crate::http::reply::Policy;
use crate::metadata::description::REDIRECT_PATH;
use crate::model::Language;

/// Reads and tries; in English, as Swagger UI is.
#[derive(Template)]
#[template(path = "docs.html", config = "src/http/view/askama.toml")]
pub struct Docs {
    frame: Frame,
    /// Where codes come to.
    redirect_uri: String,
    /// The client that the page is, once it is registered.
    client: Option<String>,
}

/// Where a code comes to; it gives it to the page that asked for it, and closes.
#[derive(Template)]
#[template(path = "docs_redirect.html", config = "src/http/view/askama.toml")]
pub struct DocsRedirect {
    frame: Frame,
}

impl Docs {
    /// The page of this server.
    pub fn new(app: &App) -> Self {
        let frame = Frame::of(&app.config(), Language::English);
        let redirect_uri = format!("{}{REDIRECT_PATH}", app.issuer());
        let client = app.directory().docs_client().map(ToString::to_string);
        Self { frame, redirect_uri, client }
    }

    /// The page as an answer.
    pub fn answer(&self) -> Response {
        answer(self, Policy::Documenting, None)
    }
}

impl DocsRedirect {
    /// The page of this server.
    pub fn new(app: &App) -> Self {
        Self { frame: Frame::of(&app.config(), Language::English) }
    }

    /// The page as an answer.
    pub fn answer(&self) -> Response {
        answer(self, Policy::Documenting, None)
    }
}
