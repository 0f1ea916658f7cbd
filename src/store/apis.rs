//! APIs and their scopes.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use super::db::Db;
use super::sql::{FromRow, Row, sql};
use super::{Error, Store, audit};
use crate::model::{Api, Audit, Terms};
use crate::protocol::{ApiUri, ScopeToken};

/// Proof that an API is marked as one for tests; only this file makes one.
#[derive(Clone, Debug)]
pub struct TestApi(Api);

impl std::ops::Deref for TestApi {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.0
    }
}

impl FromRow for Api {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            uri: row.parse("uri")?,
            scopes: BTreeMap::new(),
            access_token_lifetime: row.maybe_integer("access_token_lifetime")?,
            test_since: row.maybe_integer("test_since")?,
            created_at: row.integer("created_at")?,
        })
    }
}

/// The columns of an API `ap`, in a row of an outer join in which there may be none.
impl FromRow for Option<Terms> {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let Some(scope) = row.maybe_parse("api_scope")? else { return Ok(None) };
        Ok(Some(Terms { scope, access_token_lifetime: row.maybe_integer("api_lifetime")? }))
    }
}

struct Described(ScopeToken, Option<String>);

impl FromRow for Described {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self(row.parse("scope")?, row.maybe_text("description")?))
    }
}

async fn with_scopes(db: &mut Db, mut api: Api) -> Result<Api, Error> {
    const SQL: &str = "SELECT scope, description FROM api_scopes WHERE api = $1";
    let scopes = sql!(SQL, api.uri.as_str()).all::<Described>(db).await?;
    api.scopes = scopes.into_iter().map(|Described(scope, description)| (scope, description)).collect();
    Ok(api)
}

impl Store {
    /// The API at `uri`.
    pub async fn api(&self, uri: &ApiUri) -> Result<Option<Api>, Error> {
        const SQL: &str =
            "SELECT uri, access_token_lifetime, test_since, created_at FROM apis WHERE uri = $1";
        let mut db = self.reader().await?;
        match sql!(SQL, uri.as_str()).optional(&mut db).await? {
            Some(api) => with_scopes(&mut db, api).await.map(Some),
            None => Ok(None),
        }
    }

    /// The same, as it is or was a moment ago.
    pub async fn known_api(&self, uri: &ApiUri) -> Result<Option<Arc<Api>>, Error> {
        self.lately.look(&self.lately.apis, uri, Instant::now(), || self.api(uri)).await
    }

    /// All APIs.
    pub async fn apis(&self) -> Result<Vec<Api>, Error> {
        const SQL: &str = "SELECT uri, access_token_lifetime, test_since, created_at FROM apis ORDER BY uri";
        let mut db = self.reader().await?;
        let mut apis = Vec::new();
        for api in sql!(SQL).all(&mut db).await? {
            apis.push(with_scopes(&mut db, api).await?);
        }
        Ok(apis)
    }

    /// The APIs that are marked as ones for tests.
    pub async fn test_apis(&self) -> Result<Vec<TestApi>, Error> {
        let apis = self.apis().await?;
        Ok(apis.into_iter().filter(|api| api.test_since.is_some()).map(TestApi).collect())
    }

    /// Adds an API, which is none for tests; false when there is one at its URI.
    pub async fn add_api(&self, api: Api, entry: Audit) -> Result<bool, Error> {
        const API: &str = "INSERT INTO apis (uri, access_token_lifetime, created_at) VALUES ($1, $2, $3)
                           ON CONFLICT (uri) DO NOTHING";
        const SCOPE: &str = "INSERT INTO api_scopes (api, scope, description) VALUES ($1, $2, $3)";
        self.write(async move |db| {
            if sql!(API, api.uri.as_str(), api.access_token_lifetime, api.created_at).run(db).await? == 0 {
                return Ok(false);
            }
            for (scope, description) in &api.scopes {
                sql!(SCOPE, api.uri.as_str(), scope.as_str(), description.clone()).run(db).await?;
            }
            audit::insert(db, &entry).await?;
            Ok(true)
        })
        .await
    }

    /// Marks an API as one for tests since then, or as none; false when there is none.
    pub async fn set_test_api(
        &self,
        uri: ApiUri,
        test_since: Option<i64>,
        entry: Audit,
    ) -> Result<bool, Error> {
        const SQL: &str = "UPDATE apis SET test_since = $2 WHERE uri = $1";
        self.write(async move |db| {
            let marked = sql!(SQL, uri.as_str(), test_since).run(db).await? == 1;
            if marked {
                audit::insert(db, &entry).await?;
            }
            Ok(marked)
        })
        .await
    }

    /// Removes an API; false when there is none.
    pub async fn remove_api(&self, uri: ApiUri, entry: Audit) -> Result<bool, Error> {
        self.write(async move |db| {
            let removed = sql!("DELETE FROM apis WHERE uri = $1", uri.as_str()).run(db).await? == 1;
            if removed {
                audit::insert(db, &entry).await?;
            }
            Ok(removed)
        })
        .await
    }
}
