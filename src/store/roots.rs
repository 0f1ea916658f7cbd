//! Secrets that other keys are derived from, sealed.

use super::sql::{FromRow, Row, sql};
use super::{Error, Store};

struct Sealed(String);

impl FromRow for Sealed {
    fn from_row(row: &Row) -> Result<Self, Error> {
        row.text("sealed").map(Self)
    }
}

impl Store {
    /// The sealed root called `name`; `candidate` becomes it when there is none.
    pub async fn root(&self, name: &'static str, candidate: String) -> Result<String, Error> {
        const KEEP: &str = "INSERT INTO roots (name, sealed) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
        self.write(async move |db| {
            sql!(KEEP, name, &candidate).run(db).await?;
            let found = sql!("SELECT sealed FROM roots WHERE name = $1", name).optional::<Sealed>(db).await?;
            found.map(|Sealed(sealed)| sealed).ok_or(Error::Closed)
        })
        .await
    }

    /// The sealed root called `name`.
    pub async fn find_root(&self, name: &'static str) -> Result<Option<String>, Error> {
        let mut db = self.reader().await?;
        let found =
            sql!("SELECT sealed FROM roots WHERE name = $1", name).optional::<Sealed>(&mut db).await?;
        Ok(found.map(|Sealed(sealed)| sealed))
    }
}
