//! Changing a user's standard claims.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::{CLAIMS, Claim, DERIVED, VERIFIED};
use crate::fault::{Fault, did_you_mean};
use crate::model::User;

/// Bytes that all claims of a user take as JSON: userinfo, and an ID token that is asked to hold them all, stay
/// small enough to be passed on.
const CLAIMS_BYTES: usize = 4096;

/// Who changes claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// An operator, who may set every claim.
    Operator,
    /// The user, who may not say what is verified.
    Owner,
}

/// What is to become of a user's claims: each is set, or removed (`None`).
#[derive(Clone, Debug, Default)]
pub struct ClaimChanges(BTreeMap<&'static str, Option<Value>>);

/// Why claims cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimError {
    /// There is no standard claim of this name.
    Unknown(String),
    /// The claim follows from what else is known of the user.
    Derived(&'static str),
    /// A user may not say it of themself.
    NotOwners(&'static Claim),
    /// The claim is named twice.
    Twice(&'static Claim),
    /// The value is not of the claim's form.
    Malformed(&'static Claim),
    /// The user has nothing that this claim could call verified.
    NothingToVerify {
        /// What is missing: `email` or `phone_number`.
        thing: &'static str,
        /// The claim.
        flag: &'static str,
    },
    /// All claims together take this many bytes, and there is room for fewer.
    TooLarge(usize),
}

impl ClaimChanges {
    /// Reads claims and their new values; an empty value removes the claim.
    pub fn read<'a>(
        author: Author,
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, ClaimError> {
        let mut changes = Self::default();
        for (name, text) in pairs {
            if let Some(derived) = DERIVED.into_iter().find(|derived| *derived == name) {
                return Err(ClaimError::Derived(derived));
            }
            let claim = Claim::named(name).ok_or_else(|| ClaimError::Unknown(name.to_owned()))?;
            if author == Author::Owner && VERIFIED.iter().any(|(_, flag)| *flag == name) {
                return Err(ClaimError::NotOwners(claim));
            }
            let value = match text {
                "" => None,
                text => Some(claim.form.read(text).ok_or(ClaimError::Malformed(claim))?),
            };
            if changes.0.insert(claim.name, value).is_some() {
                return Err(ClaimError::Twice(claim));
            }
        }
        Ok(changes)
    }

    /// The names of the claims, for the audit trail.
    pub fn names(&self) -> String {
        self.0.keys().copied().collect::<Vec<_>>().join(" ")
    }

    /// The user as they are after the changes, made at `now`. Another address or number is not verified, unless
    /// the same changes say so.
    pub fn of(&self, user: &User, now: i64) -> Result<User, ClaimError> {
        let mut changed = User { updated_at: now, ..user.clone() };
        for (name, value) in &self.0 {
            put(&mut changed, name, value.clone());
        }
        for (thing, flag) in VERIFIED {
            let is_said = self.0.get(flag).is_some_and(|value| *value == Some(Value::Bool(true)));
            if changed.claim(thing).is_none() && is_said {
                return Err(ClaimError::NothingToVerify { thing, flag });
            }
            if changed.claim(thing) != user.claim(thing) && !is_said {
                put(&mut changed, flag, None);
            }
        }
        let bytes = Value::Object(changed.all_claims()).to_string().len();
        if bytes > CLAIMS_BYTES { Err(ClaimError::TooLarge(bytes)) } else { Ok(changed) }
    }
}

fn put(user: &mut User, name: &'static str, value: Option<Value>) {
    match (name, value) {
        ("name", value) => user.full_name = value.and_then(text),
        ("email", value) => user.email = value.and_then(text),
        (name, None | Some(Value::Bool(false))) => {
            user.claims.0.remove(name);
        }
        (name, Some(value)) => {
            user.claims.0.insert(name, value);
        }
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

impl ClaimError {
    fn hint(&self) -> String {
        match self {
            Self::Unknown(name) => {
                let names = CLAIMS.iter().map(|claim| claim.name);
                let all = format!("the claims are `{}`", names.clone().collect::<Vec<_>>().join("`, `"));
                match Claim::named(&format!("address.{name}")) {
                    Some(member) => format!("write `{}`", member.name),
                    None => did_you_mean(name, names, &all),
                }
            }
            Self::Derived(_) => "it follows from what else is known of the user".to_owned(),
            Self::NotOwners(_) => "ask an operator".to_owned(),
            Self::Twice(claim) => format!("name `{}` once", claim.name),
            Self::Malformed(claim) => format!("write {}", claim.form.explained()),
            Self::NothingToVerify { thing, .. } => format!("set `{thing}` in the same command"),
            Self::TooLarge(_) => "write shorter values".to_owned(),
        }
    }
}

impl fmt::Display for ClaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => write!(f, "there is no claim `{name}`"),
            Self::Derived(name) => write!(f, "`{name}` cannot be set"),
            Self::NotOwners(claim) => write!(f, "`{}` is not set by the user", claim.name),
            Self::Twice(claim) => write!(f, "`{}` is named twice", claim.name),
            Self::Malformed(claim) => write!(f, "`{}` is not of its form", claim.name),
            Self::NothingToVerify { thing, flag } => write!(f, "`{flag}` says nothing without `{thing}`"),
            Self::TooLarge(bytes) => {
                write!(f, "the claims take {bytes} bytes, and there is room for {CLAIMS_BYTES}")
            }
        }
    }
}

impl std::error::Error for ClaimError {}

impl From<ClaimError> for Fault {
    fn from(error: ClaimError) -> Self {
        Self::new(error.to_string(), error.hint())
    }
}
