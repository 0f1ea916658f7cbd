//! Access tokens that were found to be signed with our keys, and need not be found so again.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};

use super::verify::{Received, Refused};
use crate::recent::Recent;

/// Access tokens whose signature is not checked again while they are in use.
const ROOM: usize = 2048;

/// What tokens that were seen lately say, by their hash. It goes with the keys that signed them.
pub(super) struct Verified(Recent<[u8; 32], Arc<Received>>);

impl Verified {
    pub(super) fn new() -> Self {
        Self(Recent::with_room_for(ROOM))
    }

    /// What `token` says, which `verify` finds out when it is first seen. A refusal is not kept.
    pub(super) fn look(
        &self,
        token: &str,
        verify: impl FnOnce() -> Result<Received, Refused>,
    ) -> Result<Arc<Received>, Refused> {
        let hash = digest(&SHA256, token.as_bytes());
        let hash: [u8; 32] = hash.as_ref().try_into().expect("SHA-256 gives 32 bytes");
        if let Some(received) = self.0.find(&hash) {
            return Ok(received);
        }
        let received = Arc::new(verify()?);
        self.0.keep(hash, received.clone());
        Ok(received)
    }
}
