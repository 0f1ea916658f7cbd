//! `/account/password`: a person chooses another password, and shows once more that they know the one they have.

use warp::reply::Response;

use super::Member;
use crate::http::view::{ChangePassword, Done, Weakness};
use crate::password::policy;
use crate::protocol::{Error, Params, Secret};
use crate::session;

const PATH: &str = "/account/password";

pub(super) async fn step(member: &Member, form: Option<&Params>) -> Result<Response, Error> {
    let Some(form) = form else { return Ok(page(member, None, None)) };
    if let Err(error) = member.check(PATH, form) {
        return Ok(page(member, Some(&error), None));
    }
    let field = |name| Secret::new(form.find(name).unwrap_or_default().to_owned());
    let (current, new, again) = (field("current"), field("new"), field("again"));
    // The new one first: whoever is told what is wrong with it has used up no attempt.
    if let Err(weakness) = judge(member, &new, &again) {
        let error = Error::invalid_request("the new password is not taken");
        return Ok(page(member, Some(&error), Some(weakness)));
    }
    let browser = member.visit.browser();
    let begun = match session::change_password(member.app(), browser, &member.session, current, new).await {
        Ok(begun) => begun,
        Err(error) => return Ok(page(member, Some(&error), None)),
    };
    let mut response = member.changed("/account", Done::Password);
    member.visit.keep(&begun, &mut response);
    Ok(response)
}

fn judge(member: &Member, new: &Secret<String>, again: &Secret<String>) -> Result<(), Weakness> {
    let username = &member.session.user().username;
    policy::check(new, username, member.app().issuer()).map_err(Weakness::Refused)?;
    if new.expose() == again.expose() { Ok(()) } else { Err(Weakness::Differs) }
}

fn page(member: &Member, refusal: Option<&Error>, weakness: Option<Weakness>) -> Response {
    let (frame, username) = (member.frame(), member.username());
    member.page(PATH, |form| ChangePassword { frame: &frame, form, username, refusal, weakness }.answer())
}
