//! Answers of the authorization endpoint ([RFC 6749 §4.1.2], [RFC 9207]).
//!
//! Every one of them names the issuer, errors too, so that a client of several servers is not deceived about which
//! one answered.
//!
//! [RFC 6749 §4.1.2]: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2
//! [RFC 9207]: https://www.rfc-editor.org/rfc/rfc9207

use super::{Error, Issuer, Params, RedirectUri};

/// How an answer comes to the client (`response_mode`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseMode {
    /// In the query of the redirect URI ([OAuth 2.0 Multiple Response Types §2.1]).
    ///
    /// [OAuth 2.0 Multiple Response Types §2.1]: https://openid.net/specs/oauth-v2-multiple-response-types-1_0.html#ResponseModes
    #[default]
    Query,
    /// In a form that the browser posts ([OAuth 2.0 Form Post Response Mode §2]).
    ///
    /// [OAuth 2.0 Form Post Response Mode §2]: https://openid.net/specs/oauth-v2-form-post-response-mode-1_0.html#FormPostResponseMode
    FormPost,
}

impl ResponseMode {
    /// The modes by their wire names (`response_modes_supported`).
    pub const ALL: [(&str, Self); 2] = [("query", Self::Query), ("form_post", Self::FormPost)];
}

/// Where the answer to a request goes: known before anything else is, so that what is wrong can be told there.
#[derive(Clone, Debug)]
pub struct ReturnAddress {
    redirect_uri: RedirectUri,
    mode: ResponseMode,
    state: Option<String>,
}

/// An answer on its way to the client.
#[derive(Clone, Debug)]
pub struct AuthorizationResponse {
    /// Where it goes.
    pub redirect_uri: RedirectUri,
    /// How.
    pub mode: ResponseMode,
    /// What it says.
    pub params: Vec<(&'static str, String)>,
}

impl ReturnAddress {
    /// That of the request `params`, whose redirect URI was found good. A mode that there is not, or a `state` given
    /// twice, is refused when the request is read, and counts as left out until then.
    pub fn new(redirect_uri: RedirectUri, params: &Params) -> Self {
        let mode = params.find("response_mode");
        let known = ResponseMode::ALL.into_iter().find(|(name, _)| Some(*name) == mode);
        let state = params.find("state").filter(|_| !params.doubled().contains(&"state"));
        Self {
            redirect_uri,
            mode: known.map_or(ResponseMode::Query, |(_, mode)| mode),
            state: state.map(ToOwned::to_owned),
        }
    }

    /// The redirect URI.
    pub fn redirect_uri(&self) -> &RedirectUri {
        &self.redirect_uri
    }

    /// Success ([RFC 6749 §4.1.2](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2)).
    pub fn code(self, issuer: &Issuer, code: String) -> AuthorizationResponse {
        self.response(issuer, vec![("code", code)])
    }

    /// A refusal ([RFC 6749 §4.1.2.1](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1)), with the `reference` by
    /// which the operator finds why.
    pub fn error(self, issuer: &Issuer, error: &Error, reference: &str) -> AuthorizationResponse {
        let description = error.description().to_owned();
        let error = error.code().as_str().to_owned();
        let reference = reference.to_owned();
        self.response(
            issuer,
            vec![("error", error), ("error_description", description), ("error_ref", reference)],
        )
    }

    fn response(self, issuer: &Issuer, mut params: Vec<(&'static str, String)>) -> AuthorizationResponse {
        params.extend(self.state.map(|state| ("state", state)));
        params.push(("iss", issuer.to_string()));
        AuthorizationResponse { redirect_uri: self.redirect_uri, mode: self.mode, params }
    }
}

impl AuthorizationResponse {
    /// The redirect URI with the answer in its query.
    pub fn location(&self) -> String {
        self.redirect_uri.with_query(self.params.iter().map(|(name, value)| (*name, value.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(uri: &str, query: &str) -> ReturnAddress {
        ReturnAddress::new(uri.parse().unwrap(), &Params::parse_with_doubles(query.as_bytes()).unwrap())
    }

    #[test]
    fn an_answer_goes_behind_the_query_that_the_redirect_uri_has() {
        let issuer = "https://id.example.com/a".parse().unwrap();
        for (uri, location) in [
            (
                "https://app.example.com/cb",
                "https://app.example.com/cb?code=c&iss=https%3A%2F%2Fid.example.com%2Fa",
            ),
            (
                "https://app.example.com/cb?",
                "https://app.example.com/cb?code=c&iss=https%3A%2F%2Fid.example.com%2Fa",
            ),
            (
                "https://app.example.com/?a=%20",
                "https://app.example.com/?a=%20&code=c&iss=https%3A%2F%2Fid.example.com%2Fa",
            ),
            ("com.example.app:/cb", "com.example.app:/cb?code=c&iss=https%3A%2F%2Fid.example.com%2Fa"),
        ] {
            assert_eq!(address(uri, "").code(&issuer, "c".to_owned()).location(), location);
        }
    }

    #[test]
    fn the_state_comes_back_as_it_was_sent() {
        let issuer = "https://id.example.com".parse().unwrap();
        let answer =
            address("https://app.example.com", "state=a%26b+%C3%A9%22").code(&issuer, "c".to_owned());
        assert_eq!(answer.params[1], ("state", "a&b é\"".to_owned()));
        let answer = address("https://app.example.com", "state=a&state=b");
        let answer = answer.error(&issuer, &Error::invalid_request("`state` is given more than once"), "1-2");
        assert!(answer.params.iter().all(|(name, _)| *name != "state"), "{answer:?}");
    }
}
