//! The things the server keeps, as plain values.

mod api;
mod audit;
mod authentication;
mod authorization;
mod client;
mod consent;
mod document;
mod family;
mod language;
mod narrowing;
mod refusal;
mod role;
mod session;
mod signing_key;
mod stack;
pub mod standard_claims;
mod user;
mod words;

pub use api::{Api, Terms};
pub use audit::{Audit, Event, UnknownEvent};
pub use authentication::{Authentication, CONTEXT_CLASSES, Method};
pub use authorization::Authorization;
pub use client::{AuthMethod, CODE_LIFETIME, Client, ConsentPolicy, Pkce, Profile, SigningAlg};
pub use consent::Consent;
pub use document::Document;
pub use family::{Family, FamilyId, Presented, Verdict};
pub use language::Language;
pub use narrowing::{Narrowing, OFFLINE_ACCESS, OPENID, PROFILE, built_in_scopes};
pub use refusal::Refusal;
pub use role::Role;
pub use session::{Session, SessionId};
pub use signing_key::{KeyState, SigningKey};
pub use stack::Stack;
pub use standard_claims::{
    Author, CLAIMS, Claim, ClaimChanges, ClaimError, Form, StandardClaims, supported as supported_claims,
};
pub use user::{User, UserId};
