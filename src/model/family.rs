//! A family: a refresh token and its successors, all of one grant.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use super::{Authentication, SessionId, UserId};
use crate::protocol::{ApiUri, ClaimsRequest, ClientId, Scope};

/// A family's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FamilyId(pub Uuid);

impl FamilyId {
    /// When it was made, in Unix seconds, which an id says
    /// ([RFC 9562 §5.7](https://www.rfc-editor.org/rfc/rfc9562#section-5.7)).
    pub fn begun_at(self) -> i64 {
        let seconds = self.0.get_timestamp().map_or(0, |timestamp| timestamp.to_unix().0);
        i64::try_from(seconds).unwrap_or(i64::MAX)
    }
}

impl FromStr for FamilyId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        Uuid::try_parse(text).map(Self)
    }
}

impl fmt::Display for FamilyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

/// What was granted, and to whom.
#[derive(Clone, Debug)]
pub struct Family {
    /// The id.
    pub id: FamilyId,
    /// The client it was granted to.
    pub client_id: ClientId,
    /// The client's generation when it was granted.
    pub client_generation: i64,
    /// The user who granted it.
    pub user_id: UserId,
    /// The user's generation when it was granted.
    pub user_generation: i64,
    /// The audience of its access tokens.
    pub api: ApiUri,
    /// What was granted; a refresh may narrow its own token, never widen it.
    pub scope: Scope,
    /// How the user proved who they are.
    pub authentication: Authentication,
    /// The session it was granted in; none for a password that a client passed on.
    pub session_id: Option<SessionId>,
    /// Whether it outlives that session (`offline_access`).
    pub is_offline: bool,
    /// The single claims that were asked for with it.
    pub claims: Option<ClaimsRequest>,
    /// When no refresh can renew it any more.
    pub expires_at: i64,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
}

/// A refresh token as it stands in the store when it is presented.
#[derive(Clone, Debug)]
pub struct Presented {
    /// Its place in the family, from 0.
    pub generation: i64,
    /// When it stops being good if it is not used.
    pub expires_at: i64,
    /// When it was first used.
    pub used_at: Option<i64>,
    /// Whether a successor of it has been used.
    pub is_superseded: bool,
    /// Whether its client is enabled, and was never disabled since the family began.
    pub client_is_live: bool,
    /// Its family.
    pub family: Family,
}

/// What presenting a refresh token means ([RFC 9700 §4.14.2]).
///
/// [RFC 9700 §4.14.2]: https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is used for the first time: make its successor.
    Rotate,
    /// The answer to its first use seems to have been lost: give the same successor again.
    Repeat,
    /// It was used too long ago, although its successor was not: end the family.
    Late,
    /// Its successor has been used too: somebody holds a copy. End the family and raise the alarm.
    Reused,
    /// It, or its family, is over.
    Ended,
}

impl Presented {
    /// Judges it at `now`; within `window` seconds of its first use a lost answer may be fetched again.
    pub fn verdict(&self, now: i64, window: i64) -> Verdict {
        if self.family.revoked_at.is_some() || self.family.expires_at <= now {
            return Verdict::Ended;
        }
        match self.used_at {
            None if self.expires_at <= now => Verdict::Ended,
            None => Verdict::Rotate,
            Some(_) if self.is_superseded => Verdict::Reused,
            Some(used_at) if (-window..=window).contains(&now.saturating_sub(used_at)) => Verdict::Repeat,
            Some(_) => Verdict::Late,
        }
    }
}
