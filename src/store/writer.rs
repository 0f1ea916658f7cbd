//! The writer: a thread on which every write runs, each in a transaction.
//!
//! SQLite has one connection that writes; requests that wait together share a transaction, and so a sync of the
//! disk. On PostgreSQL several write at the same time, each in a transaction of its own, and the server shares
//! syncs among them.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::LocalSet;
use tokio::time::Instant;

use super::Error;
use super::db::Db;
use super::lately::Lately;
use super::pool::Pool;

/// How many writes wait at most; beyond that they are refused.
const QUEUE: usize = 1024;

/// How long a write waits until it is begun; it is refused then, while its client still waits. A time of the
/// real world, whatever the server's clock says.
const WAIT: Duration = Duration::from_secs(5);

/// How many writes share a transaction of SQLite at most.
const BATCH: usize = 64;

/// How often a transaction is tried that had to give way to another.
const ATTEMPTS: usize = 5;

/// The way to the writer's thread.
#[derive(Clone)]
pub(super) struct Writer(mpsc::Sender<Message>);

enum Message {
    Write(Box<dyn Job>, Instant),
    Close(oneshot::Sender<()>),
}

/// A write that waits, with the way its answer goes.
trait Job: Send {
    /// Runs the statements; what they return is kept until [`Job::answer`].
    fn run<'a>(&'a mut self, db: &'a mut Db) -> Pin<Box<dyn Future<Output = Result<(), Error>> + 'a>>;

    /// Whether nobody waits for it any more.
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
    /// Starts the writer's thread over `pool`, which lets `lately` forget what it changes.
    pub(super) fn start(pool: Pool, lately: Arc<Lately>) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = match &pool {
            // Without sockets to look at, a thread that waits is woken at a third of the cost.
            Pool::Sqlite(_) => runtime.enable_time().build()?,
            Pool::Postgres(_) => runtime.enable_all().build()?,
        };
        std::thread::Builder::new().name("writer".to_owned()).spawn(move || {
            let_others_go_on();
            LocalSet::new().block_on(&runtime, serve(pool, lately, receiver));
        })?;
        Ok(Self(sender))
    }

    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, Error>
    where
        F: AsyncFn(&mut Db) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Work { work, output: None, reply });
        self.0.try_send(Message::Write(job, Instant::now())).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Error::Overloaded,
            mpsc::error::TrySendError::Closed(_) => Error::Closed,
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

/// Has this thread wait for a processor when it is woken, in place of whoever works there (`SCHED_BATCH`, sched(7)): what
/// they are about to write shares its next transaction, and SQLite's thread is not stopped by its own answer.
fn let_others_go_on() {
    let batch = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Batch);
    // A priority comes with it, which only a privileged process may raise; what it was is put back.
    let nice = rustix::process::getpriority_process(None);
    let _ = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Max, batch);
    let _ = nice.and_then(|nice| rustix::process::setpriority_process(None, nice));
}

async fn serve(pool: Pool, lately: Arc<Lately>, mut inbox: mpsc::Receiver<Message>) {
    let (limit, at_once) = match pool {
        Pool::Sqlite(_) => (BATCH, 1),
        Pool::Postgres(_) => (1, pool.size()),
    };
    let pool = Rc::new(pool);
    let places = Arc::new(Semaphore::new(at_once as usize));
    while let Some(message) = inbox.recv().await {
        // What comes while all places are taken shares the next transaction.
        let place = places.clone().acquire_owned().await.expect("the places are never closed");
        let mut batch = Vec::new();
        let mut closing = None;
        let mut next = Some(message);
        while let Some(message) = next {
            match message {
                // What nobody waits for any more has not happened.
                Message::Write(job, _) if job.is_abandoned() => {}
                Message::Write(job, asked) if asked.elapsed() > WAIT => job.answer(Some(Error::Overloaded)),
                Message::Write(job, _) => batch.push(job),
                Message::Close(reply) => closing = Some(reply),
            }
            next = if batch.len() < limit && closing.is_none() { inbox.try_recv().ok() } else { None };
        }

        let pool = pool.clone();
        let written = tokio::task::spawn_local({
            let (pool, lately) = (pool.clone(), lately.clone());
            async move {
                commit(&pool, &lately, batch).await;
                drop(place);
            }
        });

        if let Some(reply) = closing {
            // Nothing is lost when this fails: all that was answered is durable.
            let _ = written.await;
            let _ = places.acquire_many(at_once).await;
            pool.close().await;
            let _ = reply.send(());
            return;
        }
    }
}

/// Writes `batch` in one transaction; when one of several fails, each in its own.
async fn commit(pool: &Pool, lately: &Lately, mut batch: Vec<Box<dyn Job>>) {
    let Err(fault) = persist(pool, lately, &mut batch).await else {
        return batch.into_iter().for_each(|job| job.answer(None));
    };
    if batch.len() == 1 || !fault.is_of_one {
        let error = Arc::new(fault.error);
        return batch.into_iter().for_each(|job| job.answer(Some(Error::Shared(error.clone()))));
    }
    for job in batch {
        let mut alone = [job];
        let error = persist(pool, lately, &mut alone).await.err().map(|fault| fault.error);
        let [job] = alone;
        job.answer(error);
    }
}

struct Fault {
    error: Error,
    /// Whether a single write failed, so that the others may succeed without it.
    is_of_one: bool,
}

/// Writes `batch` in one transaction, again when it had to give way to another.
async fn persist(pool: &Pool, lately: &Lately, batch: &mut [Box<dyn Job>]) -> Result<(), Fault> {
    let mut attempt = 1;
    loop {
        match transact(pool, lately, batch).await {
            Err(fault) if fault.error.gave_way() && attempt < ATTEMPTS => attempt += 1,
            result => return result,
        }
    }
}

async fn transact(pool: &Pool, lately: &Lately, batch: &mut [Box<dyn Job>]) -> Result<(), Fault> {
    let of_all = |error: Error| Fault { error, is_of_one: false };

    if batch.is_empty() {
        return Ok(());
    }
    let mut db = pool.begin().await.map_err(of_all)?;
    if let Err(error) = run(&mut db, batch).await {
        if matches!(error, Error::Overtaken) {
            // Nothing is wrong with the connection; when this fails it is closed.
            let _ = db.roll_back().await;
        }
        return Err(Fault { error, is_of_one: true });
    }
    let committed = db.commit().await.map_err(of_all);
    // Also when it failed: the answer may have been lost after the commit.
    if db.changes_what_was_read {
        lately.forget();
    }
    if db.announces {
        lately.announce();
    }
    committed
}

/// Runs the statements of `batch`, but for the commit.
async fn run(db: &mut Db, batch: &mut [Box<dyn Job>]) -> Result<(), Error> {
    for job in batch {
        // A job that panics loses its own answer and this connection, not the writer.
        AssertUnwindSafe(job.run(db)).catch_unwind().await.unwrap_or(Err(Error::Closed))?;
    }
    db.send_waiting().await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fields of `/proc/thread-self/stat` after the name (proc(5)): `nice` and `policy`.
    fn nice_and_policy() -> (String, String) {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let fields: Vec<_> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        (fields[16].to_owned(), fields[38].to_owned())
    }

    #[test]
    fn a_thread_that_lets_others_go_on_keeps_its_share() {
        let (before, after) = std::thread::spawn(|| {
            let before = nice_and_policy();
            let_others_go_on();
            (before, nice_and_policy())
        })
        .join()
        .unwrap();
        assert_eq!((before.0.as_str(), before.1.as_str()), (after.0.as_str(), "0"));
        assert_eq!(after.1, "3");
    }
}
