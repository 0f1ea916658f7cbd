//! The audit trail.

use super::db::Db;
use super::sql::{FromRow, Row, sql};
use super::{Error, Store, postgres};
use crate::model::{Audit, UserId};
use crate::protocol::ClientId;

/// Writes `audit` in the transaction that it tells of.
pub(super) async fn insert(db: &mut Db, audit: &Audit) -> Result<(), Error> {
    const SQL: &str =
        "INSERT INTO audit (id, at, event, client_id, user_id, detail) VALUES ($1, $2, $3, $4, $5, $6)";
    let client = audit.client_id.as_ref().map(ToString::to_string);
    let user = audit.user_id.map(|id| id.to_string());
    sql!(SQL, audit.id.to_string(), audit.at, audit.event.as_str(), client, user, audit.detail.clone())
        .run(db)
        .await?;
    db.changes_what_was_read |= audit.event.ends_or_changes();
    // What is audited here and kept at hand elsewhere are the same things: keys, clients, APIs.
    if audit.event.is_kept_at_hand() { postgres::announce(db).await } else { Ok(()) }
}

/// An entry as it stands; `None` for an event of a newer release.
struct Stored(Option<Audit>);

impl FromRow for Stored {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let Ok(event) = row.text("event")?.parse() else { return Ok(Self(None)) };
        Ok(Self(Some(Audit {
            id: row.parse("id")?,
            at: row.integer("at")?,
            event,
            client_id: row.maybe_parse("client_id")?,
            user_id: row.maybe_parse("user_id")?,
            detail: row.maybe_text("detail")?,
        })))
    }
}

/// How many entries are looked through for what ended a token.
const ENTRIES: i64 = 10_000;

impl Store {
    /// What was done from `since` on that concerns `user`, `client`, or neither of any kind; the first comes first.
    /// Sign-ins end nothing and are left out.
    pub async fn audited(
        &self,
        since: i64,
        user: Option<UserId>,
        client: Option<&ClientId>,
    ) -> Result<Vec<Audit>, Error> {
        const SQL: &str = "SELECT id, at, event, client_id, user_id, detail FROM audit
            WHERE at >= $1 AND event NOT IN ('user.signed_in', 'user.sign_in_failed')
                AND (user_id IS NULL OR user_id = $2) AND (client_id IS NULL OR client_id = $3)
            ORDER BY at, id LIMIT $4";
        let user = user.map_or(String::new(), |id| id.to_string());
        let client = client.map_or("", ClientId::as_str);
        let found = sql!(SQL, since, user, client, ENTRIES).all::<Stored>(&mut self.reader().await?).await?;
        Ok(found.into_iter().filter_map(|Stored(entry)| entry).collect())
    }

    /// Writes an entry that no other write goes with.
    pub async fn audit(&self, audit: Audit) -> Result<(), Error> {
        self.write(async move |db| insert(db, &audit).await).await
    }
}
