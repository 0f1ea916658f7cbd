//! The hashing queue: threads of its own, so that sign-ins starve nothing else.
//!
//! One thread fewer than there are cores, of lower priority, and 16 places in the queue for each; who finds
//! no place is told so at once. A place belongs to the job and not to the request: a request that is
//! dropped leaves its job to run to the end, so hanging up makes no room for more.

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{FLOOR, PasswordHash, Verdict};
use crate::protocol::{Error, Secret};
use crate::random::Random;

/// Places in the queue for each thread: about a second's work.
const PLACES: usize = 16;

/// Why there is no answer now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Busy {
    /// Every place is taken.
    #[error("the hashing queue is full")]
    Full,
    /// The job panicked.
    #[error("the hashing job broke off")]
    BrokenOff,
}

impl From<Busy> for Error {
    fn from(busy: Busy) -> Self {
        Self::unavailable(1).because(busy)
    }
}

/// Hashes and verifies passwords. Clones share the queue; when the last one is gone, the threads end after
/// the jobs that they have taken.
#[derive(Clone)]
pub struct Hasher {
    queue: Sender<Job>,
    places: Arc<Semaphore>,
    runs: Arc<AtomicU64>,
    rounds: u32,
    random: Random,
}

/// A place in the queue, to be taken before anything is done for an attempt.
pub struct Place {
    hasher: Hasher,
    permit: OwnedSemaphorePermit,
}

type Job = Box<dyn FnOnce() + Send>;

impl Hasher {
    /// Starts `workers` threads, by default one fewer than there are cores, which make hashes of `rounds`
    /// rounds or [`FLOOR`] if that is more. Fails when the system gives no threads.
    pub fn start(workers: Option<usize>, rounds: u32, random: Random) -> std::io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let workers = workers.unwrap_or(cores - 1).max(1);
        let (queue, jobs) = channel();
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..workers {
            let jobs = jobs.clone();
            thread::Builder::new().name("hasher".to_owned()).spawn(move || work(&jobs))?;
        }
        // Besides those that wait, one for each thread is under way.
        let places = Arc::new(Semaphore::new(workers * (PLACES + 1)));
        Ok(Self { queue, places, runs: Arc::default(), rounds: rounds.max(FLOOR), random })
    }

    /// Takes a place, if there is one.
    pub fn enter(&self) -> Result<Place, Busy> {
        let permit = self.places.clone().try_acquire_owned().map_err(|_| Busy::Full)?;
        Ok(Place { hasher: self.clone(), permit })
    }

    /// Hashes `password`, which the [`policy`](super::policy) has passed or which has just been verified.
    pub async fn hash(&self, password: Secret<String>) -> Result<PasswordHash, Busy> {
        let (rounds, random) = (self.rounds, self.random.clone());
        self.enter()?.run(move || PasswordHash::new(&password, rounds, &random)).await
    }

    /// How many derivations were done so far.
    pub fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }
}

impl Place {
    /// Judges `password` by `hash`, as [`verify`](super::verify) does: one derivation, whatever the outcome.
    pub async fn verify(self, password: Secret<String>, hash: Option<PasswordHash>) -> Result<Verdict, Busy> {
        let rounds = self.hasher.rounds;
        self.run(move || super::verify(&password, hash.as_ref(), rounds)).await
    }

    async fn run<T: Send + 'static>(
        self,
        derivation: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let (answer, answered) = oneshot::channel();
        let Self { hasher: Hasher { queue, runs, .. }, permit } = self;
        let job = move || {
            let outcome = derivation();
            runs.fetch_add(1, Ordering::Relaxed);
            drop(permit);
            // Whoever asked may have hung up meanwhile.
            let _ = answer.send(outcome);
        };
        queue.send(Box::new(job)).expect("threads outlive every handle");
        answered.await.map_err(|_| Busy::BrokenOff)
    }
}

/// What a thread does until no handle is left.
fn work(jobs: &Mutex<Receiver<Job>>) {
    yield_to_others();
    let next = || jobs.lock().expect("receiving does not panic").recv();
    while let Ok(job) = next() {
        // Who waits for a job that panicked is told that there is no answer; the thread goes on.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

/// Lowers the priority of this thread alone: a nice value of 5 leaves it a quarter of a contended core. Who
/// may not do even that hashes at full priority.
#[cfg(target_os = "linux")]
fn yield_to_others() {
    let _ = rustix::process::nice(5);
}

/// Elsewhere `nice` means the whole process.
#[cfg(not(target_os = "linux"))]
fn yield_to_others() {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn hasher(workers: usize) -> Hasher {
        Hasher::start(Some(workers), FLOOR, Random::system().unwrap()).unwrap()
    }

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    /// Holds one thread until the sender is dropped.
    async fn hold(hasher: &Hasher) -> std::sync::mpsc::Sender<()> {
        let (release, released) = channel::<()>();
        let (begun, begins) = oneshot::channel();
        let hasher = hasher.clone();
        tokio::spawn(async move {
            let wait = move || {
                begun.send(()).unwrap();
                let _ = released.recv();
            };
            hasher.enter().unwrap().run(wait).await
        });
        begins.await.unwrap();
        release
    }

    #[tokio::test]
    async fn every_attempt_costs_one_run_whatever_its_outcome() {
        let hasher = hasher(1);
        let hash = hasher.hash(secret("tuba lemon cactus")).await.unwrap();
        let weak =
            "$pbkdf2-sha256$8000$XAuBMIYQQogxRg$tRRlz8hYn63B9LYiCd6PRo6FMiunY9ozmMMI3srxeRE".parse().unwrap();
        let nul = "tuba lemon cactus\0".to_owned();
        for (password, hash, verdict) in [
            ("tuba lemon cactus".to_owned(), Some(hash.clone()), Verdict::Right { weaker: false }),
            ("password".to_owned(), Some(weak), Verdict::Right { weaker: true }),
            ("tuba lemon cactu".to_owned(), Some(hash.clone()), Verdict::Wrong),
            ("tuba lemon cactus".to_owned(), None, Verdict::Wrong),
            (String::new(), Some(hash.clone()), Verdict::Wrong),
            (nul, Some(hash.clone()), Verdict::Wrong),
            ("a".repeat(1_025), Some(hash), Verdict::Wrong),
        ] {
            let before = hasher.runs();
            assert_eq!(hasher.enter().unwrap().verify(Secret::new(password), hash).await, Ok(verdict));
            assert_eq!(hasher.runs(), before + 1);
        }
    }

    #[tokio::test]
    async fn who_finds_no_place_is_told_at_once() {
        let hasher = hasher(1);
        let release = hold(&hasher).await;
        let waiting: Vec<_> = (0..PLACES).map(|_| tokio::spawn(hasher.enter().unwrap().run(|| ()))).collect();
        tokio::task::yield_now().await;

        assert!(hasher.enter().is_err());
        assert_eq!(hasher.runs(), 0);
        drop(release);
        for place in waiting {
            place.await.unwrap().unwrap();
        }
        assert_eq!(hasher.enter().unwrap().verify(secret("x"), None).await, Ok(Verdict::Wrong));
    }

    #[tokio::test]
    async fn hanging_up_makes_no_room() {
        let hasher = hasher(1);
        let release = hold(&hasher).await;
        for _ in 0..PLACES {
            let dropped = tokio::time::timeout(Duration::ZERO, hasher.enter().unwrap().run(|| ())).await;
            assert!(dropped.is_err());
        }
        assert!(hasher.enter().is_err());
        drop(release);
        while hasher.runs() < 1 + PLACES as u64 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn a_job_that_panics_leaves_the_thread_for_the_next() {
        let hasher = hasher(1);
        let broken = hasher.enter().unwrap().run(|| -> () { panic!("on purpose") }).await;
        assert_eq!(broken, Err(Busy::BrokenOff));
        assert_eq!(hasher.enter().unwrap().run(|| 1).await, Ok(1));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn hashing_threads_alone_have_a_lower_priority() {
        let nice = || rustix::process::getpriority_process(None).unwrap();
        let ours = nice();
        assert_eq!(hasher(1).enter().unwrap().run(nice).await, Ok((ours + 5).min(19)));
        assert_eq!(nice(), ours);
    }

    #[test]
    fn a_thread_ends_with_the_last_handle_and_after_the_last_job() {
        let (queue, jobs) = channel::<Job>();
        let (done, dones) = channel();
        queue.send(Box::new(move || done.send(()).unwrap())).unwrap();
        drop(queue);
        thread::spawn(move || work(&Mutex::new(jobs))).join().unwrap();
        assert_eq!(dones.recv(), Ok(()));
    }
}
