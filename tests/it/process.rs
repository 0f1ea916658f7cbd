//! The real binary as a process of its own, which can be killed or frozen, and what its clients ask.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use claviger::admin;
use claviger::clock::Clock;
use claviger::config::Config;
use claviger::protocol::Secret;
use claviger::vault::Vault;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::database::Database;
use crate::server::{API, PASSWORD, description};

/// A place for a server: a folder, a configuration and an address.
pub struct Place {
    /// Goes away with the last place in it.
    folder: Arc<TempDir>,
    /// The configuration file.
    pub file: PathBuf,
    /// Where the server listens.
    pub address: SocketAddr,
}

impl Place {
    /// A place with `settings` in its configuration, and a database of its own.
    pub fn new(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::new(&folder.path().join("claviger.db"));
        Self::on(folder, &database, settings)
    }

    /// The same, in a folder and on a database that are there.
    pub fn on(folder: TempDir, Database { url }: &Database, settings: &str) -> Self {
        let (folder, address) = (Arc::new(folder), free_address());
        let file = folder.path().join("claviger.toml");
        let path = folder.path().display();
        let text = format!(
            "issuer = \"http://{address}\"\nlisten = [\"{address}\"]\n[database]\nurl = \"{url}\"\n\
             [keys]\ndirectory = \"{path}/keys\"\n{settings}"
        );
        std::fs::write(&file, text).unwrap();
        Self { folder, file, address }
    }

    /// A place for another node of the same issuer.
    pub fn another(&self) -> Self {
        let address = free_address();
        let file = self.folder.path().join(format!("{}.toml", address.port()));
        let text = std::fs::read_to_string(&self.file).unwrap();
        let listen = |address| format!("listen = [\"{address}\"]");
        std::fs::write(&file, text.replace(&listen(self.address), &listen(address))).unwrap();
        Self { folder: self.folder.clone(), file, address }
    }

    /// The configuration.
    pub fn config(&self) -> Config {
        std::fs::read_to_string(&self.file).unwrap().parse().unwrap()
    }

    /// The database, for administration beside the server.
    pub async fn vault(&self) -> Vault {
        Vault::open(&self.config(), Clock::system()).await.unwrap()
    }

    /// Adds an API, the public client `web`, and the user `alice`, to the database.
    pub async fn populate(&self) {
        let (vault, config) = (self.vault().await, self.config());
        let scopes = [("items:read".parse().unwrap(), None), ("items:write".parse().unwrap(), None)].into();
        admin::api::add(&vault, API.parse().unwrap(), scopes, None).await.unwrap();
        admin::client::add(&vault, description("web"), None).await.unwrap();
        let rules = admin::user::PasswordRules { issuer: &config.issuer, rounds: config.passwords.rounds };
        let username = "alice".parse().unwrap();
        let alice = admin::user::Description { username, email: None, full_name: None, roles: Vec::new() };
        admin::user::add(&vault, rules, alice, Secret::new(PASSWORD.to_owned())).await.unwrap();
        vault.store.close().await;
    }

    /// The API of the server here.
    pub fn api(&self, http: reqwest::Client) -> Api {
        Api { http, url: format!("http://{}", self.address) }
    }

    /// Starts a server here and waits until it serves.
    pub async fn start(&self) -> Process {
        self.serving(self.command()).await
    }

    /// Starts a server in a shell that has run `preparation`.
    pub async fn start_by(&self, preparation: &str) -> Process {
        let server = self.command();
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("{preparation}; exec \"$@\""), "sh"])
            .arg(server.get_program())
            .args(server.get_args());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.serving(command).await
    }

    async fn serving(&self, mut command: Command) -> Process {
        let process = Process(command.spawn().unwrap());
        for _ in 0..6000 {
            if self.is_healthy().await {
                return process;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the server did not start within thirty seconds");
    }

    /// The command that starts a server here.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_claviger"));
        command.arg("--config").arg(&self.file).arg("serve");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Whether the server answers; it listens a while before.
    pub async fn is_healthy(&self) -> bool {
        let answer = reqwest::get(format!("http://{}/healthz", self.address)).await;
        answer.is_ok_and(|answer| answer.status() == 200)
    }
}

/// A running server, killed when dropped.
pub struct Process(pub Child);

impl Process {
    /// SIGKILL.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// SIGSTOP, or SIGCONT: it hears, and does not answer.
    pub fn freeze(&self, frozen: bool) {
        let signal = if frozen { Signal::STOP } else { Signal::CONT };
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server as its clients see it, when it may not answer.
#[derive(Clone)]
pub struct Api {
    /// What asks.
    pub http: reqwest::Client,
    /// Its URL.
    pub url: String,
}

impl Api {
    /// Posts a form; `None` when no answer came.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Option<(u16, Value)> {
        answer(self.http.post(format!("{}{path}", self.url)).form(form)).await
    }

    /// Reads `path`; `None` when no answer came.
    pub async fn get(&self, path: &str) -> Option<(u16, Value)> {
        answer(self.http.get(format!("{}{path}", self.url))).await
    }

    /// Asks for a token by a refresh token of the client `web`.
    pub async fn refresh(&self, token: &str) -> Option<(u16, Value)> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "web")];
        self.post("/token", &form).await
    }

    /// A refresh token for `alice`.
    pub async fn sign_in(&self) -> String {
        let form =
            [("grant_type", "password"), ("username", "alice"), ("password", PASSWORD), ("client_id", "web")];
        let (_, body) = self.post("/token", &form).await.unwrap();
        body["refresh_token"].as_str().unwrap().to_owned()
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Option<(u16, Value)> {
    let response = request.send().await.ok()?;
    let status = response.status().as_u16();
    let body = response.bytes().await.ok()?;
    Some((status, serde_json::from_slice(&body).unwrap_or_default()))
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
