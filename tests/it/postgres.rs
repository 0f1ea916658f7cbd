//! A PostgreSQL of a test's own, which it may stop, and a standby that may take its place.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

use crate::database::{Connection, Database};

/// A primary on a private port, gone when dropped.
pub struct Postgres {
    home: PathBuf,
    /// The primary.
    pub primary: Database,
    /// Where the standby is, which is not there from the start.
    standby_port: u16,
}

impl Postgres {
    /// Starts one that syncs its disk. There is at most one for each purpose and checkout.
    pub fn start(purpose: &str) -> Self {
        let mut checkout = DefaultHasher::new();
        env!("CARGO_MANIFEST_DIR").hash(&mut checkout);
        let home = std::env::temp_dir().join(format!("claviger-{purpose}-{:x}", checkout.finish()));
        let started = script(&home, &["start", "--durable"]);
        let url = started.trim().strip_prefix("export TEST_DATABASE=").unwrap().to_owned();
        let standby_port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { home, primary: Database { url }, standby_port }
    }

    /// Both hosts, as a configuration names them.
    pub fn both(&self) -> Database {
        let hosts = format!("127.0.0.1:{},", self.standby_port);
        Database { url: self.primary.url.replace("127.0.0.1:", &(hosts + "127.0.0.1:")) }
    }

    /// Throws everybody out, as a crash does, and is back when this returns.
    pub fn restart(&self) {
        self.script(&["restart"]);
    }

    /// Adds the standby.
    pub fn follow(&self) {
        self.script(&["standby", &self.standby_port.to_string()]);
    }

    /// Lets the standby, once it has all that the primary has, take writes.
    pub async fn promote(&self) {
        const BEHIND: &str = "pg_stat_replication WHERE replay_lsn IS DISTINCT FROM pg_current_wal_lsn()";
        let mut primary = self.primary.connect().await;
        while primary.count("pg_stat_replication").await == 0 || primary.count(BEHIND).await > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        self.script(&["promote"]);
    }

    /// Lets the primary take no writes, or take them again.
    pub async fn read_only(&self, is_read_only: bool) {
        let mut primary: Connection = self.primary.connect().await;
        let setting = if is_read_only { "on" } else { "off" };
        primary.run("SET default_transaction_read_only = off").await;
        primary.run(format!("ALTER SYSTEM SET default_transaction_read_only = {setting}")).await;
        primary.run("SELECT pg_reload_conf()").await;
    }

    fn script(&self, arguments: &[&str]) -> String {
        tokio::task::block_in_place(|| script(&self.home, arguments))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        script(&self.home, &["stop"]);
    }
}

fn script(home: &PathBuf, arguments: &[&str]) -> String {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/postgres");
    let output = Command::new(program).args(arguments).env("POSTGRES_HOME", home).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}
