//! Answers. Statuses and challenges are written here and nowhere else.
//!
//! A refusal is logged here, once, with its cause, which the client is never told, and goes along with the answer
//! ([`Refused`]) to the server, which gives it a reference and has it noted for the operator.

use http::StatusCode;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderValue,
    LOCATION, PRAGMA, REFERRER_POLICY, RETRY_AFTER, WWW_AUTHENTICATE, X_FRAME_OPTIONS,
};
use serde::Serialize;
use warp::Reply as _;
use warp::reply::Response;

use crate::metadata;
use crate::model::Document;
use crate::protocol::{ClientId, Code, Error, Issuer};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// An answer that nobody may keep ([RFC 6749 §5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1)).
pub fn json(value: &impl Serialize) -> Response {
    let mut response = body(StatusCode::OK, serde_json::to_vec(value).expect("answers have string keys"));
    response.headers_mut().insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// Success with nothing to say.
pub fn done() -> Response {
    let mut response = StatusCode::OK.into_response();
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}

/// The answer in place of a handler that panicked. No JSON: no promise about the server is known to hold.
pub fn broken() -> Response {
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

/// What a path takes, for `OPTIONS` ([RFC 9110 §9.3.7](https://www.rfc-editor.org/rfc/rfc9110#section-9.3.7)).
pub fn options(allow: &'static str) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}

/// Sends the browser to `location`, a URI in ASCII, by `GET` whatever it did here, without a word of where it was.
pub fn see_other(location: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    headers.insert(LOCATION, HeaderValue::try_from(location).expect("a URI is visible ASCII"));
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// A document that may be kept for `max_age` seconds, or 304 if `known`, an `If-None-Match`, names its `etag`
/// ([RFC 9110 §13.1.2](https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2)).
pub fn document(document: &Document, max_age: i64, known: Option<&str>) -> Response {
    let Document { bytes, etag } = document;
    let is_known = known.is_some_and(|known| {
        let weak = |tag: &str| tag.trim().strip_prefix("W/").unwrap_or(tag.trim()) == etag;
        known.trim() == "*" || known.split(',').any(weak)
    });
    let mut response =
        if is_known { StatusCode::NOT_MODIFIED.into_response() } else { body(StatusCode::OK, bytes.clone()) };
    let headers = response.headers_mut();
    let cache =
        HeaderValue::try_from(format!("public, max-age={max_age}")).expect("digits make a header value");
    headers.insert(CACHE_CONTROL, cache);
    headers.insert(ETAG, HeaderValue::try_from(etag).expect("base64url makes a header value"));
    response
}

/// What a page may do besides showing itself, which its Content-Security-Policy bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Its forms lead to pages of ours.
    Staying,
    /// The answers to its forms may lead to a client. Chromium holds every redirect after a form against
    /// `form-action`, so that it cannot be restricted.
    Leaving,
    /// A script of ours sends its form to a client.
    Sending,
    /// A script of ours shows what it asks us for. Its stylesheet has pictures in it.
    Documenting,
}

/// A page; `refusal` is what it says was wrong with the request.
///
/// The referrer stays at home, but not `no-referrer`: with that, Chromium sends `Origin: null` with forms.
pub fn page(html: String, policy: Policy, refusal: Option<&Error>) -> Response {
    let (pictures, more) = match policy {
        Policy::Staying => ("'self'", "; form-action 'self'"),
        Policy::Leaving => ("'self'", ""),
        Policy::Sending => ("'self'", "; script-src 'self'"),
        Policy::Documenting => {
            ("'self' data:", "; script-src 'self'; connect-src 'self'; form-action 'none'")
        }
    };
    let mut response = Response::new(html.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src {pictures}; base-uri 'none'; frame-ancestors 'none'{more}"
    );
    let policy = HeaderValue::try_from(policy).expect("a policy is ASCII");
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    if let Some(error) = refusal {
        if let Some(seconds) = error.retry_after() {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        // A browser has no use for a challenge, without which there is no 401.
        *response.status_mut() = match status(error.code()) {
            StatusCode::UNAUTHORIZED => StatusCode::BAD_REQUEST,
            status => status,
        };
        response.extensions_mut().insert(refused(error, false));
    }
    response
}

/// A file that pages load. One whose name `is_current`, which holds a hash of it, may be kept for good.
///
/// An SVG that is opened by itself could run scripts as a page of ours, were it not for its policy.
pub fn asset(
    bytes: bytes::Bytes,
    media_type: &'static str,
    encoding: Option<&'static str>,
    is_current: bool,
) -> Response {
    let mut response = Response::new(bytes.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    let cache = if is_current { "public, max-age=31536000, immutable" } else { "no-store" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    let policy = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'";
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

/// A refusal.
pub fn error(error: &Error) -> Response {
    let refused = refused(error, error.code() != Code::MissingToken);
    let status = status(error.code());
    let mut response = if error.code() == Code::MissingToken {
        // RFC 6750 §3.1: who brought no token is told no error.
        let mut response = status.into_response();
        response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
        response
    } else {
        body(status, refused.to_json(None))
    };
    response.extensions_mut().insert(refused);
    let headers = response.headers_mut();
    if let Some(challenge) = challenge(error) {
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    if let Some(seconds) = error.retry_after() {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    if let Some(allow) = error.allow() {
        headers.insert(ALLOW, HeaderValue::from_static(allow));
    }
    response
}

/// A refusal on its way to the client, in the extensions of the answer.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The `error`.
    pub code: &'static str,
    /// What the client is told.
    pub description: String,
    /// What it is not told.
    pub cause: Option<String>,
    /// The client, if it is known.
    pub client: Option<ClientId>,
    /// Whether the body is JSON.
    is_json: bool,
}

impl Refused {
    /// Tells the client `reference`, by which the operator finds why
    /// ([RFC 6749 §5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1) has clients ignore members that they do not
    /// know).
    pub fn tell(&self, reference: &str, response: &mut Response) {
        if self.is_json {
            *response.body_mut() = self.to_json(Some(reference)).into();
        }
    }

    fn to_json(&self, reference: Option<&str>) -> Vec<u8> {
        #[derive(Serialize)]
        struct Refusal<'a> {
            error: &'static str,
            error_description: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            error_ref: Option<&'a str>,
        }
        let Self { code, description, .. } = self;
        let refusal = Refusal { error: code, error_description: description, error_ref: reference };
        serde_json::to_vec(&refusal).expect("answers have string keys")
    }
}

/// Logs a refusal, and makes of it what goes along with the answer.
fn refused(error: &Error, is_json: bool) -> Refused {
    log(error);
    Refused {
        code: error.code().as_str(),
        description: error.description().to_owned(),
        cause: error.cause().map(ToString::to_string),
        client: error.client().cloned(),
        is_json,
    }
}

/// An answer that tells of a refusal by other means, such as a redirect.
pub fn telling(error: &Error, mut response: Response) -> Response {
    response.extensions_mut().insert(refused(error, false));
    response
}

fn body(status: StatusCode, bytes: impl Into<bytes::Bytes>) -> Response {
    let mut response = Response::new(bytes.into().into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}

fn status(code: Code) -> StatusCode {
    match code {
        Code::InvalidRequest
        | Code::InvalidGrant
        | Code::UnauthorizedClient
        | Code::UnsupportedGrantType
        | Code::InvalidScope
        | Code::InvalidTarget
        | Code::UnsupportedResponseType
        | Code::AccessDenied
        | Code::LoginRequired
        | Code::ConsentRequired
        | Code::RequestNotSupported
        | Code::RequestUriNotSupported
        | Code::RegistrationNotSupported
        | Code::UnmetAuthenticationRequirements => StatusCode::BAD_REQUEST,
        Code::InvalidClient | Code::MissingToken | Code::InvalidToken => StatusCode::UNAUTHORIZED,
        Code::InsufficientScope => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::UriTooLong => StatusCode::URI_TOO_LONG,
        Code::HeaderTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Code::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// The challenge of a 401 or 403 ([RFC 6749 §5.2], [RFC 6750 §3]).
///
/// [RFC 6749 §5.2]: https://www.rfc-editor.org/rfc/rfc6749#section-5.2
/// [RFC 6750 §3]: https://www.rfc-editor.org/rfc/rfc6750#section-3
fn challenge(error: &Error) -> Option<HeaderValue> {
    let mut challenge = match error.code() {
        Code::InvalidClient => {
            return Some(HeaderValue::from_static("Basic realm=\"claviger\", charset=\"UTF-8\""));
        }
        Code::MissingToken => return Some(HeaderValue::from_static("Bearer realm=\"claviger\"")),
        Code::InvalidToken | Code::InsufficientScope => String::from("Bearer realm=\"claviger\""),
        _ => return None,
    };
    challenge +=
        &format!(", error=\"{}\", error_description=\"{}\"", error.code().as_str(), error.description());
    if let Some(scope) = error.scope() {
        challenge += &format!(", scope=\"{scope}\"");
    }
    Some(HeaderValue::try_from(challenge).expect("descriptions and scopes are ASCII without quotes"))
}

/// Adds to a bearer challenge where `issuer` is described as a resource
/// ([RFC 9728 §5.1](https://www.rfc-editor.org/rfc/rfc9728#section-5.1)).
pub fn describe(issuer: &Issuer, response: &mut Response) {
    let Some(challenge) = response.headers().get(WWW_AUTHENTICATE) else { return };
    if let Some(challenge) = challenge.to_str().ok().filter(|challenge| challenge.starts_with("Bearer ")) {
        let described = format!("{challenge}, resource_metadata=\"{}\"", metadata::own_url(issuer));
        let described = HeaderValue::try_from(described).expect("an issuer is visible ASCII without quotes");
        response.headers_mut().insert(WWW_AUTHENTICATE, described);
    }
}

/// Tells the log of a refusal, and nobody else.
pub fn log(error: &Error) {
    let (code, description) = (error.code().as_str(), error.description());
    let cause = error.cause().map(tracing::field::display);
    match error.code() {
        Code::Unavailable => tracing::warn!(code, description, cause, "refused"),
        _ => tracing::info!(code, description, cause, "refused"),
    }
}
