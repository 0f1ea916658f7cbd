//! Refresh tokens: what presenting one gives.
//!
//! On SQLite the writer's transaction excludes every other. On PostgreSQL the family's row is locked first, so
//! that several uses of a token, on whatever nodes, come one after another.

use super::families::{self, PresentedFor, presented};
use super::sql::{Sql, sql};
use super::users::LiveUser;
use super::{Error, Store};
use crate::clock::Clock;
use crate::model::{Audit, Event, Family, FamilyId, Narrowing, Terms, Verdict};
use crate::protocol::{self, RoleName, Scope};

/// Generations of a family that are kept, so that their reuse is noticed, and how often older ones are deleted.
const KEPT: i64 = 1000;
const PRUNE_EVERY: i64 = 100;

/// A refresh token that is presented.
pub struct Refresh<R> {
    /// Its keyed hash.
    pub digest: String,
    /// Seconds that its successor may lie unused.
    pub idle: i64,
    /// Seconds since its first use within which a lost answer may be fetched again.
    pub window: i64,
    /// The role of users who have none.
    pub default_role: Option<RoleName>,
    /// Tells the time when it is used, which may be later than when it was asked for.
    pub clock: Clock,
    /// The request.
    pub renewal: R,
}

/// A request for a refresh, which is asked in the transaction that decides on it.
pub trait Renewal: Send + 'static {
    /// What the new access token is for.
    type Target: Send + 'static;

    /// What of the request fits `family`, whose API says `terms`; an error when the client may have nothing of it.
    fn judge(&self, family: &Family, terms: Option<Terms>) -> Result<Fit<Self::Target>, protocol::Error>;

    /// The keyed hash of the successor of this generation.
    fn successor(&self, family: FamilyId, generation: i64) -> String;

    /// An entry for the audit trail.
    fn entry(&self, event: Event, family: &Family) -> Audit;
}

/// A request beside what was granted.
pub struct Fit<T> {
    /// What the new access token is for.
    pub target: T,
    /// What bounds its scope.
    pub narrowing: Narrowing,
    /// Why it asks for more than was granted, if it does. Told only to who holds a good token, which then stays unused.
    pub unfit: Option<protocol::Error>,
}

/// What presenting a refresh token gave.
pub enum Refreshed<T> {
    /// The grant goes on, with the successor of this generation.
    Live {
        /// The family.
        family: Box<Family>,
        /// The user, as they are now.
        user: LiveUser,
        /// What the access token is for.
        target: T,
        /// The scope of the access token.
        scope: Scope,
        /// The successor's generation.
        generation: i64,
        /// Whether a lost answer was given again.
        is_repeat: bool,
    },
    /// The client may have nothing of it; the token is as good as before.
    Denied(protocol::Error),
    /// Nothing of its scope can be granted any more; the token is as good as before.
    Empty,
    /// It is not, or no longer, good; the reason is for the log.
    Refused(&'static str),
}

/// The locks under which a token is judged. User and client stay as they are, too, until its successor is written: who
/// disables them waits, and then finds the successor, or comes first, and nothing is renewed. What stands in other tables,
/// such as roles, is as it was when the statement began, before it waited.
const LOCKS: &str = " FOR UPDATE OF f FOR SHARE OF u, c";

/// Deletes tokens that were used long ago: however often a family is renewed, it takes bounded room.
fn prune(family: FamilyId, before: i64) -> Sql {
    sql!("DELETE FROM refresh_tokens WHERE family_id = $1 AND generation < $2", family.to_string(), before)
}

impl Store {
    /// Uses a refresh token: rotates it, gives a lost answer again, or ends its family.
    pub async fn refresh<R: Renewal>(&self, refresh: Refresh<R>) -> Result<Refreshed<R::Target>, Error> {
        const USE: &str = "UPDATE refresh_tokens SET used_at = $2 WHERE digest = $1 AND used_at IS NULL";
        const REPEAT: &str = "UPDATE refresh_tokens SET repeats = repeats + 1 WHERE digest = $1";
        self.write(async move |db| {
            let Refresh { digest, idle, window, default_role, clock, renewal } = &refresh;
            let mut found: Option<PresentedFor> = presented(digest).locking(LOCKS).optional(db).await?;
            let is_used = found.as_ref().is_some_and(|PresentedFor(token, ..)| token.used_at.is_some());
            if db.is_postgres() && is_used {
                // While it waited for the locks others may have used the successor, which it saw as it was before. A token
                // that was used itself meanwhile is found out by `USE`, and the transaction run again.
                found = presented(digest).optional(db).await?;
            }
            let Some(PresentedFor(presented, user, terms)) = found else {
                return Ok(Refreshed::Refused("there is no such refresh token"));
            };
            let family = &presented.family;
            let Fit { target, narrowing, unfit } = match renewal.judge(family, terms) {
                Ok(fit) => fit,
                Err(error) => return Ok(Refreshed::Denied(error)),
            };
            let user = match user.filter(|_| presented.client_is_live) {
                Some(user) => user.live(db, default_role.as_ref()).await?,
                None => None,
            };
            let Some(user) = user else {
                return Ok(Refreshed::Refused("the user or the client was disabled or changed since"));
            };

            let scope = narrowing.for_user(user.roles());
            let generation = presented.generation + 1;
            let now = clock.now();
            let is_repeat = match presented.verdict(now, *window) {
                Verdict::Rotate | Verdict::Repeat if unfit.is_some() || scope.is_empty() => {
                    return Ok(unfit.map_or(Refreshed::Empty, Refreshed::Denied));
                }
                Verdict::Rotate => {
                    let (next, end) = (renewal.successor(family.id, generation), now.saturating_add(*idle));
                    sql!(USE, digest, now).once().later(db);
                    families::insert_token(family.id, generation, &next, end).later(db);
                    if generation % PRUNE_EVERY == 0 {
                        prune(family.id, generation - KEPT).later(db);
                    }
                    false
                }
                Verdict::Repeat => {
                    sql!(REPEAT, digest).run(db).await?;
                    true
                }
                Verdict::Late => {
                    families::revoke(db, family.id, &renewal.entry(Event::FamilyRevoked, family)).await?;
                    return Ok(Refreshed::Refused("the refresh token was used before, too long ago"));
                }
                Verdict::Reused => {
                    families::revoke(db, family.id, &renewal.entry(Event::RefreshTokenReused, family))
                        .await?;
                    return Ok(Refreshed::Refused(
                        "the refresh token was used before, and so was its successor",
                    ));
                }
                Verdict::Ended => return Ok(Refreshed::Refused("the refresh token or its family is over")),
            };
            let family = Box::new(presented.family);
            Ok(Refreshed::Live { family, user, target, scope, generation, is_repeat })
        })
        .await
    }
}
