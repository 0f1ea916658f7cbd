//! Bearer tokens in a request's header ([RFC 6750 §2.1]).
//!
//! [RFC 6750 §2.1]: https://www.rfc-editor.org/rfc/rfc6750#section-2.1

use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};

use super::{BoxError, Error};

/// The value of the one `Authorization` header, if there is one.
pub fn authorization(headers: &HeaderMap) -> Result<Option<&[u8]>, Error> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value.map(HeaderValue::as_bytes)),
        _ => Err(Error::invalid_request("there is more than one `Authorization` header")),
    }
}

/// The access token of a request. Another scheme than `Bearer`, or none, is a request without a token.
pub fn bearer_token(headers: &HeaderMap) -> Result<&str, Error> {
    let missing = || Error::missing_token("this needs an access token");
    let header = authorization(headers).map_err(bad_token)?;
    let (scheme, token) = header.and_then(|value| value.split_at_checked(7)).ok_or_else(missing)?;
    if !scheme.eq_ignore_ascii_case(b"bearer ") {
        return Err(missing());
    }
    std::str::from_utf8(token.trim_ascii()).map_err(bad_token)
}

/// The one refusal of an access token, whatever its cause.
pub fn bad_token(cause: impl Into<BoxError>) -> Error {
    Error::invalid_token("the access token is malformed, expired or revoked").because(cause)
}
