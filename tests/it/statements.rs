//! Each statement of the store is prepared, on the database that the tests run on: none waits for its first use to be
//! found wrong.

use std::path::Path;

use sqlx::{AssertSqlSafe, Either, Executor as _, SqlSafeStr as _, Statement as _, TypeInfo as _};

use crate::database::{Connection, is_postgres};
use crate::house::{code, source};
use crate::server::Server;

/// What only the other database has words for.
fn is_foreign(sql: &str) -> bool {
    let foreign: &[&str] = if is_postgres() {
        &["BEGIN IMMEDIATE", "PRAGMA", "sqlite_master"]
    } else {
        &["FOR UPDATE", "FOR SHARE", "ISOLATION LEVEL", "SET LOCAL", "SHOW", "pg_", "to_regclass"]
    };
    foreign.iter().any(|word| sql.contains(word))
}

/// The string literals of a file, each with what stands before it.
fn literals(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = 0;
    while let Some(begin) = text[rest..].find('"').map(|at| rest + at + 1) {
        let is_end = |(at, _): &(usize, _)| !text[..begin + at].ends_with('\\');
        let length = text[begin..].match_indices('"').find(is_end).unwrap().0;
        found.push((&text[..begin - 1], &text[begin..begin + length]));
        rest = begin + length + 1;
    }
    found
}

/// The statements of a file. The text of one is `'static`, so it is a literal: one that begins with a word in
/// capitals, or such a beginning and an end that the file's macro `select!` puts together.
fn statements(path: &Path, text: &str) -> Vec<String> {
    let code = code(text).collect::<Vec<_>>().join("\n");
    let (in_macro, others): (Vec<_>, Vec<_>) = literals(&code).into_iter().partition(|(before, _)| {
        before.rsplit_once("macro_rules! select").is_some_and(|(_, since)| !since.contains("\n}\n"))
    });
    let select: String = in_macro.into_iter().map(|(_, literal)| literal).collect();
    let mut found = Vec::new();
    for (before, literal) in others {
        // What is only ever put behind another or around others, which the tests of what uses it do.
        if literal.starts_with(" FOR ") || literal.starts_with("WITH {") {
            continue;
        }
        let first = literal.split_whitespace().next().unwrap_or_default();
        if before.trim_end().ends_with("select!(") {
            found.push(format!("{select}{literal}"));
        } else if first.len() > 1 && first.chars().all(|c| c.is_ascii_uppercase()) {
            found.push(literal.to_owned());
        } else {
            let is_statement = before.ends_with("sql!(") || literal.contains('$');
            assert!(!is_statement, "{}: `{literal}` begins with no word in capitals", path.display());
        }
    }
    found
}

#[tokio::test]
async fn every_statement_of_the_store_is_understood() {
    let server = Server::start().await;
    let mut database = server.database().await;
    let mut prepared = 0;
    for (path, text) in source().into_iter().filter(|(path, _)| path.starts_with("store")) {
        let found = statements(&path, &text);
        let calls = code(&text).filter(|line| line.contains("sql!(")).count();
        assert!(path.ends_with("sql.rs") || calls == 0 || !found.is_empty(), "{}", path.display());
        for sql in found.into_iter().filter(|sql| !is_foreign(sql)) {
            if let Err(error) = prepare(&mut database, &sql).await {
                panic!("{}: {error}\n{sql}", path.display());
            }
            prepared += 1;
        }
    }
    assert!(prepared > 70, "{prepared}");
}

/// An error when the database does not understand `sql`, or expects what the store does not send: it sends text and
/// integers of eight bytes.
async fn prepare(database: &mut Connection, sql: &str) -> Result<(), String> {
    let text = AssertSqlSafe(sql).into_sql_str();
    match database {
        Connection::Sqlite(database) => {
            database.prepare(text).await.map_err(|error| error.to_string())?;
        }
        Connection::Postgres(database) => {
            let statement = database.prepare(text).await.map_err(|error| error.to_string())?;
            let Some(Either::Left(types)) = statement.parameters() else { return Ok(()) };
            if let Some(other) = types.iter().find(|kind| !["TEXT", "INT8"].contains(&kind.name())) {
                return Err(format!("a parameter is {}", other.name()));
            }
        }
    }
    Ok(())
}
