//! The vault: the database together with the keys that open what lies sealed in it.
//!
//! The server and the command line both work through it, on a running server's database or a stopped one's.

use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::config::{Config, DatabaseUrl};
use crate::keys::custody::{Custody, SealingKeys};
use crate::keys::derive::{KeyedHash, Purpose, Root, Successors};
use crate::keys::seal::{self, Place, Seal};
use crate::model::{Audit, Event};
use crate::protocol::{ClientId, Secret};
use crate::random::Random;
use crate::store::{self, Store};

/// The database and what opens it.
pub struct Vault {
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// Chance.
    pub random: Random,
    /// Seals what the database may not know.
    pub seal: Seal,
    /// The keys that seal, as they were read last.
    pub sealing_keys: SealingKeys,
    /// Keyed hashes, one for each purpose.
    pub hashes: Hashes,
}

/// The keyed hashes, all derived from one root.
pub struct Hashes {
    /// Of refresh tokens, as they are stored.
    pub refresh_token: KeyedHash,
    /// From a refresh token to its successor.
    pub successors: Successors,
    /// Of authorization codes, as they are stored.
    pub authorization_code: KeyedHash,
    /// Of users, as the clients of one sector know them.
    pub pairwise_subject: KeyedHash,
    /// Of sessions, as the clients of one sector know them.
    pub pairwise_session: KeyedHash,
    client_secret: KeyedHash,
    /// Of account names, as failures are counted.
    pub account: KeyedHash,
    /// Of networks that a user signed in from.
    pub prefix: KeyedHash,
    /// Of session cookies, as they are stored.
    pub session: KeyedHash,
    /// Of known-device cookies.
    pub device: KeyedHash,
    /// Of what a form is bound to.
    pub csrf: KeyedHash,
    /// Of account names, in the limiter.
    pub limiter: Secret<[u8; 32]>,
}

/// Why the vault does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database.
    #[error("`{url}` cannot be used: {cause}\nhint: {}", .cause.hint())]
    Database {
        /// Its file, or its URL without the password.
        url: DatabaseUrl,
        /// What is wrong with it.
        cause: store::Error,
    },
    /// The sealing keys.
    #[error(transparent)]
    Custody(#[from] crate::keys::custody::CustodyError),
    /// The root secret does not open.
    #[error("the root secret in the database {0}")]
    Root(#[from] seal::SealError),
    /// The root secret is not one.
    #[error("the root secret in the database is damaged\nhint: restore the database from a backup")]
    Damaged,
    /// The system gives no chance.
    #[error("the system's random source fails: {0}\nhint: let the process read `/dev/urandom`")]
    Random(String),
}

/// The row of the root secret.
const ROOT: &str = "root";

/// Where the root secret `name` is sealed.
pub fn root_place(name: &str) -> Place<'_> {
    Place { purpose: seal::Purpose::Root, table: "roots", row: name, version: 1 }
}

impl Vault {
    /// Opens the database, making what a new one needs: the schema, a sealing key, the root secret.
    pub async fn open(config: &Config, clock: Clock) -> Result<Self, OpenError> {
        let random = Random::system().map_err(|error| OpenError::Random(error.to_string()))?;
        let fault = |cause| OpenError::Database { url: config.database.url.clone(), cause };
        let store = Store::open(&store_options(config), clock.now()).await.map_err(fault)?;
        let custody = Custody::of_process(&config.keys.directory)?;
        let known = store.find_root(ROOT).await.map_err(fault)?;
        // A new key for a database that is sealed already would only hide that the right one is missing.
        let sealing_keys = match known {
            Some(_) => SealingKeys::load(&custody)?,
            None => SealingKeys::load_or_make(&custody, &random)?,
        };
        let seal = Seal::new(&sealing_keys);
        let sealed = match known {
            Some(sealed) => sealed,
            None => {
                let candidate = seal.seal(&root_place(ROOT), Root::generate(&random).bytes().expose());
                store.root(ROOT, candidate).await.map_err(fault)?
            }
        };
        let root = Root::from_bytes(&seal.open(&root_place(ROOT), &sealed)?).ok_or(OpenError::Damaged)?;
        Ok(Self { store, clock, random, seal, sealing_keys, hashes: Hashes::derive(&root) })
    }

    /// An entry for the audit trail, of now.
    pub fn audit(&self, event: Event) -> Audit {
        let now = self.clock.now();
        Audit::of(event, self.random.id(now), now)
    }
}

/// How the database of `config` is opened.
pub fn store_options(config: &Config) -> store::Options {
    let database = &config.database;
    match &database.url {
        DatabaseUrl::Sqlite(file) => store::Options::Sqlite(store::SqliteOptions {
            file: file.clone(),
            readers: database.readers,
            acquire_timeout: database.acquire_timeout.duration(),
        }),
        DatabaseUrl::Postgres(postgres) => store::Options::Postgres(store::PostgresOptions {
            hosts: postgres.hosts().to_vec(),
            readers: database.readers,
            writers: database.writers,
            acquire_timeout: database.acquire_timeout.duration(),
            statement_timeout: database.statement_timeout.duration(),
        }),
    }
}

impl Hashes {
    fn derive(root: &Root) -> Self {
        Self {
            refresh_token: root.keyed_hash(Purpose::RefreshTokenHash),
            successors: root.successors(),
            authorization_code: root.keyed_hash(Purpose::AuthorizationCodeHash),
            pairwise_subject: root.keyed_hash(Purpose::PairwiseSubject),
            pairwise_session: root.keyed_hash(Purpose::PairwiseSession),
            client_secret: root.keyed_hash(Purpose::ClientSecretHash),
            account: root.keyed_hash(Purpose::FailedAccount),
            prefix: root.keyed_hash(Purpose::KnownPrefix),
            session: root.keyed_hash(Purpose::SessionHash),
            device: root.keyed_hash(Purpose::KnownDevice),
            csrf: root.keyed_hash(Purpose::CsrfToken),
            limiter: root.derive(Purpose::LimiterAccount),
        }
    }

    /// A client's secret as it is stored; the same secret of another client looks different.
    pub fn of_client_secret(&self, client: &ClientId, secret: &Secret<String>) -> String {
        self.client_secret.text(&client_secret_message(client, secret))
    }

    /// Whether `digest` is that of the client's secret, compared in constant time.
    pub fn is_client_secret(&self, client: &ClientId, secret: &Secret<String>, digest: &str) -> bool {
        self.client_secret.verify(&client_secret_message(client, secret), digest)
    }
}

/// An id has no NUL in it, so the border is clear.
fn client_secret_message(client: &ClientId, secret: &Secret<String>) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([client.as_str().as_bytes(), b"\0", secret.expose().as_bytes()].concat())
}
