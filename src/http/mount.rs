//! An issuer with a path has its endpoints below that path, and its metadata where [RFC 8414 §3.1] puts it: the
//! path behind the well-known name; OpenID Connect Discovery puts it before.
//!
//! Endpoints are written as if there were no path; requests are brought into that form here.
//!
//! [RFC 8414 §3.1]: https://www.rfc-editor.org/rfc/rfc8414#section-3.1

use http::Request;
use http::uri::{PathAndQuery, Uri};

/// What is asked by the operator's own tools, at the root whatever the issuer is.
const HEALTH: [&str; 2] = ["/healthz", "/readyz"];

/// Stands for every path that is not below the issuer's.
const ELSEWHERE: &str = "/-";

/// The request as the endpoints know it, for an issuer with `issuer_path`, which has no slash at its end.
pub fn relative<B>(issuer_path: &str, mut request: Request<B>) -> Request<B> {
    if !issuer_path.is_empty() {
        let path = relative_path(issuer_path, request.uri().path());
        let target = match request.uri().query() {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query =
            Some(PathAndQuery::try_from(target).unwrap_or(PathAndQuery::from_static(ELSEWHERE)));
        *request.uri_mut() = Uri::from_parts(parts).unwrap_or(Uri::from_static(ELSEWHERE));
    }
    request
}

/// The path of such a request.
pub fn relative_path<'a>(issuer_path: &str, path: &'a str) -> &'a str {
    if issuer_path.is_empty() || HEALTH.contains(&path) {
        return path;
    }
    if path.starts_with("/.well-known/") {
        return path.strip_suffix(issuer_path).unwrap_or(ELSEWHERE);
    }
    let below = path.strip_prefix(issuer_path).filter(|below| below.starts_with('/'));
    below.unwrap_or(ELSEWHERE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_an_issuer_with_a_path_lie_below_it() {
        for (path, relative) in [
            ("/tenant/token", "/token"),
            ("/tenant/.well-known/openid-configuration", "/.well-known/openid-configuration"),
            ("/.well-known/openid-configuration/tenant", "/.well-known/openid-configuration"),
            ("/.well-known/oauth-authorization-server/tenant", "/.well-known/oauth-authorization-server"),
            ("/.well-known/oauth-authorization-server", ELSEWHERE),
            ("/token", ELSEWHERE),
            ("/tenantoken", ELSEWHERE),
            ("/tenant", ELSEWHERE),
            ("/healthz", "/healthz"),
        ] {
            assert_eq!(relative_path("/tenant", path), relative, "{path}");
        }
    }

    #[test]
    fn an_issuer_without_a_path_changes_nothing() {
        let request = Request::builder().uri("/token?a=b").body(()).unwrap();
        assert_eq!(relative("", request).uri(), "/token?a=b");
    }
}
