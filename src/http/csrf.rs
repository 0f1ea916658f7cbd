//! That a form was sent by the page we showed, in the browser and the session we showed it in; signing in included, since a person who is signed in as somebody else gives that somebody what they write.
//!
//! Twice: by what browsers say of where a request comes from ([Fetch Metadata], [RFC 6454 §7]), and by a token that
//! only our page has. Neither needs anything to be kept.
//!
//! [Fetch Metadata]: https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
//! [RFC 6454 §7]: https://www.rfc-editor.org/rfc/rfc6454#section-7

use http::HeaderMap;
use http::header::ORIGIN;

use super::cookies::Cookies;
use crate::app::App;
use crate::protocol::{Error, Params};

/// The form's field.
const FIELD: &str = "csrf";

/// The token for a form about `about`, shown to the browser that has the cookie `browser` in the session that `cookies`
/// name.
pub(super) fn token(app: &App, browser: &str, cookies: &Cookies, about: &str) -> String {
    app.hashes.csrf.text(&message(browser, cookies, about))
}

/// Whether `form` says that it is one of ours, whoever sent it.
pub(super) fn is_claimed(form: &Params) -> bool {
    form.find(FIELD).is_some()
}

/// Refuses a form that no page of ours about `about` sent.
pub(super) fn check(
    app: &App,
    headers: &HeaderMap,
    cookies: &Cookies,
    about: &str,
    form: &Params,
) -> Result<(), Error> {
    let refused = |cause: &'static str| Error::invalid_request("the page was out of date").because(cause);
    let issuer = app.issuer();
    if headers.get_all(ORIGIN).iter().any(|origin| origin != issuer.origin()) {
        return Err(refused("the form came from a page of another origin"));
    }
    if headers.get_all("sec-fetch-site").iter().any(|site| site != "same-origin" && site != "none") {
        return Err(refused("the form came from a page of another site"));
    }
    let (Some(browser), Some(token)) = (&cookies.browser, form.find(FIELD)) else {
        return Err(refused("the form, or the browser, has no token"));
    };
    if app.hashes.csrf.verify(&message(browser, cookies, about), token) {
        Ok(())
    } else {
        Err(refused("the token is another browser's, another session's or another form's"))
    }
}

/// None of the parts has a NUL in it, so the borders are clear.
fn message(browser: &str, cookies: &Cookies, about: &str) -> Vec<u8> {
    let session = cookies.session.as_deref().unwrap_or_default();
    format!("{browser}\0{session}\0{about}").into_bytes()
}
