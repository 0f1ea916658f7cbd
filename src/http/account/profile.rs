//! `/account/profile`: what clients are told about a person who allows it.

use std::collections::BTreeMap;

use warp::reply::Response;

use super::Member;
use crate::http::view::{Done, Profile, claims};
use crate::model::{Author, Claim, ClaimChanges, ClaimError, Event};
use crate::protocol::{Error, Params};

const PATH: &str = "/account/profile";

pub(super) async fn step(member: &Member, form: Option<&Params>) -> Result<Response, Error> {
    let user = member.session.user();
    let stored = |name| user.claim(name).and_then(|value| value.as_str().map(ToOwned::to_owned));
    let before: BTreeMap<_, _> = claims().map(|name| (name, stored(name).unwrap_or_default())).collect();
    let about = about(&before);
    let show = |values: &BTreeMap<&str, String>, malformed: &[&'static Claim], refusal: Option<&Error>| {
        page(member, &about, values, malformed, refusal)
    };
    let Some(form) = form else { return Ok(show(&before, &[], None)) };

    // A field that was emptied comes as one that was left out. Browsers end lines in their own way.
    let written = |name| form.find(name).unwrap_or_default().trim().replace("\r\n", "\n");
    let values: BTreeMap<_, _> = claims().map(|name| (name, written(name))).collect();
    if let Err(error) = member.check(&about, form) {
        return Ok(show(&values, &[], Some(&error)));
    }
    // What an operator wrote in another form stays, unless it is changed.
    let changed = values.iter().filter(|(name, text)| before.get(*name) != Some(text));
    let changed: Vec<_> = changed.map(|(name, text)| (*name, text.as_str())).collect();
    let malformed = |pair: &(_, _)| match ClaimChanges::read(Author::Owner, [*pair]) {
        Err(ClaimError::Malformed(claim)) => Some(claim),
        _ => None,
    };
    let malformed: Vec<_> = changed.iter().filter_map(malformed).collect();
    if !malformed.is_empty() {
        let error = Error::invalid_request("a value is not of its form");
        return Ok(show(&values, &malformed, Some(&error)));
    }
    let refused = |cause: ClaimError| Error::too_large("the claims are too long").because(cause);
    let changes = ClaimChanges::read(Author::Owner, changed).map_err(refused)?;
    let entry = member.app().audit(Event::UserChanged).user(user.id).detail(changes.names());
    match member.app().store.change_claims(user.id, changes, entry).await? {
        Some(Err(cause)) => Ok(show(&values, &[], Some(&refused(cause)))),
        // Without the user, the next page asks for a sign-in.
        Some(Ok(_)) | None => Ok(member.changed(PATH, Done::Profile)),
    }
}

/// What a form is about: the values as they were when it was shown. One that was shown before they changed is out of date,
/// and undoes nothing of that unless it is sent again.
fn about(stored: &BTreeMap<&str, String>) -> String {
    format!("{PATH} {}", serde_json::json!(stored))
}

fn page(
    member: &Member,
    about: &str,
    values: &BTreeMap<&str, String>,
    malformed: &[&'static Claim],
    refusal: Option<&Error>,
) -> Response {
    let (frame, done) = (member.frame(), member.done().filter(|_| refusal.is_none()));
    let action = member.visit.path(PATH, "");
    member.visit.form(about, &action, |form| {
        Profile { frame: &frame, form, values, malformed, done, refusal }.answer()
    })
}
