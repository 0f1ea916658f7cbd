//! `authorization_endpoint` ([RFC 6749 §3.1], [OpenID Connect Core §3.1.2]).
//!
//! [RFC 6749 §3.1]: https://www.rfc-editor.org/rfc/rfc6749#section-3.1
//! [OpenID Connect Core §3.1.2]: https://openid.net/specs/openid-connect-core-1_0.html#AuthorizationEndpoint

use warp::Filter;
use warp::reply::Response;

use super::cors::Cors;
use super::form::body;
use super::reply;
use super::route::{PAGE, Route, read};
use super::view::FormPost;
use super::visit::{Visit, visit};
use crate::app::App;
use crate::authorize::{self, Asked, Next, Refusal};
use crate::protocol::{AuthorizationResponse, Error, Params, ResponseMode};
use crate::store::LiveSession;

/// The longest request, in bytes as we write it in URLs: each step has it in its target, of which the server reads
/// somewhat more.
const LONGEST: usize = 7680;

/// `GET` and `POST /authorize`
pub(super) fn routes(app: &App) -> Vec<Route> {
    let asked = read().and(visit(app)).then(asked);
    let posted = warp::post().and(visit(app)).and(body()).map(posted);
    vec![Route::new(app, Cors::Nobody, PAGE, "/authorize", asked.or(posted).unify())]
}

/// The parameters may come in a form from a page of the client's, a request of another site, with which browsers send no
/// cookies. The same request by `GET`, which follows from a page of ours, has them.
fn posted(visit: Visit, form: Params) -> Response {
    if !visit.query.is_empty() {
        let error = Error::invalid_request("parameters go into the body or into the URI, not into both");
        return visit.failed(&form, &error);
    }
    let query = form.to_query();
    match check_length(&query) {
        Ok(()) => reply::see_other(&visit.url("/authorize", &query)),
        Err(error) => visit.failed(&form, &error),
    }
}

/// Refuses what could not be carried through every step, before anybody has taken the first.
fn check_length(query: &str) -> Result<(), Error> {
    if query.len() <= LONGEST {
        return Ok(());
    }
    Err(Error::uri_too_long(format!("the request is longer than {LONGEST} bytes")))
}

async fn asked(visit: Visit) -> Response {
    let params = match visit.params() {
        Ok(params) => params,
        Err(error) => return visit.failed(&Params::default(), &error),
    };
    if let Err(error) = check_length(&params.to_query()) {
        return visit.failed(&params, &error);
    }
    match next(&visit, &params).await {
        Ok(response) => response,
        Err(refusal) => refused(&visit, &params, refusal),
    }
}

async fn next(visit: &Visit, params: &Params) -> Result<Response, Refusal> {
    let asked = authorize::read(&visit.app, params).await?;
    let session = visit.session().await.map_err(Refusal::Shown)?;
    let next = asked.next(&visit.app, session.as_ref()).await;
    let to = |path| reply::see_other(&visit.url(path, &visit.query));
    match (next, session) {
        (Err(error), _) => Err(Refusal::told(asked.return_address, error)),
        (Ok(Next::Answer), Some(session)) => granted(visit, params, asked, &session).await,
        (Ok(Next::Consent(_)), Some(_)) => Ok(to("/consent")),
        (Ok(_), _) => Ok(to("/sign-in")),
    }
}

/// The answer to a request that is refused: to the person, or to the client.
pub(super) fn refused(visit: &Visit, params: &Params, refusal: Refusal) -> Response {
    match refusal {
        Refusal::Shown(error) => visit.failed(params, &error),
        Refusal::Told(return_address, error) => {
            let answer = return_address.error(visit.app.issuer(), &error, &visit.id.to_string());
            reply::telling(&error, deliver(visit, params, answer))
        }
    }
}

/// Gives the client a code.
pub(super) async fn granted(
    visit: &Visit,
    params: &Params,
    asked: Asked,
    session: &LiveSession,
) -> Result<Response, Refusal> {
    let answer = asked.answer(&visit.app, session).await?;
    Ok(deliver(visit, params, answer))
}

/// Sends an answer on its way to the client. 303, since with 307 a browser would send the client what it sent us
/// ([RFC 9700 §4.12](https://www.rfc-editor.org/rfc/rfc9700#section-4.12)).
fn deliver(visit: &Visit, params: &Params, answer: AuthorizationResponse) -> Response {
    match answer.mode {
        ResponseMode::Query => reply::see_other(&answer.location()),
        ResponseMode::FormPost => {
            let fields: Vec<_> = answer.params.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let action = answer.redirect_uri.as_str();
            FormPost { frame: &visit.frame(params), action, params: &fields }.answer()
        }
    }
}
