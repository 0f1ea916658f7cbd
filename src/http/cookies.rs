//! Cookies ([RFC 6265]): of this host alone (`__Host-`), unseen by scripts, sent along when a person follows a link to
//! us and with no request that another site makes (`SameSite=Lax`).
//!
//! On an `http` issuer, which is a loopback host, browsers take neither `__Host-` nor `Secure`: both are left out.
//!
//! [RFC 6265]: https://www.rfc-editor.org/rfc/rfc6265

use http::HeaderMap;
use http::header::{COOKIE, HeaderValue, SET_COOKIE};
use warp::reply::Response;

use crate::app::App;
use crate::device;

/// A cookie of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cookie {
    /// The session of the user who signed in. Gone when the browser is closed.
    Session,
    /// What forms are bound to. Gone when the browser is closed.
    Browser,
    /// That a user signed in with this browser before.
    Device,
}

/// The cookies that came with a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Cookies {
    /// The session's.
    pub session: Option<String>,
    /// The browser's.
    pub browser: Option<String>,
    /// The known device's.
    pub device: Option<String>,
}

impl Cookies {
    /// Reads them. One that comes twice counts as left out: another host wrote one of the two.
    pub(super) fn read(app: &App, headers: &HeaderMap) -> Self {
        let is_secure = is_secure(app);
        let find = |cookie: Cookie| find(headers, cookie.name(is_secure));
        Self { session: find(Cookie::Session), browser: find(Cookie::Browser), device: find(Cookie::Device) }
    }
}

/// The value of the one cookie called `name`.
fn find(headers: &HeaderMap, name: &str) -> Option<String> {
    let texts = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = texts.flat_map(|text| text.split("; ")).filter_map(|pair| pair.split_once('='));
    let mut values = pairs.filter(|(known, _)| *known == name).map(|(_, value)| value);
    values.next().filter(|_| values.next().is_none()).map(ToOwned::to_owned)
}

impl Cookie {
    fn name(self, is_secure: bool) -> &'static str {
        match (self, is_secure) {
            (Self::Session, true) => "__Host-claviger-session",
            (Self::Browser, true) => "__Host-claviger-browser",
            (Self::Device, true) => "__Host-claviger-device",
            (Self::Session, false) => "claviger-session",
            (Self::Browser, false) => "claviger-browser",
            (Self::Device, false) => "claviger-device",
        }
    }

    /// Lets the browser keep `value`, which is of letters, digits, `-`, `_` and `.`.
    pub(super) fn set(self, app: &App, value: &str, response: &mut Response) {
        let lifetime = (self == Self::Device).then_some(device::LIFETIME);
        self.write(app, value, lifetime, response);
    }

    /// Lets the browser forget it.
    pub(super) fn clear(self, app: &App, response: &mut Response) {
        self.write(app, "", Some(0), response);
    }

    fn write(self, app: &App, value: &str, max_age: Option<i64>, response: &mut Response) {
        let cookie = HeaderValue::try_from(self.text(is_secure(app), value, max_age));
        response.headers_mut().append(SET_COOKIE, cookie.expect("values of cookies are ASCII"));
    }

    fn text(self, is_secure: bool, value: &str, max_age: Option<i64>) -> String {
        let secure = if is_secure { "; Secure" } else { "" };
        let max_age = max_age.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{max_age}", self.name(is_secure))
    }
}

fn is_secure(app: &App) -> bool {
    app.issuer().as_str().starts_with("https://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_https_cookies_are_bound_to_host_and_transport() {
        let session = "__Host-claviger-session=v; Path=/; HttpOnly; SameSite=Lax; Secure";
        assert_eq!(Cookie::Session.text(true, "v", None), session);
        assert_eq!(
            Cookie::Device.text(false, "v", Some(9)),
            "claviger-device=v; Path=/; HttpOnly; SameSite=Lax; Max-Age=9"
        );
    }

    #[test]
    fn a_cookie_that_comes_twice_counts_as_none() {
        let read = |cookies: &[&'static str]| {
            let headers = cookies.iter().map(|text| (COOKIE, HeaderValue::from_static(text)));
            find(&headers.collect(), "a")
        };
        assert_eq!(read(&["b=1; a=2; aa=3"]).as_deref(), Some("2"));
        assert_eq!(read(&["b=1", "a=2=3"]).as_deref(), Some("2=3"), "HTTP/2 may send one in each field");
        for cookies in [&["a=1; a=1"][..], &["a=1", "a=2"], &["a"], &["A=1"], &[]] {
            assert_eq!(read(cookies), None, "{cookies:?}");
        }
    }
}
