//! A consent: what a user has let a client have.

use crate::protocol::{ApiUri, ClientId, Scope};

/// What a user has let a client have at one API, or of their own person; everything that was ever consented to and not withdrawn.
#[derive(Clone, Debug)]
pub struct Consent {
    /// The client.
    pub client_id: ClientId,
    /// The API; `None` for what concerns the user's own person ([`built_in_scopes`](super::built_in_scopes)), which is the
    /// same whatever API a token is for.
    pub api: Option<ApiUri>,
    /// What it may have.
    pub scope: Scope,
    /// When the user last consented.
    pub granted_at: i64,
}
