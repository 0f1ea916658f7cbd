//! Refusals, by their references.

use super::sql::{FromRow, Row, sql};
use super::{Error, Store};
use crate::model::Refusal;

/// How many are kept, but for those of the second that the oldest is of.
const KEPT: i64 = 10_000;

impl FromRow for Refusal {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            reference: row.text("reference")?,
            at: row.integer("at")?,
            request: row.text("request")?,
            code: row.text("code")?,
            description: row.text("description")?,
            cause: row.maybe_text("cause")?,
            client_id: row.maybe_text("client_id")?,
        })
    }
}

impl Store {
    /// Keeps `refusals`, and forgets the oldest.
    pub async fn keep_refusals(&self, refusals: Vec<Refusal>) -> Result<(), Error> {
        const SQL: &str = "INSERT INTO refusals (reference, at, request, code, description, cause, client_id)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (reference) DO NOTHING";
        const FORGET: &str =
            "DELETE FROM refusals WHERE at < (SELECT at FROM refusals ORDER BY at DESC LIMIT 1 OFFSET $1)";
        self.write(async move |db| {
            for refusal in &refusals {
                let Refusal { reference, at, request, code, description, cause, client_id } = refusal;
                let (cause, client_id) = (cause.clone(), client_id.clone());
                sql!(SQL, reference, *at, request, code, description, cause, client_id).run(db).await?;
            }
            sql!(FORGET, KEPT - 1).run(db).await?;
            Ok(())
        })
        .await
    }

    /// The refusal with this reference, as long as it is kept.
    pub async fn refusal(&self, reference: &str) -> Result<Option<Refusal>, Error> {
        const SQL: &str = "SELECT reference, at, request, code, description, cause, client_id
                           FROM refusals WHERE reference = $1";
        sql!(SQL, reference).optional(&mut self.reader().await?).await
    }
}
