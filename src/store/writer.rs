//! The one writer: requests that wait together share a transaction, and so a sync of the disk.
//!
//! A connection that saw any error is closed and never used again: after a full disk SQLite has already rolled
//! back, and what the driver believes about the transaction is wrong from then on.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt as _;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::{mpsc, oneshot};

use super::Error;
use super::sql::{Db, sql};

/// How many writes wait at most; beyond that they are refused.
const QUEUE: usize = 1024;

/// How many writes share a transaction at most.
const BATCH: usize = 64;

/// The way to the writer's thread.
#[derive(Clone)]
pub(super) struct Writer(mpsc::Sender<Message>);

enum Message {
    Write(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

/// A write that waits, with the way its answer goes.
trait Job: Send {
    /// Runs the statements; what they return is kept until [`Job::answer`].
    fn run<'a>(&'a mut self, db: &'a mut Db) -> Pin<Box<dyn Future<Output = Result<(), Error>> + 'a>>;

    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;

    /// Sends what `run` returned, or `error`.
    fn answer(self: Box<Self>, error: Option<Error>);
}

struct Work<F, T> {
    work: F,
    output: Option<T>,
    reply: oneshot::Sender<Result<T, Error>>,
}

impl<F, T> Job for Work<F, T>
where
    F: AsyncFn(&mut Db) -> Result<T, Error> + Send,
    T: Send,
{
    fn run<'a>(&'a mut self, db: &'a mut Db) -> Pin<Box<dyn Future<Output = Result<(), Error>> + 'a>> {
        Box::pin(async move {
            self.output = Some((self.work)(db).await?);
            Ok(())
        })
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn answer(self: Box<Self>, error: Option<Error>) {
        // Nobody waits any more when the request was dropped; what was written stays written.
        let _ = match (error, self.output) {
            (Some(error), _) => self.reply.send(Err(error)),
            (None, Some(output)) => self.reply.send(Ok(output)),
            (None, None) => self.reply.send(Err(Error::Closed)),
        };
    }
}

impl Writer {
    /// Starts the writer's thread over `connection`, which it replaces by `options` after a fault.
    pub(super) fn start(options: SqliteConnectOptions, connection: Db) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || runtime.block_on(serve(options, connection, receiver)))?;
        Ok(Self(sender))
    }

    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, Error>
    where
        F: AsyncFn(&mut Db) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.0.try_send(Message::Write(Box::new(Work { work, output: None, reply }))).map_err(|error| {
            match error {
                mpsc::error::TrySendError::Full(_) => Error::Overloaded,
                mpsc::error::TrySendError::Closed(_) => Error::Closed,
            }
        })?;
        answer.await.unwrap_or(Err(Error::Closed))
    }

    /// Waits until what was asked before is written, and ends the thread.
    pub(super) async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.0.send(Message::Close(reply)).await.is_ok() {
            let _ = closed.await;
        }
    }
}

async fn serve(options: SqliteConnectOptions, connection: Db, mut inbox: mpsc::Receiver<Message>) {
    let mut connection = Some(connection);
    while let Some(message) = inbox.recv().await {
        let mut batch = Vec::new();
        let mut closing = None;
        let mut next = Some(message);
        while let Some(message) = next {
            match message {
                Message::Write(job) => batch.push(job),
                Message::Close(reply) => closing = Some(reply),
            }
            next = if batch.len() < BATCH && closing.is_none() { inbox.try_recv().ok() } else { None };
        }

        commit(&options, &mut connection, batch).await;

        if let Some(reply) = closing {
            if let Some(connection) = connection {
                // Nothing is lost when this fails: all that was answered is durable.
                let _ = connection.close().await;
            }
            let _ = reply.send(());
            return;
        }
    }
}

/// Writes `batch` in one transaction; when one of several fails, each in its own. A request that was dropped while
/// it waited has not happened.
async fn commit(options: &SqliteConnectOptions, connection: &mut Option<Db>, mut batch: Vec<Box<dyn Job>>) {
    batch.retain(|job| !job.is_abandoned());
    if batch.is_empty() {
        return;
    }
    let Err(fault) = transact(options, connection, &mut batch).await else {
        return batch.into_iter().for_each(|job| job.answer(None));
    };
    if batch.len() == 1 || !fault.is_of_one {
        let error = Arc::new(fault.error);
        return batch.into_iter().for_each(|job| job.answer(Some(Error::Shared(error.clone()))));
    }
    for job in batch {
        let mut alone = [job];
        let error = transact(options, connection, &mut alone).await.err().map(|fault| fault.error);
        let [job] = alone;
        job.answer(error);
    }
}

struct Fault {
    error: Error,
    /// Whether a single write failed, so that the others may succeed without it.
    is_of_one: bool,
}

async fn transact(
    options: &SqliteConnectOptions,
    connection: &mut Option<Db>,
    batch: &mut [Box<dyn Job>],
) -> Result<(), Fault> {
    let of_all = |error: Error| Fault { error, is_of_one: false };

    // Taken out, and put back only when all went well.
    let mut db = match connection.take() {
        Some(db) => db,
        None => options.connect().await.map_err(|error| of_all(error.into()))?,
    };
    sql!("BEGIN IMMEDIATE").run(&mut db).await.map_err(of_all)?;
    for job in batch {
        // A job that panics loses its own answer and this connection, not the writer.
        let done = AssertUnwindSafe(job.run(&mut db)).catch_unwind().await.unwrap_or(Err(Error::Closed));
        done.map_err(|error| Fault { error, is_of_one: true })?;
    }
    sql!("COMMIT").run(&mut db).await.map_err(of_all)?;
    *connection = Some(db);
    Ok(())
}
