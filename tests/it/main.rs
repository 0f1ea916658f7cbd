//! The integration tests: a real server on a real socket, a fresh database, a clock moved by hand.
//!
//! One binary, one file per capability; names are laws.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(unreachable_pub, reason = "a test binary has no outside")]

mod browser;
mod code_flow;
mod database;
mod journal;
mod postgres;
mod process;
mod redis;
mod relying_party;
mod server;

mod account;
mod administration;
mod authorization_code;
mod authorize;
mod back_channel_logout;
mod bad_input;
mod check_api;
mod cli;
mod consent;
mod consent_page;
mod crash;
mod database_tls;
mod docs;
mod documents;
mod error_reference;
mod explain;
mod faults;
mod forged;
mod house;
mod id_token;
mod introspection;
mod issuer_for_tests;
mod keys;
mod nodes;
mod oauth2_crate;
mod openid;
mod openidconnect_crate;
mod outages;
mod password;
mod protected_resource;
mod races;
mod refresh;
mod refusals;
mod resource;
mod rotations;
mod schema;
mod scope;
mod sessions;
mod shared_limits;
mod sign_in;
mod sign_out;
mod statements;
mod userinfo;
