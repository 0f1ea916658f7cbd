//! Roles.

use super::sql::{FromRow, Row, sql};
use super::{Error, Store, audit};
use crate::model::{Audit, Role};
use crate::protocol::RoleName;

impl FromRow for Role {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self { name: row.parse("name")?, scope: row.parse("scope")? })
    }
}

impl Store {
    /// All roles.
    pub async fn roles(&self) -> Result<Vec<Role>, Error> {
        let mut db = self.reader().await?;
        sql!("SELECT name, scope FROM roles ORDER BY name").all(&mut db).await
    }

    /// Adds a role; false when there is one of its name.
    pub async fn add_role(&self, role: Role, entry: Audit) -> Result<bool, Error> {
        const SQL: &str =
            "INSERT INTO roles (name, scope, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING";
        self.write(async move |db| {
            let added = sql!(SQL, role.name.as_str(), role.scope.to_string(), entry.at).run(db).await? == 1;
            if added {
                audit::insert(db, &entry).await?;
            }
            Ok(added)
        })
        .await
    }

    /// Removes a role and takes it from all users; false when there is none.
    pub async fn remove_role(&self, name: RoleName, entry: Audit) -> Result<bool, Error> {
        self.write(async move |db| {
            let removed = sql!("DELETE FROM roles WHERE name = $1", name.as_str()).run(db).await? == 1;
            if removed {
                audit::insert(db, &entry).await?;
            }
            Ok(removed)
        })
        .await
    }
}
