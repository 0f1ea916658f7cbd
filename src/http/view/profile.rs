//! The page on which a person changes what is kept about them: the standard claims that one may say of oneself.

use std::collections::BTreeMap;

use askama::Template;
use warp::reply::Response;

use super::account::Done;
use super::field::Field;
use super::{Form, Frame, answer};
use crate::http::reply::Policy;
use crate::model::Claim;
use crate::protocol::Error;

/// The claims on the page, in groups that each have a heading but the first: claim, `type` of its input, what browsers
/// may fill in.
const GROUPS: [&[(&str, &str, &str)]; 4] = [
    &[
        ("name", "text", "name"),
        ("given_name", "text", "given-name"),
        ("middle_name", "text", "additional-name"),
        ("family_name", "text", "family-name"),
        ("nickname", "text", "nickname"),
        ("birthdate", "text", "bday"),
        ("gender", "text", "sex"),
    ],
    &[
        ("email", "email", "email"),
        ("phone_number", "tel", "tel"),
        ("website", "url", "url"),
        ("profile", "url", "off"),
        ("picture", "url", "photo"),
    ],
    &[
        ("address.street_address", "lines", "street-address"),
        ("address.postal_code", "text", "postal-code"),
        ("address.locality", "text", "address-level2"),
        ("address.region", "text", "address-level1"),
        ("address.country", "text", "country-name"),
        ("address.formatted", "lines", "off"),
    ],
    &[("locale", "text", "language"), ("zoneinfo", "text", "off")],
];

/// The names of the claims that the page shows and posts.
pub fn claims() -> impl Iterator<Item = &'static str> {
    GROUPS.into_iter().flatten().map(|(name, ..)| *name)
}

/// Posts `csrf` and each of [`claims`].
#[derive(Template)]
#[template(path = "profile.html", config = "src/http/view/askama.toml")]
pub struct Profile<'a> {
    /// What surrounds it.
    pub frame: &'a Frame,
    /// Where it goes.
    pub form: Form<'a>,
    /// What stands in the fields, by claim; nothing in those that are not there.
    pub values: &'a BTreeMap<&'a str, String>,
    /// The claims whose values are not of their form.
    pub malformed: &'a [&'static Claim],
    /// What was done just before.
    pub done: Option<Done>,
    /// Why nothing was saved: `too_large` when all is too much, else the values in `malformed` or a page that was out of
    /// date.
    pub refusal: Option<&'a Error>,
}

impl Profile<'_> {
    /// The page as an answer, with the status of the refusal.
    pub fn answer(&self) -> Response {
        answer(self, Policy::Staying, self.refusal)
    }

    /// What is wrong with the form as a whole.
    fn problem(&self) -> Option<String> {
        match self.malformed {
            [] => self.refusal.map(|refusal| self.frame.texts.refused(refusal)),
            _ => Some(self.frame.texts.check_fields.to_owned()),
        }
    }

    /// The fields, in groups with their headings.
    fn groups(&self) -> Vec<(Option<&'static str>, Vec<Field<'_>>)> {
        let texts = self.frame.texts;
        let headings = [None, Some(texts.contact), Some(texts.address), Some(texts.preferences)];
        let fields =
            |group: &'static [(&str, &str, &str)]| group.iter().map(|field| self.field(*field)).collect();
        headings.into_iter().zip(GROUPS.map(fields)).collect()
    }

    fn field(&self, (name, kind, autocomplete): (&'static str, &'static str, &'static str)) -> Field<'_> {
        let texts = self.frame.texts;
        let (label, hint) = texts.claim(name);
        let claim = self.malformed.iter().find(|claim| claim.name == name);
        Field {
            value: self.values.get(name).map_or("", String::as_str),
            hint,
            problem: claim.map(|claim| (texts.malformed)(claim.form)),
            is_required: false,
            has_focus: claim.is_some() && self.malformed.first() == claim,
            ..Field::new(name, label, kind, autocomplete)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::claims;
    use crate::model::CLAIMS;

    #[test]
    fn people_can_say_all_of_themselves_but_what_is_verified() {
        let mut shown: Vec<_> = claims().collect();
        let mut all: Vec<_> = CLAIMS.iter().map(|claim| claim.name).collect();
        all.retain(|name| !name.ends_with("_verified"));
        shown.sort_unstable();
        all.sort_unstable();
        assert_eq!(shown, all);
    }
}
