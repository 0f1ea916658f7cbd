//! Clients and their secrets.

use std::sync::Arc;

use tokio::time::Instant;

use super::db::Db;
use super::lately::Registered;
use super::sql::{FromRow, Row, Sql, join, sql};
use super::{Error, Store, audit};
use crate::model::{Audit, Client, Profile};
use crate::protocol::{ClientId, Origin, RedirectUri};

/// How many secrets of a client are good at the same time.
const SECRETS: i64 = 2;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, auth_method, first_party, grants, scope, apis, redirect_uris, post_logout_redirect_uris, ",
            "origins, access_token_lifetime, pkce, consent, code_lifetime, signing_alg, sector, ",
            "backchannel_logout_uri, generation, created_at, disabled_at FROM clients ",
            $rest
        )
    };
}

/// Proof that a client is there and enabled; only this file makes one.
#[derive(Clone, Debug)]
pub struct LiveClient(Arc<Client>);

impl std::ops::Deref for LiveClient {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.0
    }
}

impl FromRow for Client {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.parse("id")?,
            name: row.maybe_text("name")?,
            auth_method: row.parse("auth_method")?,
            first_party: row.integer("first_party")? != 0,
            grants: row.list("grants")?,
            scope: row.parse("scope")?,
            apis: row.list("apis")?,
            redirect_uris: row.list("redirect_uris")?,
            post_logout_redirect_uris: row.list("post_logout_redirect_uris")?,
            origins: row.list("origins")?,
            access_token_lifetime: row.maybe_integer("access_token_lifetime")?,
            profile: Profile {
                pkce: row.parse("pkce")?,
                consent: row.parse("consent")?,
                code_lifetime: row.maybe_integer("code_lifetime")?,
                signing_alg: row.parse("signing_alg")?,
            },
            sector: row.maybe_text("sector")?,
            backchannel_logout_uri: row.maybe_parse("backchannel_logout_uri")?,
            generation: row.integer("generation")?,
            created_at: row.integer("created_at")?,
            disabled_at: row.maybe_integer("disabled_at")?,
        })
    }
}

/// Keeps the client from being changed by another transaction meanwhile.
const LOCK: &str = "SELECT 1 FROM clients WHERE id = $1 FOR UPDATE";

/// A row if `id` is still enabled and of `generation`, inside the transaction that relies on it.
pub(super) fn live(id: &ClientId, generation: i64) -> Sql {
    const SQL: &str = "SELECT 1 FROM clients WHERE id = $1 AND generation = $2 AND disabled_at IS NULL";
    sql!(SQL, id.as_str(), generation)
}

/// What some clients have in common.
pub struct KindOfClient {
    /// The grant types that they may use.
    pub grants: Vec<String>,
    /// The web origins whose pages may call us.
    pub origins: Vec<Origin>,
}

impl FromRow for KindOfClient {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self { grants: row.list("grants")?, origins: row.list("origins")? })
    }
}

struct Redirecting(ClientId, Vec<RedirectUri>);

impl FromRow for Redirecting {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self(row.parse("id")?, row.list("redirect_uris")?))
    }
}

struct Secret(String, Option<i64>);

impl FromRow for Secret {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self(row.text("digest")?, row.maybe_integer("expires_at")?))
    }
}

impl Store {
    /// A client, whatever its state.
    pub async fn client(&self, id: &ClientId) -> Result<Option<Client>, Error> {
        let mut db = self.reader().await?;
        sql!(select!("WHERE id = $1"), id.as_str()).optional(&mut db).await
    }

    /// A client that is enabled, or was a moment ago.
    pub async fn live_client(&self, id: &ClientId) -> Result<Option<LiveClient>, Error> {
        Ok(self.registered(id).await?.map(|registered| registered.client.clone()))
    }

    /// A client that is enabled, with its secrets, as it is or was a moment ago.
    pub async fn registered(&self, id: &ClientId) -> Result<Option<Arc<Registered>>, Error> {
        self.lately.look(&self.lately.clients, id, Instant::now(), || self.registered_now(id)).await
    }

    /// The same, as it is.
    pub async fn registered_now(&self, id: &ClientId) -> Result<Option<Registered>, Error> {
        const SECRETS: &str = "SELECT digest, expires_at FROM client_secrets WHERE client_id = $1";
        let mut db = self.reader().await?;
        let client = sql!(select!("WHERE id = $1"), id.as_str()).optional::<Client>(&mut db).await?;
        let Some(client) = client.filter(|client| client.disabled_at.is_none()) else { return Ok(None) };
        let secrets = sql!(SECRETS, id.as_str()).all::<Secret>(&mut db).await?;
        let secrets = secrets.into_iter().map(|Secret(digest, expires_at)| (digest, expires_at)).collect();
        Ok(Some(Registered { client: LiveClient(Arc::new(client)), secrets }))
    }

    /// All clients.
    pub async fn clients(&self) -> Result<Vec<Client>, Error> {
        let mut db = self.reader().await?;
        sql!(select!("ORDER BY id")).all(&mut db).await
    }

    /// What enabled clients are registered for, each kind of registration once, however many clients there are.
    pub async fn kinds_of_clients(&self) -> Result<Vec<KindOfClient>, Error> {
        const SQL: &str = "SELECT DISTINCT grants, origins FROM clients WHERE disabled_at IS NULL";
        sql!(SQL).all(&mut self.reader().await?).await
    }

    /// An enabled public client that is registered with `redirect_uri`, the first by its id.
    pub async fn public_client_at(&self, redirect_uri: &str) -> Result<Option<ClientId>, Error> {
        const SQL: &str = "SELECT id, redirect_uris FROM clients
            WHERE auth_method = 'none' AND disabled_at IS NULL AND redirect_uris LIKE $1 ORDER BY id";
        // The statement finds those that look like it, too.
        let found =
            sql!(SQL, format!("%{redirect_uri}%")).all::<Redirecting>(&mut self.reader().await?).await?;
        let at = found
            .into_iter()
            .find(|Redirecting(_, uris)| uris.iter().any(|uri| uri.as_str() == redirect_uri));
        Ok(at.map(|Redirecting(id, _)| id))
    }

    /// Adds a client, with the digest of its secret unless it is public; false when there is one of its id.
    pub async fn add_client(
        &self,
        client: Client,
        secret: Option<String>,
        entry: Audit,
    ) -> Result<bool, Error> {
        const SQL: &str =
            "INSERT INTO clients (id, auth_method, first_party, grants, scope, apis, redirect_uris,
                post_logout_redirect_uris, origins, access_token_lifetime, generation, created_at,
                name, pkce, consent, code_lifetime, signing_alg, sector, backchannel_logout_uri)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
            ON CONFLICT (id) DO NOTHING";
        self.write(async move |db| {
            let added = sql!(
                SQL,
                client.id.as_str(),
                client.auth_method.to_string(),
                client.first_party,
                client.grants.join(" "),
                client.scope.to_string(),
                join(&client.apis),
                join(&client.redirect_uris),
                join(&client.post_logout_redirect_uris),
                join(&client.origins),
                client.access_token_lifetime,
                client.generation,
                client.created_at,
                client.name.clone(),
                client.profile.pkce.as_str(),
                client.profile.consent.as_str(),
                client.profile.code_lifetime,
                client.profile.signing_alg.as_str(),
                client.sector.clone(),
                client.backchannel_logout_uri.as_ref().map(ToString::to_string),
            );
            if added.run(db).await? == 0 {
                return Ok(false);
            }
            if let Some(digest) = &secret {
                insert_secret(db, &client.id, digest, client.created_at).await?;
            }
            audit::insert(db, &entry).await?;
            Ok(true)
        })
        .await
    }

    /// Changes a client from `before` to `after`, but what belongs to its identity: its id, how it authenticates, its
    /// sector, its state. False when it is not, or no longer, as `before`.
    pub async fn set_client(&self, before: Client, after: Client, entry: Audit) -> Result<bool, Error> {
        const SQL: &str = "UPDATE clients SET name = $2, grants = $3, scope = $4, apis = $5, redirect_uris = $6,
                post_logout_redirect_uris = $7, origins = $8, access_token_lifetime = $9, pkce = $10, consent = $11,
                code_lifetime = $12, backchannel_logout_uri = $13 WHERE id = $1";
        self.write(async move |db| {
            sql!(LOCK, before.id.as_str()).lock(db).await?;
            let found = sql!(select!("WHERE id = $1"), before.id.as_str()).optional::<Client>(db).await?;
            if found.is_none_or(|found| found != before) {
                return Ok(false);
            }
            sql!(
                SQL,
                before.id.as_str(),
                after.name.clone(),
                after.grants.join(" "),
                after.scope.to_string(),
                join(&after.apis),
                join(&after.redirect_uris),
                join(&after.post_logout_redirect_uris),
                join(&after.origins),
                after.access_token_lifetime,
                after.profile.pkce.as_str(),
                after.profile.consent.as_str(),
                after.profile.code_lifetime,
                after.backchannel_logout_uri.as_ref().map(ToString::to_string),
            )
            .run(db)
            .await?;
            audit::insert(db, &entry).await?;
            Ok(true)
        })
        .await
    }

    /// Adds a secret; the one before stays good until `overlap_ends`, older ones end at once. False when there
    /// is no confidential client `id`.
    pub async fn rotate_client_secret(
        &self,
        id: ClientId,
        digest: String,
        overlap_ends: i64,
        entry: Audit,
    ) -> Result<bool, Error> {
        const CONFIDENTIAL: &str = "SELECT 1 FROM clients WHERE id = $1 AND auth_method <> 'none'";
        const OLD: &str = "DELETE FROM client_secrets WHERE client_id = $1 AND digest NOT IN (
            SELECT digest FROM client_secrets WHERE client_id = $1 ORDER BY expires_at IS NULL DESC, created_at DESC
            LIMIT $2)";
        const ENDING: &str = "UPDATE client_secrets SET expires_at = $2 WHERE client_id = $1 AND (expires_at IS NULL OR expires_at > $2)";
        self.write(async move |db| {
            sql!(LOCK, id.as_str()).lock(db).await?;
            if !sql!(CONFIDENTIAL, id.as_str()).exists(db).await? {
                return Ok(false);
            }
            sql!(OLD, id.as_str(), SECRETS - 1).run(db).await?;
            sql!(ENDING, id.as_str(), overlap_ends).run(db).await?;
            insert_secret(db, &id, &digest, entry.at).await?;
            audit::insert(db, &entry).await?;
            Ok(true)
        })
        .await
    }

    /// Disables a client: what it was granted is dead from the moment this returns. False when there is none.
    pub async fn disable_client(&self, id: ClientId, entry: Audit) -> Result<bool, Error> {
        const SQL: &str =
            "UPDATE clients SET disabled_at = coalesce(disabled_at, $2), generation = generation + 1
                           WHERE id = $1";
        let now = entry.at;
        self.change_client(id, entry, async move |db, id| sql!(SQL, id, now).run(db).await).await
    }

    /// Lets a client ask for tokens again. False when there is none.
    pub async fn enable_client(&self, id: ClientId, entry: Audit) -> Result<bool, Error> {
        const SQL: &str = "UPDATE clients SET disabled_at = NULL WHERE id = $1";
        self.change_client(id, entry, async |db, id| sql!(SQL, id).run(db).await).await
    }

    /// Removes a client with all it was granted. False when there is none.
    pub async fn remove_client(&self, id: ClientId, entry: Audit) -> Result<bool, Error> {
        // What rests on it first: its codes as redeeming one locks it first, its families as a refresh does.
        const CODES: &str =
            "SELECT 1 FROM authorization_codes WHERE client_id = $1 ORDER BY digest FOR UPDATE";
        const FAMILIES: &str = "SELECT 1 FROM families WHERE client_id = $1 ORDER BY id FOR UPDATE";
        self.change_client(id, entry, async |db, id| {
            for statement in [CODES, FAMILIES] {
                sql!(statement, id).lock(db).await?;
            }
            sql!("DELETE FROM clients WHERE id = $1", id).run(db).await
        })
        .await
    }

    async fn change_client<F>(&self, id: ClientId, entry: Audit, change: F) -> Result<bool, Error>
    where
        F: AsyncFn(&mut Db, &str) -> Result<u64, Error> + Send + 'static,
    {
        self.write(async move |db| {
            let changed = change(db, id.as_str()).await? == 1;
            if changed {
                audit::insert(db, &entry).await?;
            }
            Ok(changed)
        })
        .await
    }
}

async fn insert_secret(db: &mut Db, client: &ClientId, digest: &str, now: i64) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO client_secrets (client_id, digest, created_at) VALUES ($1, $2, $3)
                       ON CONFLICT (client_id, digest) DO UPDATE SET expires_at = NULL";
    sql!(SQL, client.as_str(), digest, now).run(db).await?;
    Ok(())
}
