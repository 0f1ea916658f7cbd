//! Requests at the authorization endpoint ([RFC 6749 §4.1.1], [OpenID Connect Core §3.1.2.1]).
//!
//! What cannot be honoured is refused with its own code, never passed over: a request object that is ignored would
//! mean another request than the client made. Parameters that nobody knows are ignored, as the standards say. So are
//! `acr_values`, `display` and `claims_locales`, which only state a preference.
//!
//! [RFC 6749 §4.1.1]: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.1
//! [OpenID Connect Core §3.1.2.1]: https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest

use std::str::FromStr;

use super::{ClaimsRequest, CodeChallenge, Error, Params, ResponseMode, Scope};

/// The longest `nonce` that is taken, in bytes: it is kept with the code.
const NONCE_BYTES: usize = 512;

/// A request, but for its client and where its answer goes.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    /// What is asked for; without it, all that can be had.
    pub scope: Option<Scope>,
    /// What the ID token repeats, byte for byte.
    pub nonce: Option<String>,
    /// What the code is bound to.
    pub code_challenge: Option<CodeChallenge>,
    /// What the user must, or may not, be asked.
    pub prompt: Prompt,
    /// Seconds since the user last proved who they are, at most.
    pub max_age: Option<i64>,
    /// The name that the user may want to sign in with.
    pub login_hint: Option<String>,
    /// An ID token about the user who is meant, not yet checked.
    pub id_token_hint: Option<String>,
    /// The API that the tokens are for, not yet checked.
    pub resource: Option<String>,
    /// Single claims that are asked for.
    pub claims: Option<ClaimsRequest>,
}

/// What the user must, or may not, be asked (`prompt`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    /// Nothing may be asked.
    pub none: bool,
    /// Who they are, also when they are signed in.
    pub login: bool,
    /// Whether they consent, also when they have.
    pub consent: bool,
    /// Which of their accounts they mean.
    pub select_account: bool,
}

impl Prompt {
    /// The words (`prompt_values_supported`).
    pub const WORDS: [&str; 4] = ["none", "login", "consent", "select_account"];
}

impl FromStr for Prompt {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut prompt = Self::default();
        for word in text.split(' ') {
            *match word {
                "none" => &mut prompt.none,
                "login" => &mut prompt.login,
                "consent" => &mut prompt.consent,
                "select_account" => &mut prompt.select_account,
                _ => {
                    return Err(Error::invalid_request(
                        "`prompt` is none, or login, consent and select_account",
                    ));
                }
            } = true;
        }
        if prompt.none && prompt != (Self { none: true, ..Self::default() }) {
            return Err(Error::invalid_request("`prompt=none` goes with no other word"));
        }
        Ok(prompt)
    }
}

impl AuthorizationRequest {
    /// Reads a request whose client is known, and where its answer goes.
    pub fn read(params: &Params) -> Result<Self, Error> {
        match params.doubled()[..] {
            [] => {}
            // RFC 8707 §2 lets a request name several; a code is for one.
            ["resource", ..] => return Err(Error::invalid_target("a request is for one resource")),
            _ => return Err(Error::invalid_request("a parameter is given more than once")),
        }
        if params.find("request").is_some() {
            return Err(Error::request_not_supported("request objects are not supported"));
        }
        if params.find("request_uri").is_some() {
            return Err(Error::request_uri_not_supported("request objects are not supported"));
        }
        if params.find("registration").is_some() {
            return Err(Error::registration_not_supported("clients do not register themselves"));
        }
        let mode = params.find("response_mode");
        if mode.is_some_and(|mode| ResponseMode::ALL.iter().all(|(name, _)| *name != mode)) {
            return Err(Error::invalid_request("`response_mode` is `query` or `form_post`"));
        }
        if params.require("response_type")? != "code" {
            return Err(Error::unsupported_response_type("the one response type is `code`"));
        }

        let text = |name| params.find(name).map(ToOwned::to_owned);
        Ok(Self {
            scope: params.scope()?,
            nonce: nonce(params)?,
            code_challenge: code_challenge(params)?,
            prompt: params.find("prompt").map(str::parse).transpose()?.unwrap_or_default(),
            max_age: params.find("max_age").map(seconds).transpose()?,
            login_hint: text("login_hint"),
            id_token_hint: text("id_token_hint"),
            resource: text("resource"),
            claims: params.find("claims").map(ClaimsRequest::read).transpose()?,
        })
    }

    /// The query of the request `params` once its user has signed in for it: it no longer asks for that.
    pub fn signed_in(params: &Params) -> String {
        params.to_query_with(|name, value| match name {
            "prompt" => without(value, &["login", "select_account"]),
            "max_age" => None,
            _ => Some(value.to_owned()),
        })
    }

    /// The query of the request `params` when there is nobody left to ask for it.
    pub fn unasked(params: &Params) -> String {
        let rest = params.to_query_with(|name, value| (name != "prompt").then(|| value.to_owned()));
        format!("{rest}&prompt=none")
    }
}

fn nonce(params: &Params) -> Result<Option<String>, Error> {
    match params.find("nonce") {
        Some(nonce) if nonce.len() > NONCE_BYTES => {
            Err(Error::invalid_request(format!("`nonce` is longer than {NONCE_BYTES} bytes")))
        }
        nonce => Ok(nonce.map(ToOwned::to_owned)),
    }
}

fn code_challenge(params: &Params) -> Result<Option<CodeChallenge>, Error> {
    match (params.find("code_challenge"), params.find("code_challenge_method")) {
        (Some(challenge), method) => CodeChallenge::read(challenge, method).map(Some),
        (None, Some(_)) => {
            Err(Error::invalid_request("`code_challenge_method` comes with a `code_challenge`"))
        }
        (None, None) => Ok(None),
    }
}

/// A number of seconds, in decimal digits; one that is too large to be kept never ends.
fn seconds(text: &str) -> Result<i64, Error> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::invalid_request("`max_age` is a number of seconds"));
    }
    Ok(text.parse().unwrap_or(i64::MAX))
}

/// The words of `text` without `words`.
fn without(text: &str, words: &[&str]) -> Option<String> {
    let rest: Vec<_> = text.split(' ').filter(|word| !words.contains(word)).collect();
    (!rest.is_empty()).then(|| rest.join(" "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::Code;

    fn read(query: &str) -> Result<AuthorizationRequest, Code> {
        let params = Params::parse_with_doubles(query.as_bytes()).unwrap();
        AuthorizationRequest::read(&params).map_err(|error| error.code())
    }

    #[test]
    fn what_cannot_be_honoured_is_refused_with_its_own_code() {
        for (query, code) in [
            ("", Code::InvalidRequest),
            ("response_type=token", Code::UnsupportedResponseType),
            ("response_type=code+id_token", Code::UnsupportedResponseType),
            ("response_type=CODE", Code::UnsupportedResponseType),
            ("response_type=code&request=e30.e30.", Code::RequestNotSupported),
            ("response_type=code&request_uri=https://a.example", Code::RequestUriNotSupported),
            ("response_type=code&registration={}", Code::RegistrationNotSupported),
            ("response_type=code&response_mode=fragment", Code::InvalidRequest),
            ("response_type=code&scope=a++b", Code::InvalidScope),
            ("response_type=code&resource=https://a.example&resource=https://b.example", Code::InvalidTarget),
            ("response_type=code&nonce=a&nonce=a", Code::InvalidRequest),
            ("response_type=code&unknown=a&unknown=b", Code::InvalidRequest),
            ("response_type=code&prompt=none+login", Code::InvalidRequest),
            ("response_type=code&prompt=create", Code::InvalidRequest),
            ("response_type=code&prompt=login++consent", Code::InvalidRequest),
            ("response_type=code&max_age=-1", Code::InvalidRequest),
            ("response_type=code&max_age=1.5", Code::InvalidRequest),
            ("response_type=code&claims=[]", Code::InvalidRequest),
            (
                "response_type=code&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
                Code::InvalidRequest,
            ),
            ("response_type=code&code_challenge=a&code_challenge_method=plain", Code::InvalidRequest),
            ("response_type=code&code_challenge_method=S256", Code::InvalidRequest),
        ] {
            assert_eq!(read(query).unwrap_err(), code, "{query}");
        }
    }

    #[test]
    fn a_nonce_may_be_long_but_not_endless() {
        let read = |bytes: usize| read(&format!("response_type=code&nonce={}", "%C3%A9".repeat(bytes / 2)));
        assert_eq!(read(512).unwrap().nonce, Some("\u{e9}".repeat(256)));
        assert_eq!(read(514).unwrap_err(), Code::InvalidRequest);
    }

    #[test]
    fn preferences_and_unknown_parameters_are_ignored() {
        let request =
            read("response_type=code&display=tv&acr_values=9&claims_locales=xx&ui_locales=xx&a=b").unwrap();
        assert!(request.scope.is_none() && request.prompt == Prompt::default());
    }

    #[test]
    fn a_request_is_read() {
        let request = read(
            "response_type=code&scope=a+openid&nonce=%22n%22&prompt=login+consent&max_age=99999999999999999999\
             &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256\
             &login_hint=alice&resource=https%3A%2F%2Fa.example&response_mode=form_post",
        )
        .unwrap();
        assert!(request.code_challenge.is_some());
        assert_eq!(request.nonce.as_deref(), Some("\"n\""));
        assert_eq!(request.prompt, Prompt { login: true, consent: true, ..Prompt::default() });
        assert_eq!(request.max_age, Some(i64::MAX));
        assert_eq!(request.resource.as_deref(), Some("https://a.example"));
    }

    #[test]
    fn what_was_done_is_not_asked_for_again() {
        let params = Params::parse(b"prompt=login+consent&max_age=1&state=a%20b&x=").unwrap();
        let once = AuthorizationRequest::signed_in(&params);
        assert_eq!(once, "prompt=consent&state=a+b&x=");
        let params = Params::parse(once.as_bytes()).unwrap();
        assert_eq!(AuthorizationRequest::unasked(&params), "state=a+b&x=&prompt=none");
    }

    proptest! {
        #[test]
        fn no_query_makes_it_panic(query in "(response_type=code)?(&(prompt|max_age|claims|scope|code_challenge)=[ -~]{0,12}){0,4}") {
            if let Ok(params) = Params::parse_with_doubles(query.as_bytes()) {
                let _ = AuthorizationRequest::read(&params);
            }
        }
    }
}
