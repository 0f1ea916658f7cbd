//! The things the server keeps, as plain values.

mod api;
mod audit;
mod client;
mod family;
mod narrowing;
mod role;
mod signing_key;
mod user;
mod words;

pub use api::Api;
pub use audit::{Audit, Event};
pub use client::{AuthMethod, CODE_LIFETIME, Client, ConsentPolicy, Pkce, Profile, SigningAlg};
pub use family::{Family, FamilyId, Presented, Verdict};
pub use narrowing::{Narrowing, PROFILE};
pub use role::Role;
pub use signing_key::{KeyState, SigningKey};
pub use user::{User, UserId};
