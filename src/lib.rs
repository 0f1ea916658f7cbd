//! claviger, "key-bearer": an OAuth 2 server.
//!
//! People and machines ask it for tokens; APIs check them with stock libraries. A request comes in through
//! [`http::server`], finds its endpoint among [`http::routes`], is decided on by a grant of [`grant`], and
//! answered with a token that [`issue`] signs. What must be kept is kept by the [`store`], and nowhere else.
//!
//! # The house
//!
//! Five floors. A file uses its own floor and those below it, never one above; `tests/it/house.rs` sees to it.
//!
//! | Floor | What lives there |
//! |---|---|
//! | 4 command | `main.rs`, [`cli`], [`service`]: the process, from its start to its end. [`issuer_for_tests`]: the same for an afternoon, for tests of APIs. [`resource`]: scope checking for other people's APIs |
//! | 3 HTTP | [`http`]: one file for each endpoint, named after its entry in the metadata; [`http::reply`] alone writes statuses |
//! | 2 decisions | [`grant`], [`issue`], [`access`], [`client`], [`user`], [`device`], [`session`], [`authorize`], [`code`], [`id_token`], [`id_token_hint`], [`subject`], [`userinfo`], [`revoke`], [`introspect`]: what is asked of us. [`admin`], [`check_api`], [`explain`]: what an operator asks. [`rotate`], [`watch`], [`sweep`], [`deliver`], [`refusals`]: what happens by itself. [`mint`]: tokens by wish, for tests of APIs. [`vault`], [`app`], [`directory`], [`metadata`]: the handles they use |
//! | 1 tools | [`config`], [`store`], [`keys`], [`password`], [`limits`], [`fetch`], [`telemetry`], [`timer`] |
//! | 0 words | [`protocol`]: the standards' own; [`model`]: ours; [`clock`], [`random`], [`recent`], [`fault`] |
//!
//! # Where to look
//!
//! - A token is made in [`issue::issue`], from proofs that only the store hands out
//!   ([`store::LiveClient`], [`store::LiveUser`]).
//! - A refresh token is judged in [`model::Presented::verdict`] and used in [`store::Store::refresh`].
//! - A key's life is decided in [`keys::schedule`], carried out in [`rotate`], kept at hand in [`keys::ring`].
//! - A request at the authorization endpoint is read, and its next step decided, in [`authorize`].
//! - A sign-in goes through [`user::authenticate`]: limits, the hashing queue, the database, the hash.
//! - Every refusal is a [`protocol::Error`]; what it becomes on the wire is in [`http::reply`].
//!
//! What is done with each section of the standards, and where we depart, is in `docs/conformance.md`.

pub mod access;
pub mod admin;
pub mod app;
pub mod authorize;
pub mod check_api;
pub mod cli;
pub mod client;
pub mod clock;
pub mod code;
pub mod config;
pub mod deliver;
pub mod device;
pub mod directory;
pub mod explain;
pub mod fault;
pub mod fetch;
pub mod grant;
pub mod http;
pub mod id_token;
pub mod id_token_hint;
pub mod introspect;
pub mod issue;
pub mod issuer_for_tests;
pub mod keys;
pub mod limits;
pub mod metadata;
pub mod mint;
pub mod model;
pub mod password;
pub mod protocol;
pub mod random;
pub mod recent;
pub mod refusals;
pub mod reseal;
pub mod resource;
pub mod revoke;
pub mod rotate;
pub mod service;
pub mod session;
pub mod store;
pub mod subject;
pub mod sweep;
pub mod telemetry;
pub mod timer;
pub mod user;
pub mod userinfo;
pub mod vault;
pub mod watch;
