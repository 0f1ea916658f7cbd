//! Logout tokens that are still to be delivered, one for each client that was told of a session.
//!
//! Ending a session inserts them. A node that takes one moves the time at which it is due, so that no other node
//! takes it meanwhile; should the node die, it is due again then.

use super::sql::{FromRow, Row, sql};
use super::{Error, Store, audit};
use crate::model::{Audit, SessionId, UserId};
use crate::protocol::ClientId;

/// A client that is to be told of the end of a session.
#[derive(Clone, Debug)]
pub struct LogoutDelivery {
    id: String,
    /// The client.
    pub client: ClientId,
    /// Whose session it was.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// How often it was taken, this time included.
    pub attempts: i64,
}

impl FromRow for LogoutDelivery {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.text("id")?,
            client: row.parse("client_id")?,
            user: row.parse("user_id")?,
            session: row.parse("session_id")?,
            attempts: row.integer("attempts")?,
        })
    }
}

impl FromRow for ClientId {
    fn from_row(row: &Row) -> Result<Self, Error> {
        row.parse("client_id")
    }
}

impl Store {
    /// Returns when there may be something to deliver, as far as this process knows.
    pub async fn logouts_queued(&self) {
        self.logouts.notified().await;
    }

    /// Has whoever waits for something to deliver look for it.
    pub fn look_for_logouts(&self) {
        self.logouts.notify_one();
    }

    /// Clients for which something is due at `now`, the one that waits longest first, at most `most`.
    pub async fn clients_to_tell(&self, now: i64, most: i64) -> Result<Vec<ClientId>, Error> {
        const SQL: &str = "SELECT client_id FROM logout_deliveries WHERE due_at <= $1
            GROUP BY client_id ORDER BY MIN(due_at), client_id LIMIT $2";
        let mut db = self.reader().await?;
        sql!(SQL, now, most).all(&mut db).await
    }

    /// Takes what is due for `client` at `now`, at most `most`; nobody else is given it before `until`.
    pub async fn take_logouts(
        &self,
        client: ClientId,
        now: i64,
        until: i64,
        most: i64,
    ) -> Result<Vec<LogoutDelivery>, Error> {
        // That it is due is asked for twice, since on PostgreSQL another node may have taken it since it was found.
        const SQL: &str = "UPDATE logout_deliveries SET attempts = attempts + 1, due_at = $3
            WHERE due_at <= $2 AND id IN (SELECT id FROM logout_deliveries
                WHERE client_id = $1 AND due_at <= $2 ORDER BY due_at, id LIMIT $4)
            RETURNING id, client_id, user_id, session_id, attempts";
        self.write(async move |db| sql!(SQL, client.as_str(), now, until, most).all(db).await).await
    }

    /// Puts `delivery` off until `due_at`, unless it was taken anew since.
    pub async fn put_off_logout(&self, delivery: LogoutDelivery, due_at: i64) -> Result<(), Error> {
        const SQL: &str = "UPDATE logout_deliveries SET due_at = $3 WHERE id = $1 AND attempts = $2";
        let LogoutDelivery { id, attempts, .. } = delivery;
        self.write(async move |db| sql!(SQL, &id, attempts, due_at).run(db).await).await.map(|_| ())
    }

    /// Forgets `delivery`, with an entry in the audit trail if that is worth one.
    pub async fn forget_logout(&self, delivery: LogoutDelivery, entry: Option<Audit>) -> Result<(), Error> {
        const SQL: &str = "DELETE FROM logout_deliveries WHERE id = $1";
        self.write(async move |db| {
            if sql!(SQL, &delivery.id).run(db).await? == 1
                && let Some(entry) = &entry
            {
                audit::insert(db, entry).await?;
            }
            Ok(())
        })
        .await
    }
}
