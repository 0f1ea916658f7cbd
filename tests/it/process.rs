//! The real binary as a process of its own, which can be killed.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use claviger::clock::Clock;
use claviger::config::Config;
use claviger::vault::Vault;

use crate::database::Database;

/// A place for a server: a folder, a configuration and an address.
pub struct Place {
    /// Goes away with this.
    _folder: tempfile::TempDir,
    /// The configuration file.
    pub file: PathBuf,
    /// Where the server listens.
    pub address: SocketAddr,
}

impl Place {
    /// A place with `settings` in its configuration.
    pub fn new(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let file = folder.path().join("claviger.toml");
        let path = folder.path().display();
        let url = Database::new(&folder.path().join("claviger.db")).url;
        let text = format!(
            "issuer = \"http://{address}\"\nlisten = [\"{address}\"]\n[database]\nurl = \"{url}\"\n\
             [keys]\ndirectory = \"{path}/keys\"\n{settings}"
        );
        std::fs::write(&file, text).unwrap();
        Self { _folder: folder, file, address }
    }

    /// The configuration.
    pub fn config(&self) -> Config {
        std::fs::read_to_string(&self.file).unwrap().parse().unwrap()
    }

    /// The database, for administration beside the server.
    pub async fn vault(&self) -> Vault {
        Vault::open(&self.config(), Clock::system()).await.unwrap()
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

    /// Whether the server answers.
    pub async fn is_healthy(&self) -> bool {
        tokio::net::TcpStream::connect(self.address).await.is_ok()
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
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
