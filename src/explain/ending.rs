//! What ended a token: the first event of the audit trail that ends what the token rests on.

use serde::Serialize;

use super::Desk;
use crate::clock::moment;
use crate::model::{Audit, Client, Event, Family, FamilyId, SessionId, User, UserId};
use crate::protocol::ClientId;
use crate::store;

/// The event that ended a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ending {
    /// When it happened (RFC 3339).
    pub at: String,
    /// Its name in the audit trail.
    pub event: &'static str,
    /// What it means for the token.
    pub words: &'static str,
}

impl Ending {
    pub(super) fn sentence(&self) -> String {
        format!("it was ended at {}: {}", self.at, self.words)
    }
}

/// What a token rests on; where something is missing, nothing of that kind can end it.
#[derive(Clone, Debug)]
pub(super) struct Rests {
    /// When the token, or its family, was made: what happened before did not end it.
    pub since: i64,
    /// When it expires: neither did what happened after.
    pub until: i64,
    pub jti: Option<String>,
    pub kid: Option<String>,
    pub family: Option<FamilyId>,
    /// The session that it ends with.
    pub session: Option<SessionId>,
    pub client: Option<ClientId>,
    pub user: Option<UserId>,
}

/// Looks through the audit trail for what ended a token that rests on this.
pub(super) async fn find(desk: &Desk<'_>, rests: &Rests) -> Result<Option<Ending>, store::Error> {
    let entries = desk.vault.store.audited(rests.since, rests.user, rests.client.as_ref()).await?;
    let entries = entries.iter().take_while(|entry| entry.at < rests.until);
    Ok(entries.into_iter().find_map(|entry| {
        let words = rests.ended_by(entry)?;
        Some(Ending { at: moment(entry.at), event: entry.event.as_str(), words })
    }))
}

impl Rests {
    /// Nothing: no event ends it.
    pub(super) fn nothing() -> Self {
        Self {
            since: 0,
            until: i64::MAX,
            jti: None,
            kid: None,
            family: None,
            session: None,
            client: None,
            user: None,
        }
    }

    /// What `entry` means for the token; `None` if that did not end it.
    fn ended_by(&self, entry: &Audit) -> Option<&'static str> {
        let detail = entry.detail.as_deref().unwrap_or_default();
        let names = |what: &str, id: Option<String>| id.is_some_and(|id| named(detail, what) == Some(&*id));
        let family = || names("family", self.family.map(|id| id.to_string()));
        let user = || self.user.is_some() && entry.user_id == self.user;
        let client = || self.client.is_some() && entry.client_id == self.client;
        let (ends, words) = match entry.event {
            Event::RefreshTokenReused => (
                family(),
                "a refresh token of its grant was used again after its successor had been used, so that somebody holds a copy",
            ),
            Event::AuthorizationCodeReused => (
                family(),
                "the authorization code of its grant was used twice, so that somebody holds a copy",
            ),
            Event::FamilyRevoked if detail.ends_with(", by its client") => {
                (family(), "its client revoked the grant")
            }
            Event::FamilyRevoked => (
                family(),
                "a refresh token of its grant was used a second time, too late to have been a lost answer",
            ),
            Event::AccessTokenRevoked => (names("jti", self.jti.clone()), "its client revoked it"),
            Event::KeyRevoked => (names("kid", self.kid.clone()), "the key that signed it was revoked"),
            Event::SessionEnded => {
                let is_one_of_several = self.session.is_some() && detail.ends_with(" sessions") && user();
                let ends = names("session", self.session.map(|id| id.to_string())) || is_one_of_several;
                (ends, "the session in which it was granted was signed out")
            }
            Event::ConsentWithdrawn => {
                (user() && client(), "the user took back what they had let the client have")
            }
            Event::UserDisabled => (user(), "the user was disabled"),
            Event::PasswordSet => (user(), "the user's password was changed"),
            Event::UserRemoved => (user(), "the user was removed"),
            Event::ClientDisabled => (client(), "the client was disabled"),
            Event::ClientRemoved => (client(), "the client was removed"),
            _ => return None,
        };
        ends.then_some(words)
    }
}

/// The id that a detail names, as in `family 0190…, by its client`.
fn named<'a>(detail: &'a str, what: &str) -> Option<&'a str> {
    let rest = detail.strip_prefix(what)?.strip_prefix(' ')?;
    rest.split(", ").next()
}

/// The sentence for what ended a token: the event if there is one, else what can be seen of it.
pub(super) fn sentence(ending: Option<&Ending>, grounds: &Grounds) -> String {
    match ending {
        Some(ending) => ending.sentence(),
        None => format!("{}; the audit trail does not tell more", grounds.fault()),
    }
}

/// What a token rests on, as it is kept.
pub(super) struct Grounds {
    pub client: Option<Client>,
    pub user: Option<User>,
    pub family: Option<Family>,
}

impl Grounds {
    /// What of it does not stand, for a token that was refused for it.
    fn fault(&self) -> String {
        let Self { client, user, family } = self;
        let generation =
            |user: &User| family.as_ref().map(|family| (family.user_generation, user.generation));
        match (client, user, family) {
            (None, ..) => "its client is not there any more".to_owned(),
            (Some(Client { disabled_at: Some(at), .. }), ..) => {
                format!("its client is disabled since {}", moment(*at))
            }
            (_, _, Some(Family { revoked_at: Some(at), .. })) => {
                format!("its grant was ended at {}", moment(*at))
            }
            (Some(client), _, Some(family)) if family.client_generation != client.generation => {
                "its client has been disabled since it was granted".to_owned()
            }
            (_, Some(User { disabled_at: Some(at), .. }), _) => {
                format!("its user is disabled since {}", moment(*at))
            }
            (_, Some(user), _) if generation(user).is_some_and(|(then, now)| then != now) => {
                "its user has been disabled, or their password changed, since it was granted".to_owned()
            }
            (_, _, None) => "its grant is over and forgotten".to_owned(),
            _ => "it was revoked".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn entry(event: Event) -> Audit {
        Audit::of(event, Uuid::nil(), 0)
    }

    #[test]
    fn an_event_ends_what_it_names_and_nothing_else() {
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let rests = Rests {
            since: 0,
            until: i64::MAX,
            jti: Some("j".to_owned()),
            kid: Some("k".to_owned()),
            family: Some(FamilyId(one)),
            session: Some(SessionId(one)),
            client: Some("web".parse().unwrap()),
            user: Some(UserId(one)),
        };
        let (web, app) = ("web".parse().unwrap(), "app".parse().unwrap());
        let ends = [
            entry(Event::RefreshTokenReused).detail(format!("family {}", FamilyId(one))),
            entry(Event::FamilyRevoked).detail(format!("family {}, by its client", FamilyId(one))),
            entry(Event::AccessTokenRevoked).detail("jti j"),
            entry(Event::KeyRevoked).detail("kid k"),
            entry(Event::SessionEnded).detail(format!("session {}", SessionId(one))),
            entry(Event::SessionEnded).user(UserId(one)).detail("2 sessions"),
            entry(Event::ConsentWithdrawn).user(UserId(one)).client(&web),
            entry(Event::UserDisabled).user(UserId(one)),
            entry(Event::ClientDisabled).client(&web),
        ];
        for entry in &ends {
            assert!(rests.ended_by(entry).is_some(), "{entry:?}");
            assert!(Rests::nothing().ended_by(entry).is_none(), "{entry:?}");
        }
        let others = [
            entry(Event::RefreshTokenReused).detail(format!("family {}", FamilyId(other))),
            entry(Event::RefreshTokenReused),
            entry(Event::AccessTokenRevoked).detail("jti jj"),
            entry(Event::KeyRevoked).detail("kid k2"),
            entry(Event::SessionEnded).detail(format!("session {}", SessionId(other))),
            entry(Event::ConsentWithdrawn).user(UserId(one)).client(&app),
            entry(Event::UserDisabled).user(UserId(other)),
            entry(Event::UserEnabled).user(UserId(one)),
            entry(Event::ClientChanged).client(&web),
        ];
        for entry in &others {
            assert!(rests.ended_by(entry).is_none(), "{entry:?}");
        }
    }
}
