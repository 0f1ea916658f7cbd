//! A throwaway Redis of Debian's package, on a private port.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use rustix::process::{Pid, Signal, kill_process};

/// The password of every throwaway Redis.
pub const PASSWORD: &str = "hunter2-of-redis";

/// A Redis that keeps nothing on the disk, killed when dropped.
pub struct Redis {
    port: u16,
    process: Child,
}

impl Redis {
    /// Starts one and waits until it answers.
    pub async fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let redis = Self { port, process: spawn(port) };
        redis.connect().await;
        redis
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        // It may be dead already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Starts it again where it was, with nothing in it.
    pub async fn start_again(&mut self) {
        self.process = spawn(self.port);
        self.connect().await;
    }

    /// SIGSTOP, or SIGCONT: it hears, and does not answer.
    pub fn freeze(&self, frozen: bool) {
        let signal = if frozen { Signal::STOP } else { Signal::CONT };
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    /// Its URL with `password`.
    pub fn url(&self, password: &str) -> String {
        format!("redis://:{password}@127.0.0.1:{}", self.port)
    }

    /// The configuration of a server that shares its limits through it.
    pub fn settings(&self) -> String {
        format!("[limits]\nshared = \"{}\"", self.url(PASSWORD))
    }

    /// A connection to it, once it answers.
    pub async fn connect(&self) -> MultiplexedConnection {
        let client = redis::Client::open(self.url(PASSWORD)).unwrap();
        for _ in 0..500 {
            if let Ok(connection) = client.get_multiplexed_async_connection().await {
                return connection;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("Redis did not start within five seconds");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(port: u16) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--requirepass", PASSWORD]);
    command.args(["--save", "", "--appendonly", "no", "--dir", "/tmp"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap_or_else(|error| {
        panic!("`redis-server` cannot be run: {error}\nhint: run `scripts/install redis`, or `apt-get install redis-server` as root")
    })
}
