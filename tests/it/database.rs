//! The database of one test: a SQLite file of its own or, when `TEST_DATABASE` is the URL of a PostgreSQL, a schema of
//! its own there. `scripts/postgres` starts one.

use std::path::Path;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

/// Where the database is.
#[derive(Clone)]
pub struct Database {
    /// As in the configuration.
    pub url: String,
}

/// A connection beside the server's own.
pub enum Connection {
    /// To the file.
    Sqlite(SqliteConnection),
    /// To the server.
    Postgres(PgConnection),
}

/// Whether the tests run on PostgreSQL.
pub fn is_postgres() -> bool {
    std::env::var_os("TEST_DATABASE").is_some()
}

impl Database {
    /// An empty one; `file` is where it lies if it is a file.
    pub fn new(file: &Path) -> Self {
        let Ok(server) = std::env::var("TEST_DATABASE") else {
            return Self { url: format!("sqlite://{}", file.display()) };
        };
        let schema = format!("test_{}", uuid::Uuid::now_v7().simple());
        let sql = format!("CREATE SCHEMA {schema}");
        let separator = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{separator}options[search_path]={schema}&application_name={schema}");
        // A thread of its own, since not every test has a runtime.
        let make = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut server = PgConnection::connect(&server).await.unwrap();
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut server).await.unwrap();
            });
        };
        std::thread::spawn(make).join().unwrap();
        Self { url }
    }

    /// Connects to it.
    pub async fn connect(&self) -> Connection {
        if self.url.starts_with("sqlite:") {
            Connection::Sqlite(SqliteConnection::connect(&self.url).await.unwrap())
        } else {
            Connection::Postgres(PgConnection::connect(&self.url).await.unwrap())
        }
    }
}

impl Connection {
    /// Runs what both databases understand.
    pub async fn run(&mut self, sql: impl Into<String>) {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.into()));
        match self {
            Self::Sqlite(database) => drop(sql.execute(database).await.unwrap()),
            Self::Postgres(database) => drop(sql.execute(database).await.unwrap()),
        }
    }

    /// How many rows `table` has.
    pub async fn count(&mut self, table: &str) -> i64 {
        let sql = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        match self {
            Self::Sqlite(database) => sqlx::query_scalar(sql).fetch_one(database).await.unwrap(),
            Self::Postgres(database) => sqlx::query_scalar(sql).fetch_one(database).await.unwrap(),
        }
    }

    /// The tables that there are, by name.
    pub async fn tables(&mut self) -> Vec<String> {
        match self {
            Self::Sqlite(database) => {
                let sql = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
                sqlx::query_scalar(sql).fetch_all(database).await.unwrap()
            }
            Self::Postgres(database) => {
                let sql =
                    "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1";
                sqlx::query_scalar(sql).fetch_all(database).await.unwrap()
            }
        }
    }

    /// From now on every `verb` on `table` fails on purpose, or, for updates, only those of rows that `client` has.
    pub async fn fail(&mut self, verb: &str, table: &str, client: Option<&str>) {
        let condition = client.map_or(String::new(), |client| {
            format!("(SELECT client_id FROM families WHERE id = old.family_id) = '{client}'")
        });
        self.run(match self {
            Self::Sqlite(_) => {
                let when = if condition.is_empty() { condition } else { format!("WHEN {condition}") };
                format!(
                    "CREATE TRIGGER fault BEFORE {verb} ON {table} {when}
                     BEGIN SELECT raise(ABORT, 'on purpose'); END"
                )
            }
            Self::Postgres(_) => {
                let test = if condition.is_empty() { "true".to_owned() } else { condition };
                format!(
                    "CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS
                        $$ BEGIN IF {test} THEN RAISE 'on purpose'; END IF; RETURN new; END $$;
                     CREATE TRIGGER fault BEFORE {verb} ON {table} FOR EACH ROW EXECUTE FUNCTION fault()"
                )
            }
        })
        .await;
    }

    /// Ends what [`Connection::fail`] began on `table`.
    pub async fn mend(&mut self, table: &str) {
        self.run(match self {
            Self::Sqlite(_) => "DROP TRIGGER fault".to_owned(),
            Self::Postgres(_) => format!("DROP TRIGGER fault ON {table}; DROP FUNCTION fault()"),
        })
        .await;
    }

    /// Keeps everybody else from writing, until [`Connection::release`].
    pub async fn hold(&mut self) {
        self.run(match self {
            Self::Sqlite(_) => "BEGIN IMMEDIATE",
            Self::Postgres(_) => "BEGIN; LOCK TABLE families, probes IN EXCLUSIVE MODE",
        })
        .await;
    }

    /// Lets others write again.
    pub async fn release(&mut self) {
        self.run("ROLLBACK").await;
    }
}
