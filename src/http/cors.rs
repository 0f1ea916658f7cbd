//! Which web origins' pages may read an answer ([Fetch, CORS protocol]).
//!
//! Cookies are never involved, so credentials are never allowed.
//!
//! [Fetch, CORS protocol]: https://fetch.spec.whatwg.org/#http-cors-protocol

use http::StatusCode;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderValue, VARY,
};
use warp::reply::Response;

use crate::app::App;

/// Who may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cors {
    /// Every page: what is public anyway.
    Anyone,
    /// Pages of origins that enabled clients are registered with.
    Clients,
    /// No page.
    Nobody,
}

impl Cors {
    /// Adds what lets a page of `origin` read `response`, if it may. A cache may give the answer to others, so it
    /// says for whom it is, or that it is for anyone, also when nobody's page asks.
    pub(super) fn admit(
        self,
        app: &App,
        origin: Option<&HeaderValue>,
        allow: &'static str,
        response: &mut Response,
    ) {
        let allowed = match self {
            Self::Anyone => Some(HeaderValue::from_static("*")),
            Self::Clients => {
                response.headers_mut().append(VARY, HeaderValue::from_static("origin"));
                let is_registered = |origin: &&HeaderValue| {
                    origin.to_str().is_ok_and(|origin| app.directory().has_origin(origin))
                };
                origin.filter(is_registered).cloned()
            }
            Self::Nobody => None,
        };
        let Some(allowed) = allowed else { return };
        let status = response.status();
        let is_preflight = status == StatusCode::NO_CONTENT;
        let is_refusal = status.is_client_error() || status.is_server_error();
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        if is_preflight {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(allow));
            headers.insert(
                ACCESS_CONTROL_ALLOW_HEADERS,
                HeaderValue::from_static("authorization, content-type, x-requested-with"),
            );
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        } else if is_refusal {
            // What a refusal says besides its body.
            headers.insert(
                ACCESS_CONTROL_EXPOSE_HEADERS,
                HeaderValue::from_static("www-authenticate, retry-after, x-request-id"),
            );
        }
    }
}
