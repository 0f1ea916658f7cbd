//! What pages load: the stylesheet in the operator's colour, the logo, the icon, the one script.
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
pub(in crate::http) fn routes(app: &App) -> Route {
    let show = read().and(warp::path::param()).and(warp::path::end()).and(with(app)).map(show);
    Route::new(app, Cors::Nobody, READ, warp::path("assets"), show)
}

fn show(name: String, app: App) -> Response {
    let kind = name.split('-').next().unwrap_or_default();
    match Asset::of_kind(kind, &app.config().pages) {
        Some(asset) => reply::asset(asset.bytes.clone(), asset.media_type(), asset.name() == name),
        None => reply::error(&Error::not_found("there is nothing at this path")),
    }
}

/// A file for a browser.
pub(super) struct Asset {
    kind: &'static str,
    extension: &'static str,
    pub(super) bytes: Bytes,
}

impl Asset {
    fn of_kind(kind: &str, pages: &Pages) -> Option<Self> {
        match kind {
            "page" => Some(Self::stylesheet(pages)),
            "icon" => Some(Self::icon(pages)),
            "logo" => Self::logo(pages),
            "form_post" => Some(Self::script()),
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
        Self { kind: "page", extension: "css", bytes: text.into() }
    }

    /// A key, which is what the server's name means.
    pub(super) fn icon(pages: &Pages) -> Self {
        let accent = pages.accent_color.on_light();
        let text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\"><rect width=\"32\" height=\"32\" rx=\"7\" \
             fill=\"{accent}\"/><path d=\"M12 9a6 6 0 1 0 5.7 8H20v3h3v-3h3v-3h-8.3A6 6 0 0 0 12 9z\" fill=\"#fff\"/>\
             <circle cx=\"11.5\" cy=\"15\" r=\"2\" fill=\"{accent}\"/></svg>\n"
        );
        Self { kind: "icon", extension: "svg", bytes: text.into() }
    }

    /// The operator's logo.
    pub(super) fn logo(pages: &Pages) -> Option<Self> {
        let logo = pages.logo.as_ref()?;
        Some(Self { kind: "logo", extension: logo.extension, bytes: logo.bytes.clone() })
    }

    /// What sends the form of the form_post page.
    pub(super) fn script() -> Self {
        let bytes = Bytes::from_static(include_bytes!("form_post.js"));
        Self { kind: "form_post", extension: "js", bytes }
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
