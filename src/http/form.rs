//! Form bodies and queries.

use std::convert::Infallible;

use futures_util::{Stream, TryStreamExt as _};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use warp::reject::Rejection;
use warp::{Buf, Filter};

use super::server;
use crate::protocol::{Error, Params};

/// The parameters of a request, which come in the body alone
/// ([RFC 6749 §2.3.1](https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1): never in the URI).
pub(super) fn form() -> impl Filter<Extract = (Params,), Error = Rejection> + Clone {
    let no_query = query().and_then(|query: String| async move {
        if query.is_empty() {
            return Ok(());
        }
        Err(Rejection::from(Error::invalid_request("parameters go into the body, not into the URI")))
    });
    no_query.untuple_one().and(body())
}

/// The parameters in the body, if there is one: if it says what it is.
pub(super) fn form_if_any() -> impl Filter<Extract = (Option<Params>,), Error = Rejection> + Clone {
    warp::header::headers_cloned().and(warp::body::stream()).and_then(|headers: HeaderMap, body| async move {
        if headers.contains_key(CONTENT_TYPE) {
            read(&headers, body).await.map(Some).map_err(Rejection::from)
        } else {
            Ok(None)
        }
    })
}

/// The parameters in the body; what stands in the URI is another matter.
pub(super) fn body() -> impl Filter<Extract = (Params,), Error = Rejection> + Clone {
    warp::header::headers_cloned().and(warp::body::stream()).and_then(|headers: HeaderMap, body| async move {
        read(&headers, body).await.map_err(Rejection::from)
    })
}

/// The query, as it was sent; empty when there is none.
pub(super) fn query() -> impl Filter<Extract = (String,), Error = Infallible> + Clone {
    warp::query::raw().or(warp::any().map(String::new)).unify()
}

async fn read<S, B>(headers: &HeaderMap, body: S) -> Result<Params, Error>
where
    S: Stream<Item = Result<B, warp::Error>>,
    B: Buf,
{
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(Error::unsupported_media_type("the body must not be compressed"));
    }
    if !is_form(headers) {
        return Err(Error::unsupported_media_type(
            "the body must be `application/x-www-form-urlencoded` in UTF-8",
        ));
    }
    Params::parse(&whole(body).await?)
}

/// The whole body, whose size the server has bounded.
pub(super) async fn whole<S, B>(body: S) -> Result<zeroize::Zeroizing<Vec<u8>>, Error>
where
    S: Stream<Item = Result<B, warp::Error>>,
    B: Buf,
{
    let bytes = body
        .try_fold(zeroize::Zeroizing::new(Vec::new()), |mut bytes, mut chunk| async move {
            while chunk.has_remaining() {
                let part = chunk.chunk();
                bytes.extend_from_slice(part);
                chunk.advance(part.len());
            }
            Ok(bytes)
        })
        .await;
    bytes.map_err(|error| server::refusal(&error))
}

/// Whether the one `Content-Type` is the form's, with no other charset than UTF-8.
fn is_form(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(Ok(text)), None) = (types.next().map(http::HeaderValue::to_str), types.next()) else {
        return false;
    };
    let mut parts = text.split(';').map(str::trim);
    let is_type =
        parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    let is_utf8 = |parameter: &str| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => parameter.is_empty(),
    };
    is_type && parts.all(is_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_forms_in_utf_8_are_read() {
        let is_form =
            |text: &'static str| is_form(&HeaderMap::from_iter([(CONTENT_TYPE, text.parse().unwrap())]));
        for good in [
            "application/x-www-form-urlencoded",
            "application/x-www-form-urlencoded;charset=UTF-8",
            "Application/X-WWW-Form-Urlencoded; charset=\"utf-8\"",
        ] {
            assert!(is_form(good), "{good}");
        }
        for bad in [
            "application/json",
            "multipart/form-data; boundary=x",
            "application/x-www-form-urlencoded; charset=latin1",
            "application/x-www-form-urlencoded, application/json",
            "",
        ] {
            assert!(!is_form(bad), "{bad}");
        }
    }
}
