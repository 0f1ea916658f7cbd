//! The schema while it changes: a release on the schema of the next one, and a migration that does not come to its end.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use claviger::config::Config;
use claviger::store::{Options, Pending, Store};
use claviger::vault::store_options;
use claviger::{admin, rotate};
use tempfile::TempDir;

use crate::database::{Connection, Database};
use crate::server::{API, START, Server};

/// What the next release may do to a schema that this one works on: it adds a table, columns, and an index to every
/// table that there is.
fn expansion(tables: &[String]) -> String {
    let mut sql = "CREATE TABLE next (id TEXT PRIMARY KEY);".to_owned();
    for table in tables {
        sql += &format!(
            "ALTER TABLE {table} ADD COLUMN next TEXT;
             ALTER TABLE {table} ADD COLUMN next_default BIGINT NOT NULL DEFAULT 0;
             CREATE INDEX {table}_by_next ON {table} (next, next_default);"
        );
    }
    sql + "INSERT INTO schema_versions (version, name, oldest, applied_at) VALUES (99, 'next', 1, 0)"
}

#[tokio::test]
async fn a_release_runs_on_the_schema_of_the_next() {
    let server = Server::start().await;
    main_job(&server, "before").await;

    let mut database = server.database().await;
    let tables = database.tables().await;
    database.run(expansion(&tables)).await;
    main_job(&server, "meanwhile").await;

    let server = server.restart().await;
    main_job(&server, "after").await;
}

/// Everything that a server and its operator do, with names that begin with `round`.
async fn main_job(server: &Server, round: &str) {
    let (web, user) = (server.client(&format!("{round}-web")).await, server.user(round).await);
    let api = server.confidential(&format!("{round}-api")).await;
    let name = user.name.parse().unwrap();

    let first = web.password(&user, "items:read profile").await;
    let second = web.refresh(&first).await;
    assert_eq!(web.try_refresh(&first).await.text("refresh_token"), second.text("refresh_token"));
    assert_eq!(api.post("/token", &[("grant_type", "client_credentials")]).await.status, 200);
    let own = api.password(&user, "items:read").await;
    assert_eq!(api.introspect(&own.access_token()).await["active"], true);
    assert_eq!(api.post("/revoke", &[("token", &own.text("refresh_token"))]).await.status, 200);
    assert_eq!(api.try_refresh(&own).await.error(), "invalid_grant");

    rotate::request(&server.app, 2048, true).await.unwrap();
    server
        .until("the new key signs", async |_| {
            web.refresh(&second).await.header()["kid"] != first.header()["kid"]
        })
        .await;

    server.change_roles(&user, &["reader"], &["writer"]).await;
    server.set_password(&user, "another-gravel-otter-plinth").await;
    assert_eq!(web.try_refresh(&second).await.error(), "invalid_grant");
    assert_eq!(
        web.try_password(&user, "not-a-password-of-anybody", "profile").await.error(),
        "invalid_grant"
    );
    admin::user::disable(&server.app, &name).await.unwrap();
    admin::user::enable(&server.app, &name).await.unwrap();
    admin::client::disable(&server.app, &api.id.parse().unwrap()).await.unwrap();
    admin::client::remove(&server.app, &web.id.parse().unwrap()).await.unwrap();
    admin::user::remove(&server.app, &name).await.unwrap();
    assert!(admin::api::find(&server.app, &API.parse().unwrap()).await.is_ok());
    assert_eq!(server.get("/readyz").await.status, 200);
}

/// A database with nothing in it, and the configuration that names it.
struct Empty {
    folder: TempDir,
    database: Database,
    options: Options,
}

impl Empty {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("claviger.db");
        std::fs::File::create(&file).unwrap();
        let database = Database::new(&file);
        let text = format!("issuer = \"http://localhost\"\n[database]\nurl = \"{}\"\n", database.url);
        std::fs::write(folder.path().join("claviger.toml"), &text).unwrap();
        let options = store_options(&text.parse::<Config>().unwrap());
        Self { folder, database, options }
    }

    async fn tables(&self) -> Vec<String> {
        self.database.connect().await.tables().await
    }

    /// What has not been done, by number.
    async fn pending(&self) -> Vec<i64> {
        self.options.pending().await.unwrap().iter().map(|step| step.version).collect()
    }

    async fn open(&self) -> Result<(), claviger::store::Error> {
        Store::open(&self.options, START).await?.close().await;
        Ok(())
    }
}

/// What makes one statement fail: something of the name that it would make is there already.
struct Obstacle {
    put: String,
    take: String,
}

/// An obstacle for each of `statements`.
fn obstacles(statements: &str) -> Vec<Obstacle> {
    let is_first = |line: &&str| line.starts_with(|c: char| c.is_ascii_uppercase());
    let obstacle = |line: &str| match line.split_whitespace().collect::<Vec<_>>()[..] {
        ["CREATE", "TABLE" | "INDEX", name, ..] => Obstacle {
            put: format!("CREATE TABLE {name} (obstacle BIGINT)"),
            take: format!("DROP TABLE {name}"),
        },
        ["ALTER", "TABLE", table, "ADD", "COLUMN", name, ..] => Obstacle {
            put: format!("ALTER TABLE {table} ADD COLUMN {name} BIGINT"),
            take: format!("ALTER TABLE {table} DROP COLUMN {name}"),
        },
        _ => panic!("what makes this fail? {line}"),
    };
    statements.lines().filter(is_first).map(obstacle).collect()
}

/// R2, R6.
#[tokio::test]
async fn a_step_that_fails_at_any_of_its_statements_was_not_begun() {
    let steps = Empty::new().options.pending().await.unwrap();
    for (index, step) in steps.iter().enumerate() {
        let left: Vec<_> = steps[index..].iter().map(|step| step.version).collect();
        let obstacles = obstacles(step.statements);
        for Obstacle { put, take } in &obstacles {
            let empty = Empty::new();
            let mut beside = empty.database.connect().await;
            // First to where this step begins, then with something in the way.
            take_steps(&mut beside, &steps[..index]).await;
            beside.run(put).await;
            let before = beside.tables().await;
            empty.open().await.unwrap_err();
            assert_eq!(beside.tables().await, before, "{put}");
            assert_eq!(empty.pending().await, left, "{put}");

            beside.run(take).await;
            empty.open().await.unwrap();
            assert_eq!(empty.pending().await, Vec::<i64>::new());
        }
    }
}

/// Takes `steps` by hand.
async fn take_steps(database: &mut Connection, steps: &[Pending]) {
    let history = "CREATE TABLE schema_versions (version BIGINT PRIMARY KEY, name TEXT NOT NULL, oldest BIGINT NOT NULL,
                       applied_at BIGINT NOT NULL)";
    for Pending { version, name, oldest, statements } in steps {
        if *version == 1 {
            database.run(history).await;
        }
        database.run(*statements).await;
        let sql = format!("INSERT INTO schema_versions VALUES ({version}, '{name}', {oldest}, 0)");
        database.run(sql).await;
    }
}

/// R2, R6, by SIGKILL, each time a little later, until it comes too late three times.
#[tokio::test]
async fn a_migration_that_is_killed_has_taken_whole_steps() {
    let all = Empty::new().pending().await;
    let mut done = 0;
    for delay in (0..).step_by(2).map(Duration::from_millis) {
        let empty = Empty::new();
        let mut migration = migrate(empty.folder.path());
        tokio::time::sleep(delay).await;
        migration.kill().unwrap();
        migration.wait().unwrap();

        let pending = empty.pending().await;
        assert_eq!(empty.tables().await.is_empty(), pending == all, "after {delay:?}");
        empty.open().await.unwrap();
        done += usize::from(pending.is_empty());
        if done == 3 {
            break;
        }
    }
}

fn migrate(folder: &Path) -> std::process::Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_claviger"));
    command.current_dir(folder).args(["--config", "claviger.toml", "migrate"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}
