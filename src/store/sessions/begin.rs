//! Beginning a session, and what that ends.

use super::{LiveSession, Stored};
use crate::model::{Audit, Authentication, Method, SessionId};
use crate::protocol::RoleName;
use crate::store::db::Db;
use crate::store::generations::{self, NewPassword};
use crate::store::sign_in::SignIn;
use crate::store::sql::{join, sql};
use crate::store::{Error, Store, audit};

/// A session to begin.
pub struct NewSession {
    /// Its id, should it not go on with the one that the browser has.
    pub id: SessionId,
    /// The keyed hash of its cookie.
    pub digest: String,
    /// The keyed hash of the session cookie that the browser sent, if it sent one.
    pub former: Option<String>,
    /// How the user proved who they are.
    pub methods: Vec<Method>,
    /// When it ends, however often it is used.
    pub expires_at: i64,
    /// The browser, as it names itself.
    pub agent: Option<String>,
    /// The entry for the audit trail, should it end another session in the same browser.
    pub ended: Audit,
    /// The entry, should it end one of the user's because they have too many.
    pub displaced: Audit,
    /// The password that the user has from then on, if they change it: all their other sessions end.
    pub password: Option<NewPassword>,
}

impl Store {
    /// Completes a sign-in on our own pages; `None` when the user has been disabled or changed meanwhile.
    ///
    /// The cookie is always new. A browser whose user proves anew who they are keeps its session, and so what
    /// rests on it; another user's session in that browser is ended, as if they had signed out. So is, of a user who has
    /// as many sessions as one may have, the one that was used longest ago.
    pub async fn begin_session(
        &self,
        sign_in: SignIn,
        new: NewSession,
        default_role: Option<RoleName>,
    ) -> Result<Option<LiveSession>, Error> {
        const LOCK: &str = "SELECT 1 FROM users WHERE id = $1 FOR SHARE";
        const RENEW: &str = "UPDATE sessions SET digest = $2, user_generation = $3, amr = $4, auth_time = $5,
                seen_at = $5, expires_at = $6, agent = $7
            WHERE id = $1 AND user_id = $8 AND ended_at IS NULL";
        const BEGIN: &str = "INSERT INTO sessions (id, digest, user_generation, amr, auth_time, seen_at,
                expires_at, agent, user_id)
            VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8)";
        self.write(async move |db| {
            let (user, now) = (sign_in.credentials.user_id, sign_in.entry.at);
            let credentials = match &new.password {
                Some(password) => generations::change_password(db, &sign_in.credentials, password).await?,
                None => Some(sign_in.credentials.clone()),
            };
            let Some(credentials) = credentials else { return Ok(None) };
            let former = match &new.former {
                Some(digest) => super::with_digest(db, digest, now).await?,
                None => None,
            };
            let displaced = super::one_too_many(db, user, now).await?;
            // What rests on the sessions that this may end before the user, as a refresh locks its family first.
            for session in former.iter().chain(&displaced) {
                super::lock_families(db, session.id).await?;
            }
            sql!(LOCK, user.to_string()).lock(db).await?;
            let Some(user) = sign_in.take(db, &credentials, default_role.as_ref()).await? else {
                return Ok(None);
            };

            let authentication = Authentication { methods: new.methods.clone(), at: now };
            let write = async |db: &mut Db, statement, id: SessionId| {
                let written = sql!(
                    statement,
                    id.to_string(),
                    &new.digest,
                    user.generation,
                    join(&authentication.methods),
                    now,
                    new.expires_at,
                    new.agent.clone(),
                    user.id.to_string(),
                );
                Ok::<_, Error>(written.run(db).await? == 1)
            };
            let mut id = new.id;
            match former {
                Some(former) if former.is_of(&user) && write(db, RENEW, former.id).await? => id = former.id,
                former => {
                    for (over, entry) in [(former, &new.ended), (displaced, &new.displaced)] {
                        if let Some(Stored { user_id, id, .. }) = over
                            && super::end(db, user_id, id, now).await?
                        {
                            let entry = entry.clone().user(user_id).detail(format!("session {id}"));
                            audit::insert(db, &entry).await?;
                        }
                    }
                    write(db, BEGIN, id).await?;
                }
            }
            let (digest, expires_at) = (new.digest.clone(), new.expires_at);
            Ok(Some(LiveSession { id, digest, user, authentication, expires_at }))
        })
        .await
        .inspect(|_| self.look_for_logouts())
    }
}
