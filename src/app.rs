//! The handles that a request may use.

use std::num::NonZeroUsize;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};

use tokio::sync::{Mutex, Notify, Semaphore};

use crate::config::Config;
use crate::deliver;
use crate::directory::Directory;
use crate::fetch::Fetcher;
use crate::keys::ring::KeyRing;
use crate::keys::schedule::Policy;
use crate::limits::{Limits, Quotas};
use crate::password::Hasher;
use crate::protocol::{ApiUri, Issuer};
use crate::refusals::Refusals;
use crate::store;
use crate::vault::Vault;

/// Everything that a request may use; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Handles>);

/// What [`App`] gives access to, besides what [`Vault`] does.
pub struct Handles {
    vault: Vault,
    /// The signing keys.
    pub keys: KeyRing,
    /// Tells the rotation that the stored keys may have changed.
    pub keys_changed: Notify,
    /// When the database last took a write for the readiness check.
    pub probed: Mutex<Option<Duration>>,
    /// Hashes passwords.
    pub hasher: Hasher,
    /// Limits sign-ins.
    pub limits: Limits,
    /// Calls the URLs of clients.
    pub fetcher: Fetcher,
    /// Notes why requests were refused.
    pub refusals: Refusals,
    /// The places of logout tokens that are being delivered.
    pub delivering: Arc<Semaphore>,
    config: ArcSwap<Config>,
    directory: ArcSwap<Directory>,
    issuer: Issuer,
    own_uri: ApiUri,
}

impl App {
    /// Reads what is kept at hand, and starts the hashing threads.
    pub async fn new(vault: Vault, config: Config, fetcher: Fetcher) -> Result<Self, store::Error> {
        let now = vault.clock.read();
        let keys = KeyRing::new(policy(&config), vault.seal.clone(), vault.store.signing_keys().await?, now);
        let directory = Directory::load(&vault.store, &config.issuer).await?;
        let workers = NonZeroUsize::new(config.passwords.workers).map(NonZeroUsize::get);
        let hasher = Hasher::start(workers, config.passwords.rounds, vault.random.clone())
            .map_err(|error| store::Error::Database(sqlx::Error::Io(error)))?;
        let limits = limits(&vault, &config).await;
        let issuer = config.issuer.clone();
        let own_uri = issuer.as_str().parse().expect("an issuer is a URI without fragment");
        let refusals = Refusals::new(vault.clock.clone());
        let (config, directory) = (ArcSwap::from_pointee(config), ArcSwap::from_pointee(directory));
        Ok(Self(Arc::new(Handles {
            vault,
            keys,
            keys_changed: Notify::new(),
            probed: Mutex::new(None),
            hasher,
            limits,
            fetcher,
            refusals,
            delivering: Arc::new(Semaphore::new(deliver::AT_ONCE)),
            config,
            directory,
            issuer,
            own_uri,
        })))
    }
}

impl Handles {
    /// The configuration as it is now.
    pub fn config(&self) -> Guard<Arc<Config>> {
        self.config.load()
    }

    /// Goes on with a configuration that was read anew.
    pub fn set_config(&self, config: Config) {
        self.config.store(Arc::new(config));
    }

    /// What is known of clients and APIs as a whole.
    pub fn directory(&self) -> Guard<Arc<Directory>> {
        self.directory.load()
    }

    /// Reads the directory anew.
    pub async fn refresh_directory(&self) -> Result<(), store::Error> {
        let directory = Directory::load(&self.vault.store, &self.issuer).await?;
        self.directory.store(Arc::new(directory));
        Ok(())
    }

    /// The issuer.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The server itself as the API that tokens of clients without one are for.
    pub fn own_uri(&self) -> &ApiUri {
        &self.own_uri
    }
}

/// The rules of key rotation.
pub fn policy(config: &Config) -> Policy {
    let longest = crate::config::LONGEST_ACCESS_TOKEN.get();
    Policy::new(config.keys.rotate_every.get(), longest, config.keys.jwks_max_age.get())
}

async fn limits(vault: &Vault, config: &Config) -> Limits {
    if !config.limits.login {
        return Limits::off();
    }
    let quotas = Quotas {
        account: config.limits.account_per_minute,
        prefix: config.limits.prefix_per_minute,
        wide: config.limits.wide_per_minute,
        client: config.limits.client_per_minute,
        ..Quotas::default()
    };
    let alone = Limits::new(quotas.part(config.limits.nodes), vault.hashes.limiter.expose(), &vault.clock);
    match &config.limits.shared {
        Some(redis) => alone.shared(quotas, redis, &config.issuer).await,
        None => alone,
    }
}

impl Deref for App {
    type Target = Handles;

    fn deref(&self) -> &Handles {
        &self.0
    }
}

impl Deref for Handles {
    type Target = Vault;

    fn deref(&self) -> &Vault {
        &self.vault
    }
}
