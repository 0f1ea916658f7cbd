//! PostgreSQL, or an engine that speaks as it does: on one host, or on several of which one takes writes.
//!
//! Every connection is asked, each time before it is used, whether it takes writes. One that does not is closed,
//! and the next host is tried: a primary that was demoted is left at once, for reads too, which would be stale.
//! A name is resolved anew for each new connection. What was promised is durable as far as the server's
//! `synchronous_commit` goes, which is left as the server has it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::Error;
use super::db::{Db, Driver};
use super::send::wait;
use super::sql::{FromRow, Row, sql};

/// How long a host may take to be reached, and a connection to say whether it takes writes.
const CHECK: Duration = Duration::from_secs(2);

/// How long one rests when no host can be reached.
const REST: Duration = Duration::from_millis(50);

/// How much longer than the server itself one waits for it to break off a statement.
const GRACE: Duration = Duration::from_secs(2);

/// The channel on which changes are announced.
const CHANNEL: &str = "claviger";

/// Where PostgreSQL is, and how it is used.
#[derive(Clone)]
pub struct PostgresOptions {
    /// Its hosts, in the order in which they are tried.
    pub hosts: Vec<PgConnectOptions>,
    /// How many connections read at the same time.
    pub readers: u32,
    /// How many connections write at the same time.
    pub writers: u32,
    /// How long one waits for a connection, from all hosts together.
    pub acquire_timeout: Duration,
    /// How long a statement may take.
    pub statement_timeout: Duration,
}

/// A pool of connections to each host; cheap to clone.
#[derive(Clone)]
pub(super) struct Hosts(Arc<Inner>);

struct Inner {
    hosts: Vec<Host>,
    /// The index of the host that is used, by readers and writers alike.
    current: Arc<AtomicUsize>,
    size: u32,
    acquire_timeout: Duration,
    patience: Duration,
}

struct Host {
    /// As it is called in messages.
    name: String,
    /// `None` for a Unix socket.
    address: Option<(String, u16)>,
    /// Whether its last connection answered.
    answers: AtomicBool,
    pool: PgPool,
}

/// A connection that hears what is announced.
pub(super) struct Listener {
    listener: PgListener,
    host: usize,
}

struct ReadOnly(bool);

impl FromRow for ReadOnly {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self(row.text("transaction_read_only")? == "on"))
    }
}

impl PostgresOptions {
    /// Pools for readers and for writers. Nothing is connected yet.
    pub(super) fn pools(&self) -> (Hosts, Hosts) {
        let current = Arc::new(AtomicUsize::new(0));
        // One more listens.
        (self.pool(self.readers + 1, current.clone()), self.pool(self.writers, current))
    }

    fn pool(&self, size: u32, current: Arc<AtomicUsize>) -> Hosts {
        // What a host that is busy, or starting, leaves for the others.
        let patience = self.acquire_timeout / u32::try_from(self.hosts.len().max(1)).unwrap_or(u32::MAX);
        let hosts = self.hosts.iter().map(|host| Host {
            name: name(host),
            address: host.get_socket().is_none().then(|| (host.get_host().to_owned(), host.get_port())),
            answers: AtomicBool::new(false),
            pool: PgPoolOptions::new()
                .max_connections(size)
                .acquire_timeout(patience)
                .idle_timeout(None)
                .max_lifetime(None)
                // It is asked more than that, below.
                .test_before_acquire(false)
                .connect_lazy_with(self.connection(host)),
        });
        Hosts(Arc::new(Inner {
            hosts: hosts.collect(),
            current,
            size,
            acquire_timeout: self.acquire_timeout,
            patience: self.statement_timeout + GRACE,
        }))
    }

    fn connection(&self, host: &PgConnectOptions) -> PgConnectOptions {
        let limit = self.statement_timeout.as_millis();
        // A node that freezes inside a transaction must not keep others from the rows that it has locked.
        let limits = [("statement_timeout", limit), ("idle_in_transaction_session_timeout", limit)];
        let named = match host.get_application_name() {
            Some(_) => host.clone(),
            None => host.clone().application_name("claviger"),
        };
        named.options(limits).disable_statement_logging()
    }
}

/// What a connection is asked before it is used.
#[derive(Clone, Copy)]
enum Question {
    /// Whether it takes writes.
    TakesWrites,
    /// The same, in a transaction that it begins: one round trip for both.
    Begin,
}

impl Question {
    async fn ask(self, db: &mut Db) -> Result<Option<ReadOnly>, Error> {
        const SHOW: &str = "SHOW transaction_read_only";
        let (Self::Begin, Driver::Postgres(connection)) = (self, &mut db.driver) else {
            return sql!(SHOW).optional(db).await;
        };
        db.is_in_transaction = true;
        let both = concat!("BEGIN ISOLATION LEVEL READ COMMITTED", "; ", "SHOW transaction_read_only");
        let row = async { Ok(sqlx::raw_sql(both).fetch_one(&mut **connection).await?) };
        let row = wait(row, db.patience, &mut db.is_sound).await?;
        ReadOnly::from_row(&Row::Postgres(row)).map(Some)
    }
}

impl Hosts {
    /// A connection that takes writes, as soon as a host gives one.
    pub(super) async fn acquire(&self) -> Result<Db, Error> {
        self.connection(Question::TakesWrites).await
    }

    /// The same, in a transaction.
    pub(super) async fn begin(&self) -> Result<Db, Error> {
        self.connection(Question::Begin).await
    }

    async fn connection(&self, question: Question) -> Result<Db, Error> {
        let began = Instant::now();
        loop {
            match self.any_writable(question).await {
                Err(Error::Unreachable { cause: sqlx::Error::Io(_), .. })
                    if began.elapsed() < self.0.acquire_timeout =>
                {
                    tokio::time::sleep(REST).await;
                }
                result => return result,
            }
        }
    }

    /// A connection that takes writes, from the first host that gives one.
    async fn any_writable(&self, question: Question) -> Result<Db, Error> {
        let mut result = Err(Error::Closed);
        for _ in &self.0.hosts {
            let current = self.0.current.load(Ordering::Relaxed);
            result = self.writable(&self.0.hosts[current], question).await;
            if result.is_ok() {
                break;
            }
            // Whoever fails first turns to the next host; the others find it turned.
            let next = (current + 1) % self.0.hosts.len();
            let _ = self.0.current.compare_exchange(current, next, Ordering::Relaxed, Ordering::Relaxed);
        }
        result
    }

    async fn writable(&self, host: &Host, question: Question) -> Result<Db, Error> {
        // After a restart of the server every connection that was kept is dead, and each is found out in turn.
        for _ in 0..self.0.size {
            host.reach().await?;
            let mut db = match host.pool.acquire().await {
                Ok(connection) => Db::postgres(connection, CHECK),
                Err(cause) => {
                    host.answers.store(false, Ordering::Relaxed);
                    return Err(Error::Unreachable { host: host.name.clone(), cause });
                }
            };
            let answer = question.ask(&mut db).await;
            host.answers.store(answer.is_ok(), Ordering::Relaxed);
            match answer {
                Ok(Some(ReadOnly(false))) => {
                    db.patience = Some(self.0.patience);
                    return Ok(db);
                }
                Ok(_) => {
                    db.is_sound = false;
                    return Err(Error::ReadOnly { host: host.name.clone() });
                }
                Err(_) => {}
            }
        }
        Err(Error::Unreachable { host: host.name.clone(), cause: sqlx::Error::PoolTimedOut })
    }

    /// Begins to hear what is announced.
    pub(super) async fn listen(&self) -> Result<Listener, Error> {
        let host = self.0.current.load(Ordering::Relaxed);
        self.0.hosts[host].reach().await?;
        let mut listener = PgListener::connect_with(&self.0.hosts[host].pool).await?;
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        Ok(Listener { listener, host })
    }

    /// Waits until something is announced, but for `poll` at most; false when nothing was. What was announced while
    /// `listener` had no connection is not heard: when it is lost, there is a new one before this returns, and
    /// whoever looks then misses nothing.
    pub(super) async fn hear(&self, listener: &mut Listener, poll: Duration) -> Result<bool, Error> {
        if listener.host == self.0.current.load(Ordering::Relaxed) {
            let Ok(heard) = tokio::time::timeout(poll, listener.listener.try_recv()).await else {
                return Ok(false);
            };
            if heard?.is_some() {
                // Several changes in one go are one.
                while listener.listener.next_buffered().is_some() {}
                return Ok(true);
            }
        }
        *listener = self.listen().await?;
        Ok(true)
    }

    pub(super) fn size(&self) -> u32 {
        self.0.size
    }

    pub(super) async fn close(&self) {
        for host in &self.0.hosts {
            host.pool.close().await;
        }
    }
}

impl Host {
    /// Whether somebody is there at all, unless that is known. The driver would ask a host that refuses again and
    /// again, while another one takes writes.
    async fn reach(&self) -> Result<(), Error> {
        let is_known = self.answers.load(Ordering::Relaxed);
        let Some((name, port)) = self.address.as_ref().filter(|_| !is_known) else {
            return Ok(());
        };
        let reached = tokio::time::timeout(CHECK, TcpStream::connect((name.as_str(), *port))).await;
        let reached = reached.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        reached
            .map(drop)
            .map_err(|cause| Error::Unreachable { host: self.name.clone(), cause: sqlx::Error::Io(cause) })
    }
}

/// Announces, when this transaction commits, that what servers keep at hand has changed. On SQLite other processes see by
/// themselves that something was written.
pub(super) async fn announce(db: &mut Db) -> Result<(), Error> {
    db.announces = true;
    match db.driver {
        Driver::Sqlite(_) => Ok(()),
        Driver::Postgres(_) => sql!("SELECT pg_notify($1, '')", CHANNEL).run(db).await.map(|_| ()),
    }
}

/// The host as it is called in messages.
fn name(host: &PgConnectOptions) -> String {
    match host.get_socket() {
        Some(folder) => format!("{}:{}", folder.display(), host.get_port()),
        None => format!("{}:{}", host.get_host(), host.get_port()),
    }
}
