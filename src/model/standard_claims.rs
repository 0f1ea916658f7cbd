//! The standard claims about a user ([OpenID Connect Core §5.1]): what there is, what a user has, who is told.
//!
//! `name` and `email` are kept as the user's full name and e-mail address; `sub`, `preferred_username` and
//! `updated_at` follow from what else is known of the user, and cannot be set. Members of `address` are claims
//! like the others here, and become one object where they are told.
//!
//! [OpenID Connect Core §5.1]: https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims

mod change;
mod form;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

use super::{PROFILE, User};
use crate::protocol::{ClaimRequest, ClaimsRequest, Scope};

pub use change::{Author, ClaimChanges, ClaimError};
pub use form::Form;

/// A standard claim that can be set.
#[derive(Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its name; the members of `address` are `address.locality` and so on.
    pub name: &'static str,
    /// The scope that asks for it ([OpenID Connect Core §5.4]).
    ///
    /// [OpenID Connect Core §5.4]: https://openid.net/specs/openid-connect-core-1_0.html#ScopeClaims
    pub scope: &'static str,
    /// How its values are written.
    pub form: Form,
}

const fn claim(name: &'static str, scope: &'static str, form: Form) -> Claim {
    Claim { name, scope, form }
}

/// All of them, in the order of §5.1.
pub static CLAIMS: &[Claim] = &[
    claim("name", "profile", Form::Line),
    claim("given_name", "profile", Form::Line),
    claim("family_name", "profile", Form::Line),
    claim("middle_name", "profile", Form::Line),
    claim("nickname", "profile", Form::Line),
    claim("profile", "profile", Form::Url),
    claim("picture", "profile", Form::Url),
    claim("website", "profile", Form::Url),
    claim("email", "email", Form::Email),
    claim("email_verified", "email", Form::Boolean),
    claim("gender", "profile", Form::Line),
    claim("birthdate", "profile", Form::Birthdate),
    claim("zoneinfo", "profile", Form::Zoneinfo),
    claim("locale", "profile", Form::Locale),
    claim("phone_number", "phone", Form::Phone),
    claim("phone_number_verified", "phone", Form::Boolean),
    claim("address.formatted", "address", Form::Lines),
    claim("address.street_address", "address", Form::Lines),
    claim("address.locality", "address", Form::Line),
    claim("address.region", "address", Form::Line),
    claim("address.postal_code", "address", Form::Line),
    claim("address.country", "address", Form::Line),
];

/// What follows from what else is known of a user.
const DERIVED: [&str; 3] = ["sub", "preferred_username", "updated_at"];

/// A thing that is verified, and the claim that says so.
const VERIFIED: [(&str, &str); 2] = [("email", "email_verified"), ("phone_number", "phone_number_verified")];

impl Claim {
    /// The claim called `name`.
    pub fn named(name: &str) -> Option<&'static Self> {
        CLAIMS.iter().find(|claim| claim.name == name)
    }

    /// Its name in tokens and at userinfo: that of the object, for members of `address`.
    pub fn wire_name(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(object, _)| object)
    }
}

/// The names of all claims that tokens and userinfo may have (`claims_supported`), `sub` included.
pub fn supported() -> Vec<&'static str> {
    let mut names: Vec<_> = DERIVED.into_iter().chain(CLAIMS.iter().map(Claim::wire_name)).collect();
    names.dedup();
    names
}

/// The scope that asks for the claim called `name` in tokens and at userinfo; `None` for `sub`, and for names that are
/// none of these claims.
fn scope_of(name: &str) -> Option<&'static str> {
    match name {
        "preferred_username" | "updated_at" => Some(PROFILE.as_str()),
        name => CLAIMS.iter().find(|claim| claim.wire_name() == name).map(|claim| claim.scope),
    }
}

/// The scopes that ask for the claims of `request`: what a user lets a client have by letting it have those.
pub fn scope_of_request(request: &ClaimsRequest) -> Scope {
    let scopes = request.names().filter_map(scope_of);
    scopes.map(|scope| scope.parse().expect("the scope of a claim is a scope")).collect()
}

/// What is left of `request` for a client that may have `scope`.
pub fn within(scope: &Scope, request: ClaimsRequest) -> ClaimsRequest {
    request.only(|name| scope_of(name).is_none_or(|own| scope.iter().any(|token| token.as_str() == own)))
}

/// The claims of a user that have no field of their own, by name. Of booleans only what is true is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct StandardClaims(BTreeMap<&'static str, Value>);

impl FromStr for StandardClaims {
    type Err = String;

    /// Reads the JSON object that displaying writes.
    fn from_str(text: &str) -> Result<Self, String> {
        let members: Map<String, Value> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let known = members.into_iter().map(|(name, value)| match Claim::named(&name) {
            Some(claim) if claim.form.fits(&value) => Ok((claim.name, value)),
            _ => Err(format!("`{name}` is no claim, or of another type")),
        });
        known.collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for StandardClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl User {
    /// The value of a claim, if the user has it. What can be verified and was not has the value `false`.
    pub fn claim(&self, name: &str) -> Option<Value> {
        if let Some((thing, _)) = VERIFIED.iter().find(|(_, flag)| *flag == name) {
            return self.claim(thing).map(|_| Value::Bool(self.claims.0.contains_key(name)));
        }
        match name {
            "name" => self.full_name.clone().map(Value::from),
            "email" => self.email.clone().map(Value::from),
            name => self.claims.0.get(name).cloned(),
        }
    }

    /// All of [`CLAIMS`] that the user has, by their names on the wire.
    pub fn all_claims(&self) -> Map<String, Value> {
        let mut all = Map::new();
        for (claim, value) in CLAIMS.iter().filter_map(|claim| Some((claim, self.claim(claim.name)?))) {
            match claim.name.split_once('.') {
                None => all.insert(claim.name.to_owned(), value),
                Some((object, member)) => {
                    let object = all.entry(object).or_insert_with(|| Value::Object(Map::new()));
                    object.as_object_mut().and_then(|object| object.insert(member.to_owned(), value))
                }
            };
        }
        all
    }

    /// What userinfo or an ID token tells of the user, but `sub`: the claims of `scope`
    /// ([OpenID Connect Core §5.4]) and those that are `requested` by name ([§5.5]), as far as the user has them.
    ///
    /// [OpenID Connect Core §5.4]: https://openid.net/specs/openid-connect-core-1_0.html#ScopeClaims
    /// [§5.5]: https://openid.net/specs/openid-connect-core-1_0.html#ClaimsParameter
    pub fn released(&self, scope: &Scope, requested: &BTreeMap<String, ClaimRequest>) -> Map<String, Value> {
        let mut claims = self.all_claims();
        claims.insert("preferred_username".to_owned(), self.username.as_str().into());
        claims.insert("updated_at".to_owned(), self.updated_at.into());
        claims.retain(|name, value| {
            let is_in_scope = scope.iter().any(|token| Some(token.as_str()) == scope_of(name));
            is_in_scope || requested.get(name).is_some_and(|asked| asked.takes(value))
        });
        claims
    }
}

#[cfg(test)]
mod tests;
