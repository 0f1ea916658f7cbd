//! An operator with a folder of their own, and the real binary.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::database::{Database, is_postgres};
use crate::server::{API, Answer, PASSWORD};

const BINARY: &str = env!("CARGO_BIN_EXE_claviger");

/// The smallest configuration, on any port.
pub const CONFIG: &str = "issuer = \"http://localhost:8080\"\nlisten = [\"127.0.0.1:0\"]\n";

/// An operator in a folder with a configuration.
pub struct Operator {
    folder: TempDir,
    /// Where the database is.
    pub database: Database,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Operator {
    /// On a fresh machine.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::new(&folder.path().join("data/claviger.db"));
        let operator = Self { folder, database };
        operator.write("claviger.toml", CONFIG);
        operator
    }

    /// With an API, a role for it, the user `alice` who has the role, and the public client `web`.
    pub fn settled() -> Self {
        let operator = Self::new();
        operator.does(&["api", "add", API, "--scope", "items:read items:write"]);
        operator.does(&["role", "add", "writer", "--scope", "items:read items:write"]);
        let alice = ["user", "add", "alice", "--password-stdin", "--role", "writer"];
        let added = operator.tries_with(&alice, &format!("{PASSWORD}\n"));
        assert_eq!(added.code, 0, "{added:?}");
        operator.does(&[
            "client",
            "add",
            "web",
            "--public",
            "--first-party",
            "--grant",
            "password refresh_token",
            "--scope",
            "items:read items:write profile",
        ]);
        operator
    }

    /// A database file is where the default configuration has it; PostgreSQL must be named.
    fn environment(&self) -> Option<(&'static str, &str)> {
        is_postgres().then_some(("CLAVIGER_DATABASE_URL", &*self.database.url))
    }

    /// A file of the folder.
    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of the folder.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Runs a command.
    pub fn tries(&self, arguments: &[&str]) -> Ended {
        self.tries_with(arguments, "")
    }

    /// Runs a command with this on its standard input.
    pub fn tries_with(&self, arguments: &[&str], stdin: &str) -> Ended {
        let mut command = assert_cmd::Command::new(BINARY);
        command.env_clear().envs(self.environment()).current_dir(self.folder.path()).args(arguments);
        command.write_stdin(stdin);
        let output = command.timeout(Duration::from_secs(30)).output().unwrap();
        Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs a command that must succeed.
    #[track_caller]
    pub fn does(&self, arguments: &[&str]) -> Ended {
        let ended = self.tries(arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {ended:?}");
        ended
    }

    /// The same with `--json`.
    #[track_caller]
    pub fn asks(&self, arguments: &[&str]) -> Value {
        let ended = self.does(&[arguments, &["--json"]].concat());
        serde_json::from_str(&ended.stdout).unwrap()
    }

    /// Runs a command that must fail with 1; what it tells.
    #[track_caller]
    pub fn is_told(&self, arguments: &[&str]) -> String {
        let ended = self.tries(arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{arguments:?}: {ended:?}");
        ended.stderr
    }

    /// The same of several commands, which must all tell the same.
    #[track_caller]
    pub fn is_told_alike(&self, commands: &[&[&str]]) -> String {
        let told: Vec<_> = commands.iter().map(|arguments| self.is_told(arguments)).collect();
        assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
        told.into_iter().next().unwrap()
    }

    /// Starts a command and lets it run.
    pub fn starts(&self, arguments: &[&str]) -> Child {
        let mut command = std::process::Command::new(BINARY);
        command.env_clear().envs(self.environment()).current_dir(self.folder.path()).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Starts the server and waits until it listens.
    pub fn serves(&self) -> Served {
        let mut child = self.starts(&["serve"]);
        let (sender, log) = mpsc::channel();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
        let mut served = Served { child, log, http, address: ([0; 4], 0).into() };
        served.address = served.logs("listening")["address"].as_str().unwrap().parse().unwrap();
        served
    }

    /// The sealing key of a generation.
    pub fn sealing_key(&self, generation: u32) -> std::path::PathBuf {
        self.path(&format!("keys/sealing-{generation}.key"))
    }

    /// Whether any file of the folder holds `text`.
    pub fn keeps(&self, text: &str) -> bool {
        fn holds(path: &Path, text: &[u8]) -> bool {
            if path.is_dir() {
                return std::fs::read_dir(path).unwrap().any(|entry| holds(&entry.unwrap().path(), text));
            }
            std::fs::read(path).unwrap().windows(text.len()).any(|window| window == text)
        }
        holds(self.folder.path(), text.as_bytes())
    }
}

/// A server in a process of its own; it is killed when this is dropped.
pub struct Served {
    child: Child,
    log: Receiver<String>,
    http: reqwest::Client,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Served {
    /// The next line of the log with this message in it.
    #[track_caller]
    pub fn logs(&self, message: &str) -> Value {
        loop {
            let line = self.log.recv_timeout(Duration::from_secs(20));
            let line = line.unwrap_or_else(|_| panic!("`{message}` is not logged"));
            let event: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
            if event["message"].as_str().unwrap().contains(message) {
                return event;
            }
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end.
    pub async fn ends(&mut self) -> ExitStatus {
        for _ in 0..1000 {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the server does not end");
    }

    /// A request to `path`.
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method.parse().unwrap(), format!("http://{}{path}", self.address))
    }

    /// Alice asks for a token through `web`.
    pub async fn password(&self) -> Answer {
        let form = [("grant_type", "password"), ("username", "alice"), ("password", PASSWORD)];
        Answer::of(self.request("POST", "/token").form(&[&form[..], &[("client_id", "web")]].concat())).await
    }

    /// The profile of whom `token` acts for.
    pub async fn me(&self, token: &str) -> Answer {
        Answer::of(self.request("GET", "/users/me").bearer_auth(token)).await
    }

    /// The key ids of the JWKS.
    pub async fn kids(&self) -> Vec<String> {
        let jwks = Answer::of(self.request("GET", "/.well-known/jwks.json")).await.body;
        jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until `condition` holds, for at most a second.
    pub async fn within_a_second(&self, what: &str, mut condition: impl AsyncFnMut(&Self) -> bool) {
        let holds = async {
            while !condition(self).await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let held = tokio::time::timeout(Duration::from_secs(1), holds).await;
        held.unwrap_or_else(|_| panic!("it did not come about that {what}"));
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
