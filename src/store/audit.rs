//! The audit trail.

use super::db::Db;
use super::sql::sql;
use super::{Error, Store, postgres};
use crate::model::Audit;

/// Writes `audit` in the transaction that it tells of.
pub(super) async fn insert(db: &mut Db, audit: &Audit) -> Result<(), Error> {
    const SQL: &str =
        "INSERT INTO audit (id, at, event, client_id, user_id, detail) VALUES ($1, $2, $3, $4, $5, $6)";
    let client = audit.client_id.as_ref().map(ToString::to_string);
    let user = audit.user_id.map(|id| id.to_string());
    sql!(SQL, audit.id.to_string(), audit.at, audit.event.as_str(), client, user, audit.detail.clone())
        .run(db)
        .await?;
    // What is audited here and kept at hand elsewhere are the same things: keys, clients, APIs.
    if audit.event.is_kept_at_hand() { postgres::announce(db).await } else { Ok(()) }
}

impl Store {
    /// Writes an entry that no other write goes with.
    pub async fn audit(&self, audit: Audit) -> Result<(), Error> {
        self.write(async move |db| insert(db, &audit).await).await
    }
}
