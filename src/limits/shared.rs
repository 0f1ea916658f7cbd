//! The buckets of all nodes together, in Redis.
//!
//! An attempt is one question, decided by one script ([GCRA]), on a connection that all questions share. One
//! that fails or takes too long ends the connection: from then on nothing waits for Redis, until [`Shared::keep`]
//! has found it again. Time is the real world's here, not that of our clock: Redis goes by its own.
//!
//! Redis learns neither names nor addresses, only their keyed hashes.
//!
//! [GCRA]: https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, Script};
use tokio::time::{sleep, timeout};

use super::{Bucket, Quotas, Refused};
use crate::config::RedisUrl;

/// How long an attempt waits for Redis.
const PATIENCE: Duration = Duration::from_millis(100);

/// How long a new connection may take, and how long after it the next is tried.
const PAUSE: Duration = Duration::from_secs(1);

/// The limits as Redis has them.
pub(super) struct Shared {
    quotas: Quotas,
    url: RedisUrl,
    client: Client,
    script: Script,
    /// Begins every key: `claviger` and the hash of the issuer.
    prefix: String,
    /// None while Redis is away.
    connection: ArcSwapOption<MultiplexedConnection>,
}

/// Why Redis counts as away.
#[derive(Debug, thiserror::Error)]
enum Away {
    #[error("it does not answer within {} ms", PATIENCE.as_millis())]
    Slow,
    #[error(transparent)]
    Failed(#[from] RedisError),
}

impl Shared {
    /// The limits of `installation`, of which all nodes have the same hash; tries to connect once.
    pub(super) async fn open(quotas: Quotas, url: &RedisUrl, installation: u64) -> Self {
        let shared = Self {
            quotas,
            url: url.clone(),
            client: url.client(),
            script: Script::new(include_str!("shared.lua")),
            prefix: format!("claviger:{installation:016x}"),
            connection: ArcSwapOption::empty(),
        };
        if let Err(error) = shared.connect().await {
            shared.warn(&error);
        }
        shared
    }

    /// Takes from each of `buckets` or from none; `None` if Redis is away.
    pub(super) async fn admit(&self, buckets: &[Bucket]) -> Option<Result<(), Refused>> {
        let connection = self.connection.load_full()?;
        let keys = buckets.iter().map(|(tier, key)| {
            (format!("{}:{}:{key:016x}", self.prefix, tier.as_str()), self.quotas.of(*tier))
        });
        match self.ask(&connection, keys).await {
            Ok(None) => Some(Ok(())),
            Ok(Some((at, wait))) => {
                let retry_after = wait.div_ceil(1_000_000).max(1);
                Some(Err(Refused { tier: buckets[at].0, retry_after }))
            }
            Err(error) => {
                let last = self.connection.compare_and_swap(&connection, None);
                // Of all whose question fails, the first one says so.
                if last.as_ref().is_some_and(|last| Arc::ptr_eq(last, &connection)) {
                    self.warn(&error);
                }
                None
            }
        }
    }

    /// Connects again, for ever, whenever Redis is away.
    pub(super) async fn keep(&self) {
        loop {
            if self.connection.load().is_none()
                && let Err(error) = self.connect().await
            {
                tracing::debug!(redis = %self.url, %error, "Redis is still away");
            }
            sleep(PAUSE).await;
        }
    }

    /// Connects, and sees that Redis counts: that it takes the script, and writes.
    async fn connect(&self) -> Result<(), Away> {
        let patience = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let connection = self.client.get_multiplexed_async_connection_with_config(&patience);
        let connection = Arc::new(timeout(PAUSE, connection).await.map_err(|_| Away::Slow)??);
        let probe = (format!("{}:probe", self.prefix), NonZeroU32::MAX);
        self.ask(&connection, [probe]).await?;
        self.connection.store(Some(connection));
        tracing::info!(redis = %self.url, "login limits are shared");
        Ok(())
    }

    /// Asks for one of each of these buckets, whose quotas stand beside them: the index of the one that refuses and
    /// the wait in microseconds, or nothing.
    async fn ask(
        &self,
        connection: &MultiplexedConnection,
        buckets: impl IntoIterator<Item = (String, NonZeroU32)>,
    ) -> Result<Option<(usize, u64)>, Away> {
        let mut question = self.script.prepare_invoke();
        for (key, quota) in buckets {
            question.key(key).arg(quota.get());
        }
        let mut connection = connection.clone();
        let answer = question.invoke_async::<(usize, u64)>(&mut connection);
        let (at, wait) = timeout(PATIENCE, answer).await.map_err(|_| Away::Slow)??;
        Ok(at.checked_sub(1).map(|at| (at, wait)))
    }

    fn warn(&self, error: &Away) {
        tracing::warn!(redis = %self.url, %error, "login limits are not shared until Redis is back; each node has its own");
    }
}
