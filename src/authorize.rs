//! What comes next for a request at the authorization endpoint ([RFC 6749 §4.1.1], [OpenID Connect Core §3.1.2]).
//!
//! Nothing of a request is kept: it stands in the URL until it is answered, and is read anew at each step. So it
//! survives a wrong password, a reload, the back button, a restart, and another node.
//!
//! What is easily got wrong: a request whose client or redirect URI is not known to be good is answered to the person
//! before the browser and to nobody else, since a redirect would lead wherever its author likes.
//!
//! [RFC 6749 §4.1.1]: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.1
//! [OpenID Connect Core §3.1.2]: https://openid.net/specs/openid-connect-core-1_0.html#AuthorizationEndpoint

use serde_json::Value;

use crate::app::App;
use crate::code::{self, CodeRequest};
use crate::grant::{Target, target};
use crate::id_token_hint;
use crate::issue;
use crate::model::{ConsentPolicy, Narrowing, Pkce, standard_claims};
use crate::protocol::{
    AuthorizationRequest, AuthorizationResponse, ClientId, Code, Error, IdTokenHint, Params, RedirectUri,
    ReturnAddress, Scope,
};
use crate::scope;
use crate::store::{LiveClient, LiveSession};
use crate::subject;

/// A request of a known client, whose answer may go where it says.
pub struct Asked {
    /// The client.
    pub client: LiveClient,
    /// What it asks for.
    pub request: AuthorizationRequest,
    /// The API that it asks for.
    pub target: Target,
    /// Where the answer goes.
    pub return_address: ReturnAddress,
    /// The redirect URI, unless it was left out.
    redirect_uri: Option<RedirectUri>,
    hint: Option<IdTokenHint>,
}

/// Why a request is not answered with a code.
#[derive(Debug)]
pub enum Refusal {
    /// To be shown to the person.
    Shown(Error),
    /// To be told to the client.
    Told(Box<ReturnAddress>, Error),
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// The user signs in, also if they have.
    SignIn,
    /// The user says whether the client may have this, which they were not asked before.
    Consent(Scope),
    /// The client is given a code.
    Answer,
}

/// Reads a request; it may still be refused once it is known who the user is.
pub async fn read(app: &App, params: &Params) -> Result<Asked, Refusal> {
    let (client, registered) = client(app, params).await.map_err(Refusal::Shown)?;
    let redirect_uri = params.find("redirect_uri").is_some().then(|| registered.clone());
    let return_address = ReturnAddress::new(registered, params);
    match check(app, params, &client).await {
        Ok((request, target, hint)) => {
            Ok(Asked { client, request, target, return_address, redirect_uri, hint })
        }
        Err(error) => Err(Refusal::told(return_address, error)),
    }
}

impl Refusal {
    /// `error`, for the client; what will pass is shown to the person, whose request is still there when they reload.
    pub fn told(return_address: ReturnAddress, error: Error) -> Self {
        match error.code() {
            Code::Unavailable => Self::Shown(error),
            _ => Self::Told(Box::new(return_address), error),
        }
    }
}

/// The client of a request, and where its answer goes ([RFC 6749 §3.1.2.3], [RFC 9700 §4.1.3]).
///
/// [RFC 6749 §3.1.2.3]: https://www.rfc-editor.org/rfc/rfc6749#section-3.1.2.3
/// [RFC 9700 §4.1.3]: https://www.rfc-editor.org/rfc/rfc9700#section-4.1.3
async fn client(app: &App, params: &Params) -> Result<(LiveClient, RedirectUri), Error> {
    if params.doubled().iter().any(|name| ["client_id", "redirect_uri"].contains(name)) {
        return Err(Error::invalid_request("`client_id` or `redirect_uri` is given more than once"));
    }
    let unknown = || Error::invalid_request("there is no such client, or it is disabled");
    let id: ClientId = params.require("client_id")?.parse().map_err(|_| unknown())?;
    let client = app.store.live_client(&id).await?.ok_or_else(unknown)?;
    let redirect_uri = match (params.find("redirect_uri"), &client.redirect_uris[..]) {
        (Some(uri), registered) => {
            let uri: Option<RedirectUri> = uri.parse().ok();
            uri.filter(|uri| registered.iter().any(|registered| registered.admits(uri))).ok_or_else(|| {
                Error::invalid_request("the client is not registered with this `redirect_uri`")
            })?
        }
        (None, [only]) if !is_openid(params) => only.clone(),
        (None, _) => return Err(Error::invalid_request("the parameter `redirect_uri` is missing")),
    };
    Ok((client, redirect_uri))
}

/// Whether a request is one of OpenID Connect, which always says its redirect URI.
fn is_openid(params: &Params) -> bool {
    params.scope().ok().flatten().is_some_and(|scope| scope.contains(&scope!("openid")))
}

/// What is to be told to the client if it is wrong.
async fn check(
    app: &App,
    params: &Params,
    client: &LiveClient,
) -> Result<(AuthorizationRequest, Target, Option<IdTokenHint>), Error> {
    let mut request = AuthorizationRequest::read(params)?;
    // The others are left out, as voluntary claims may be (OpenID Connect Core §5.5.1).
    request.claims = request.claims.map(|claims| standard_claims::within(&client.scope, claims));
    if !client.may_use("authorization_code") {
        return Err(Error::unauthorized_client("the client may not use `authorization_code`"));
    }
    let must_prove = client.is_public() || client.profile.pkce == Pkce::Required;
    if must_prove && request.code_challenge.is_none() {
        return Err(Error::invalid_request("the parameter `code_challenge` is missing"));
    }
    let target = target::of_request(app, client, request.resource.as_deref()).await?;
    let hint = request.id_token_hint.as_deref().map(|hint| id_token_hint::read(app, hint)).transpose()?;
    if hint.as_ref().is_some_and(|hint| hint.aud != client.id.as_str()) {
        return Err(Error::invalid_request("the `id_token_hint` is another client's"));
    }
    Ok((request, target, hint))
}

impl Asked {
    /// What comes next, for who is signed in in `session`.
    pub async fn next(&self, app: &App, session: Option<&LiveSession>) -> Result<Next, Error> {
        let sought = session.map(|session| self.sought(session)).unwrap_or_default();
        let consented = match session {
            _ if self.is_asked_each_time() => Scope::default(),
            Some(session) if self.client.profile.consent == ConsentPolicy::Ask => {
                app.store.consent(session.user().id, &self.client.id, &self.target.uri).await?
            }
            _ => sought.clone(),
        };
        let facts = Facts {
            signed_in_for: session.map(|session| app.clock.now().saturating_sub(session.authentication().at)),
            is_meant: session.is_some_and(|session| self.means(app, session)),
            is_proved: session.is_some_and(|session| self.is_proved(session)),
            is_grantable: session.is_some_and(|session| !self.grantable(session).is_empty()),
            sought,
            consented,
        };
        next(&self.request, facts)
    }

    /// Whether a consent counts for nothing the next time. Neither a secret nor the redirect URI tells this client from
    /// another program of the device, which could otherwise be answered unseen ([RFC 8252 §8.6], [RFC 6749 §10.2]).
    ///
    /// [RFC 8252 §8.6]: https://www.rfc-editor.org/rfc/rfc8252#section-8.6
    /// [RFC 6749 §10.2]: https://www.rfc-editor.org/rfc/rfc6749#section-10.2
    fn is_asked_each_time(&self) -> bool {
        self.client.is_public() && !self.return_address.redirect_uri().is_https()
    }

    /// Whether the request is about the user of `session`, as far as it says: by `id_token_hint`, or by asking for a
    /// certain `sub` ([OpenID Connect Core §3.1.2.2]).
    ///
    /// [OpenID Connect Core §3.1.2.2]: https://openid.net/specs/openid-connect-core-1_0.html#AuthRequestValidation
    pub fn means(&self, app: &App, session: &LiveSession) -> bool {
        let sub = subject::of(app, &self.client, session.user().id);
        let asked = self.request.claims.as_ref().and_then(|claims| claims.id_token.get("sub"));
        self.hint.as_ref().is_none_or(|hint| hint.sub == sub)
            && asked.is_none_or(|asked| asked.takes(&Value::String(sub)))
    }

    /// Whether the user proved who they are as strongly as the client demands ([OpenID Connect Core §5.5.1.1]).
    ///
    /// [OpenID Connect Core §5.5.1.1]: https://openid.net/specs/openid-connect-core-1_0.html#acrSemantics
    fn is_proved(&self, session: &LiveSession) -> bool {
        let asked = self.request.claims.as_ref().and_then(|claims| claims.id_token.get("acr"));
        let acr = Value::from(session.authentication().acr());
        asked.is_none_or(|asked| !asked.is_essential || asked.takes(&acr))
    }

    /// What the user of `session` is to consent to: what can be granted, and with it the scopes of the claims that are
    /// asked for by name, for whoever is told a claim is told what that scope is shown as.
    pub fn sought(&self, session: &LiveSession) -> Scope {
        let named = self.request.claims.as_ref().map(standard_claims::scope_of_request).unwrap_or_default();
        self.grantable(session).union(&named)
    }

    /// What the user of `session` can let the client have.
    fn grantable(&self, session: &LiveSession) -> Scope {
        let requested = self.request.scope.clone();
        let narrowing =
            Narrowing { requested, client: self.client.scope.clone(), api: self.target.scope.clone() };
        narrowing.for_user(session.user().roles())
    }

    /// The answer: a code ([RFC 6749 §4.1.2](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2)).
    pub async fn answer(self, app: &App, session: &LiveSession) -> Result<AuthorizationResponse, Refusal> {
        let scope = self.grantable(session);
        let AuthorizationRequest { nonce, code_challenge, claims, .. } = self.request;
        let Self { redirect_uri, target, .. } = self;
        let request = CodeRequest { redirect_uri, code_challenge, nonce, target, scope, claims };
        match code::issue_code(app, &self.client, session, request).await {
            Ok(code) => Ok(self.return_address.code(app.issuer(), code)),
            Err(error) => Err(Refusal::told(self.return_address, error)),
        }
    }
}

/// What the decision rests on.
struct Facts {
    /// Seconds since the user proved who they are; none when nobody is signed in.
    signed_in_for: Option<i64>,
    /// Whether the request is about that user, as far as it says.
    is_meant: bool,
    /// Whether they proved it as strongly as is demanded.
    is_proved: bool,
    /// Whether they can let the client have anything.
    is_grantable: bool,
    /// What they are to consent to.
    sought: Scope,
    /// What they have let it have.
    consented: Scope,
}

fn next(request: &AuthorizationRequest, facts: Facts) -> Result<Next, Error> {
    let prompt = request.prompt;
    let is_fresh = |age: i64| request.max_age.is_none_or(|max_age| age <= max_age);
    let is_signed_in = facts.signed_in_for.is_some_and(is_fresh) && facts.is_meant;
    if !is_signed_in || prompt.login || prompt.select_account {
        if prompt.none {
            return Err(Error::login_required("the user must sign in"));
        }
        return Ok(Next::SignIn);
    }
    if !facts.is_proved {
        return Err(Error::unmet_authentication_requirements(
            "the user cannot sign in as strongly as this demands",
        ));
    }
    if !facts.is_grantable {
        return Err(issue::nothing_to_grant());
    }
    let new = if prompt.consent { facts.sought } else { facts.sought.difference(&facts.consented) };
    match (new.is_empty(), prompt.none) {
        (true, _) => Ok(Next::Answer),
        (false, true) => Err(Error::consent_required("the user must consent")),
        (false, false) => Ok(Next::Consent(new)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes next for a request with `query` when the user signed in a minute ago.
    fn decide(query: &str, change: impl FnOnce(&mut Facts)) -> Result<Next, Code> {
        let params = Params::parse(format!("response_type=code&scope=openid+a&{query}").as_bytes()).unwrap();
        let request = AuthorizationRequest::read(&params).unwrap();
        let sought: Scope = "a openid".parse().unwrap();
        let mut facts = Facts {
            signed_in_for: Some(60),
            is_meant: true,
            is_proved: true,
            is_grantable: true,
            consented: sought.clone(),
            sought,
        };
        change(&mut facts);
        next(&request, facts).map_err(|error| error.code())
    }

    fn consent(scope: &str) -> Result<Next, Code> {
        Ok(Next::Consent(scope.parse().unwrap()))
    }

    #[test]
    fn who_is_signed_in_and_has_consented_is_not_asked_again() {
        for query in [
            "prompt=",
            "prompt=none",
            "max_age=60",
            "login_hint=bob",
            "acr_values=2",
            "max_age=10000&prompt=none",
        ] {
            assert_eq!(decide(query, |_| {}), Ok(Next::Answer), "{query}");
        }
    }

    #[test]
    fn who_is_not_signed_in_long_ago_or_as_another_signs_in() {
        let nobody = |facts: &mut Facts| facts.signed_in_for = None;
        let another = |facts: &mut Facts| facts.is_meant = false;
        assert_eq!(decide("prompt=", nobody), Ok(Next::SignIn));
        assert_eq!(decide("prompt=none", nobody), Err(Code::LoginRequired));
        assert_eq!(decide("prompt=consent", nobody), Ok(Next::SignIn));
        assert_eq!(decide("prompt=", another), Ok(Next::SignIn));
        assert_eq!(decide("prompt=none", another), Err(Code::LoginRequired));
        assert_eq!(decide("max_age=59", |_| {}), Ok(Next::SignIn));
        assert_eq!(decide("max_age=0", |_| {}), Ok(Next::SignIn));
        assert_eq!(decide("max_age=59&prompt=none", |_| {}), Err(Code::LoginRequired));
        assert_eq!(decide("prompt=login", |_| {}), Ok(Next::SignIn));
        assert_eq!(decide("prompt=select_account", |_| {}), Ok(Next::SignIn));
        assert_eq!(decide("prompt=login+consent", |_| {}), Ok(Next::SignIn));
    }

    #[test]
    fn who_signed_in_just_now_is_fresh_enough_for_any_age() {
        assert_eq!(decide("max_age=0", |facts| facts.signed_in_for = Some(0)), Ok(Next::Answer));
        assert_eq!(decide("max_age=0", |facts| facts.signed_in_for = Some(-5)), Ok(Next::Answer));
    }

    #[test]
    fn what_was_not_consented_to_is_asked_for_and_nothing_else() {
        let some = |facts: &mut Facts| facts.consented = "openid".parse().unwrap();
        let none = |facts: &mut Facts| facts.consented = Scope::default();
        assert_eq!(decide("prompt=", some), consent("a"));
        assert_eq!(decide("prompt=", none), consent("a openid"));
        assert_eq!(decide("prompt=none", some), Err(Code::ConsentRequired));
        assert_eq!(decide("prompt=consent", |_| {}), consent("a openid"));
    }

    #[test]
    fn what_cannot_be_given_is_refused_before_anybody_is_asked() {
        assert_eq!(
            decide("prompt=consent", |facts| facts.is_proved = false),
            Err(Code::UnmetAuthenticationRequirements)
        );
        let nothing = |facts: &mut Facts| facts.is_grantable = false;
        assert_eq!(decide("prompt=consent", nothing), Err(Code::InvalidScope));
    }
}
