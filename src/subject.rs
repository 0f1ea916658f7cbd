//! Subjects: what a client knows a user by ([OpenID Connect Core §8]), and a session of theirs.
//!
//! [OpenID Connect Core §8]: https://openid.net/specs/openid-connect-core-1_0.html#SubjectIDTypes

use crate::model::{Client, SessionId, UserId};
use crate::vault::Vault;

/// The `sub` of `user` in what `client` is told: the user's id, or, for a client with a sector, a keyed hash of both
/// ([OpenID Connect Core §8.1]), which two sectors cannot compare. It is a UUID either way ([RFC 9562 §5.8]), so no
/// client has an id like it.
///
/// [OpenID Connect Core §8.1]: https://openid.net/specs/openid-connect-core-1_0.html#PairwiseAlg
/// [RFC 9562 §5.8]: https://www.rfc-editor.org/rfc/rfc9562#section-5.8
pub fn of(vault: &Vault, client: &Client, user: UserId) -> String {
    match &client.sector {
        None => user.to_string(),
        // An id has no NUL in it, so the border is clear.
        Some(sector) => {
            let hash = vault.hashes.pairwise_subject.digest(format!("{sector}\0{user}").as_bytes());
            let bytes = *hash.first_chunk().expect("a hash is longer than a UUID");
            uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
        }
    }
}

/// The `sid` of `session` in what `client` is told: the session's id, or, for a client with a sector, a keyed hash of
/// both. Else two sectors could compare it, and so find out that they have the same user before them.
pub fn sid(vault: &Vault, client: &Client, session: SessionId) -> String {
    match &client.sector {
        None => session.to_string(),
        // An id has no NUL in it, so the border is clear.
        Some(sector) => vault.hashes.pairwise_session.text(format!("{sector}\0{session}").as_bytes()),
    }
}
