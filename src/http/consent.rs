//! `/consent`: a person decides what a client may have ([OpenID Connect Core §3.1.2.4]).
//!
//! [OpenID Connect Core §3.1.2.4]: https://openid.net/specs/openid-connect-core-1_0.html#Consent

use warp::Filter;
use warp::reply::Response;

use super::authorization::{granted, refused};
use super::cors::Cors;
use super::form::body;
use super::reply;
use super::route::{PAGE, Route, read};
use super::view::{Allowance, Consent};
use super::visit::{Visit, visit};
use crate::app::App;
use crate::authorize::{self, Asked, Next, Refusal};
use crate::model::Event;
use crate::protocol::{Error, Params, Scope};
use crate::store::LiveSession;

/// `GET` and `POST /consent`
pub(super) fn routes(app: &App) -> Vec<Route> {
    let show = read().and(visit(app)).then(async |visit| answer(visit, None).await);
    let decide =
        warp::post().and(visit(app)).and(body()).then(async |visit, form| answer(visit, Some(form)).await);
    vec![Route::new(app, Cors::Nobody, PAGE, "/consent", show.or(decide).unify())]
}

async fn answer(visit: Visit, form: Option<Params>) -> Response {
    let params = match visit.params() {
        Ok(params) => params,
        Err(error) => return visit.failed(&Params::default(), &error),
    };
    match step(&visit, &params, form.as_ref()).await {
        Ok(response) => response,
        Err(refusal) => refused(&visit, &params, refusal),
    }
}

/// Shows what is asked for, or takes what was decided in `form`, and answers the client. Where nothing is to be decided,
/// the authorization endpoint knows what is next.
async fn step(visit: &Visit, params: &Params, form: Option<&Params>) -> Result<Response, Refusal> {
    let asked = authorize::read(&visit.app, params).await?;
    let session = visit.session().await.map_err(Refusal::Shown)?;
    let next = asked.next(&visit.app, session.as_ref()).await;
    let (Some(session), Ok(Next::Consent(new))) = (session, next) else {
        return Ok(reply::see_other(&visit.url("/authorize", &visit.query)));
    };
    let Some(form) = form else { return page(visit, params, &asked, &session, &new, None).await };
    // What was shown is what is consented to, also if something else is asked for by now.
    if let Err(error) = visit.check(&about(&asked, &new), form) {
        return page(visit, params, &asked, &session, &new, Some(&error)).await;
    }
    if form.find("decision") != Some("allow") {
        let error = Error::access_denied("the user did not consent");
        return Err(Refusal::told(asked.return_address, error));
    }
    let entry = visit.app.audit(Event::ConsentGranted);
    let (user, client, api) = (session.user().id, asked.client.id.clone(), asked.target.uri.clone());
    let kept = visit.app.store.grant_consent(user, client, api, new, entry);
    kept.await.map_err(|error| Refusal::Shown(error.into()))?;
    granted(visit, params, asked, &session).await
}

/// What the form is about.
fn about(asked: &Asked, new: &Scope) -> String {
    let Asked { client, target, return_address, .. } = asked;
    format!("consent {} {} {} {new}", client.id, target.uri, return_address.redirect_uri())
}

/// The form, with what was wrong with it before.
async fn page(
    visit: &Visit,
    params: &Params,
    asked: &Asked,
    session: &LiveSession,
    new: &Scope,
    refusal: Option<&Error>,
) -> Result<Response, Refusal> {
    let shown = |error: crate::store::Error| Refusal::Shown(error.into());
    let api = visit.app.store.api(&asked.target.uri).await.map_err(shown)?;
    let described = |token| api.as_ref()?.scopes.get(token)?.as_deref();
    let is_one_of_several = asked.client.apis.len() > 1 && asked.target.uri != *visit.app.own_uri();

    let frame = visit.frame(params);
    let other_account = visit.path("/sign-in", &visit.query);
    let redirect_host = asked.return_address.redirect_uri().host();
    let action = visit.path("/consent", &visit.query);
    Ok(visit.form(&about(asked, new), &action, |form| {
        let allowances = new.iter().map(|token| Allowance { token, description: described(token) }).collect();
        let page = Consent {
            frame: &frame,
            form,
            client: asked.client.display_name(),
            client_id: asked.client.id.as_str(),
            api: is_one_of_several.then(|| asked.target.uri.as_str()),
            redirect_host: &redirect_host,
            username: session.user().username.as_str(),
            other_account: &other_account,
            allowances,
            is_addition: asked.sought(session) != *new,
            refusal,
        };
        page.answer()
    }))
}
