//! Subjects: what a client knows a user by ([OpenID Connect Core §8]).
//!
//! [OpenID Connect Core §8]: https://openid.net/specs/openid-connect-core-1_0.html#SubjectIDTypes

use crate::app::App;
use crate::model::{Client, UserId};

/// The `sub` of `user` in what `client` is told: the user's id, or, for a client with a sector, a keyed hash of both
/// ([OpenID Connect Core §8.1]), which two sectors cannot compare.
///
/// [OpenID Connect Core §8.1]: https://openid.net/specs/openid-connect-core-1_0.html#PairwiseAlg
pub fn of(app: &App, client: &Client, user: UserId) -> String {
    match &client.sector {
        None => user.to_string(),
        // An id has no NUL in it, so the border is clear.
        Some(sector) => app.hashes.pairwise_subject.text(format!("{sector}\0{user}").as_bytes()),
    }
}
