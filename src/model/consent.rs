//! A consent: what a user has let a client have.

use crate::protocol::{ClientId, Scope};

/// What a user has let a client have; everything that was ever consented to and not withdrawn.
#[derive(Clone, Debug)]
pub struct Consent {
    /// The client.
    pub client_id: ClientId,
    /// What it may have.
    pub scope: Scope,
    /// When the user last consented.
    pub granted_at: i64,
}
