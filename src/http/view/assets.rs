//! What pages load: the stylesheet in the operator's colour, the logo, the icon, the script of the form_post page, and
//! Swagger UI, as `build.rs` has taken it from its archive.
//!
//! Names hold a hash of the contents, so that browsers may keep them for good. While servers are being replaced, one
//! may be asked for what another has named: it gives its own, which is not kept.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use warp::Filter;
use warp::reply::Response;

use crate::app::App;
use crate::config::Pages;
use crate::http::cors::Cors;
use crate::http::guard::with;
use crate::http::reply;
use crate::http::route::{READ, Route, read};
use crate::protocol::Error;

/// `GET /assets/…`
pub(in crate::http) fn routes(app: &App) -> Vec<Route> {
    let show = read().and(warp::path!("assets" / String)).and(with(app)).map(show);
    vec![Route::new(app, Cors::Nobody, READ, "/assets/", show)]
}

fn show(name: String, app: App) -> Response {
    let kind = name.split('-').next().unwrap_or_default();
    match Asset::of_kind(kind, &app.config().pages) {
        Some(asset) => {
            reply::asset(asset.bytes.clone(), asset.media_type(), asset.encoding, asset.name() == name)
        }
        None => reply::error(&Error::not_found("there is nothing at this path")),
    }
}

/// A file for a browser.
pub(super) struct Asset {
    kind: &'static str,
    extension: &'static str,
    /// The one that the file has, asked for or not: what is large is for browsers alone, and all of them take it.
    encoding: Option<&'static str>,
    pub(super) bytes: Bytes,
}

/// A file of Swagger UI.
macro_rules! swagger_ui {
    ($file:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/", $file, ".gz"))
    };
}

impl Asset {
    fn of_kind(kind: &str, pages: &Pages) -> Option<Self> {
        match kind {
            "page" => Some(Self::stylesheet(pages)),
            "icon" => Some(Self::icon(pages)),
            "logo" => Self::logo(pages),
            "form_post" => Some(Self::script()),
            "docs" => Some(Self::docs()),
            "swagger_ui" => Some(Self::swagger_ui()),
            "swagger_ui_style" => Some(Self::swagger_ui_style()),
            "swagger_ui_redirect" => Some(Self::swagger_ui_redirect()),
            _ => None,
        }
    }

    /// How pages look. Colours that follow from the configuration cannot stand in a page: its policy allows no style
    /// there.
    pub(super) fn stylesheet(pages: &Pages) -> Self {
        let (light, dark) = (pages.accent_color.on_light(), pages.accent_color.on_dark());
        let text = format!(
            ":root{{--accent:{light}}}@media(prefers-color-scheme:dark){{:root{{--accent:{dark}}}}}\n{}",
            include_str!("page.css")
        );
        Self::new("page", "css", text)
    }

    /// A key, which is what the server's name means.
    pub(super) fn icon(pages: &Pages) -> Self {
        let accent = pages.accent_color.on_light();
        let text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\"><rect width=\"32\" height=\"32\" rx=\"7\" \
             fill=\"{accent}\"/><path d=\"M12 9a6 6 0 1 0 5.7 8H20v3h3v-3h3v-3h-8.3A6 6 0 0 0 12 9z\" fill=\"#fff\"/>\
             <circle cx=\"11.5\" cy=\"15\" r=\"2\" fill=\"{accent}\"/></svg>\n"
        );
        Self::new("icon", "svg", text)
    }

    /// The operator's logo.
    pub(super) fn logo(pages: &Pages) -> Option<Self> {
        let logo = pages.logo.as_ref()?;
        Some(Self::new("logo", logo.extension, logo.bytes.clone()))
    }

    /// What sends the form of the form_post page.
    pub(super) fn script() -> Self {
        Self::new("form_post", "js", include_str!("form_post.js"))
    }

    /// What starts Swagger UI.
    pub(super) fn docs() -> Self {
        Self::new("docs", "js", include_str!("docs.js"))
    }

    /// Swagger UI.
    pub(super) fn swagger_ui() -> Self {
        Self::compressed("swagger_ui", "js", swagger_ui!("swagger-ui-bundle.js"))
    }

    /// How it looks.
    pub(super) fn swagger_ui_style() -> Self {
        Self::compressed("swagger_ui_style", "css", swagger_ui!("swagger-ui.css"))
    }

    /// What gives it a code.
    pub(super) fn swagger_ui_redirect() -> Self {
        Self::compressed("swagger_ui_redirect", "js", swagger_ui!("oauth2-redirect.js"))
    }

    fn new(kind: &'static str, extension: &'static str, bytes: impl Into<Bytes>) -> Self {
        Self { kind, extension, encoding: None, bytes: bytes.into() }
    }

    fn compressed(kind: &'static str, extension: &'static str, gzip: &'static [u8]) -> Self {
        Self { encoding: Some("gzip"), ..Self::new(kind, extension, gzip) }
    }

    /// Below the issuer's path.
    pub(super) fn path(&self) -> String {
        format!("/assets/{}", self.name())
    }

    fn name(&self) -> String {
        let hash = digest(&SHA256, &self.bytes);
        format!("{}-{}.{}", self.kind, URL_SAFE_NO_PAD.encode(&hash.as_ref()[..12]), self.extension)
    }

    fn media_type(&self) -> &'static str {
        match self.extension {
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "svg" => "image/svg+xml",
            _ => "image/png",
        }
    }
}
