//! The real server for tests of APIs: on loopback, with a database and keys of its own that go with it, and a control
//! ([`control`]) by which any token is had and the clock is set.
//!
//! Its signing key is new each time, so nothing that trusts it trusts another. It is made by all processors at once,
//! while the database is made: how long one key takes is a matter of luck, and the first is taken.

use std::fs::DirBuilder;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use tokio::sync::mpsc;

use crate::clock::{Clock, Hand};
use crate::config::{Config, Fault};
use crate::http::control;
use crate::http::server::{BindError, Server};
use crate::keys::record;
use crate::keys::rsa_key::{RsaKey, RsaKeyError};
use crate::protocol::BoxError;
use crate::random::Random;
use crate::rotate;
use crate::service::{self, Service, StartError};
use crate::store;
use crate::vault::{OpenError, Vault};

/// The size of its keys, in bits.
const BITS: u32 = 2048;

/// An issuer for tests, which listens.
pub struct IssuerForTests {
    service: Service,
    hand: Hand,
    folder: Folder,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its folder cannot be made.
    #[error("a folder in `{0}` cannot be made: {1}\nhint: name one that can be written to in `TMPDIR`")]
    Folder(PathBuf, io::Error),
    /// It cannot listen.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Its database cannot be made.
    #[error(transparent)]
    Vault(#[from] OpenError),
    /// Its key cannot be made.
    #[error(transparent)]
    Key(#[from] RsaKeyError),
    /// Its key cannot be kept.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// It cannot be configured.
    #[error(transparent)]
    Config(#[from] Fault),
    /// It does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The system gives no chance, or no thread.
    #[error(transparent)]
    System(BoxError),
}

impl IssuerForTests {
    /// Opens one on `port` of 127.0.0.1; 0 is any that is free.
    pub async fn open(port: u16) -> Result<Self, Error> {
        let mut keys = race().map_err(|error| Error::System(error.into()))?;
        let folder = Folder::make()?;
        let server = Server::bind(service::options(&folder.config(port)?)).await?;
        let port = server.addresses().first().map_or(port, SocketAddr::port);
        let config = folder.config(port)?;
        folder.keep(port).map_err(|error| Error::Folder(folder.0.clone(), error))?;

        let (clock, hand) = Clock::running();
        let vault = Vault::open(&config, clock).await?;
        let key = keys.recv().await.expect("every thread sends what it came to")?;
        let key = record::of(key, 1, &vault.seal, &vault.clock);
        rotate::create(&vault, key, true).await?;
        let service = Service::of(server, vault, config).await?;
        Ok(Self { service, hand, folder })
    }

    /// The issuer.
    pub fn issuer(&self) -> &str {
        self.service.app().issuer().as_str()
    }

    /// Its configuration file, with which the other commands administer it.
    pub fn config(&self) -> PathBuf {
        self.folder.file()
    }

    /// Serves until `shutdown`; then nothing of it is left.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self { service, hand, folder } = self;
        let routes = control::routes(service.app(), &hand);
        service.run_with(routes, shutdown).await;
        drop(folder);
    }
}

/// Keys, the first of which comes as soon as one of all processors has made one. The others go on making theirs for some
/// tenths of a second, for nothing.
fn race() -> io::Result<mpsc::Receiver<Result<RsaKey, RsaKeyError>>> {
    let processors = std::thread::available_parallelism()?.get();
    let (sender, receiver) = mpsc::channel(processors);
    for _ in 0..processors {
        let sender = sender.clone();
        let make = move || drop(sender.try_send(RsaKey::generate(BITS)));
        std::thread::Builder::new().name("first key".to_owned()).spawn(make)?;
    }
    Ok(receiver)
}

/// A folder that nobody else looks into, in memory where the system has such a place; it goes when this is dropped.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self, Error> {
        let random = Random::system().map_err(|error| Error::System(error.into()))?;
        let name = format!("claviger-for-tests-{}", random.text::<12>());
        let make = |parent: &Path| {
            let path = parent.join(&name);
            DirBuilder::new().mode(0o700).create(&path).map(|()| Self(path))
        };
        let elsewhere = std::env::temp_dir();
        make(Path::new("/dev/shm"))
            .or_else(|_| make(&elsewhere))
            .map_err(|error| Error::Folder(elsewhere.clone(), error))
    }

    fn file(&self) -> PathBuf {
        self.0.join("claviger.toml")
    }

    fn config(&self, port: u16) -> Result<Config, Fault> {
        self.text(port).parse()
    }

    fn keep(&self, port: u16) -> io::Result<()> {
        std::fs::write(self.file(), self.text(port))
    }

    /// The configuration. Tests sign in often, and call clients on loopback; nobody is waited for at the end.
    fn text(&self, port: u16) -> String {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let inside = |name: &str| self.0.join(name).display().to_string();
        let database = toml::Value::String(format!("sqlite://{}", inside("claviger.db")));
        let keys = toml::Value::String(inside("keys"));
        format!(
            "issuer = \"http://{address}\"\nlisten = [\"{address}\"]\n\n[database]\nurl = {database}\n\n\
             [keys]\ndirectory = {keys}\nrsa_bits = {BITS}\n\n[limits]\nlogin = \"off\"\n\n\
             [server]\ndrain_timeout = \"0s\"\n\n[fetch]\nallow = [\"127.0.0.0/8\", \"::1\"]\n"
        )
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed lies in a place for what need not last.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
