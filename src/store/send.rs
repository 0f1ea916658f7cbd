//! Sending statements, and waiting for their answers.
//!
//! To hand a statement to SQLite's thread and to be woken by it costs more than most statements do, and a round trip to
//! PostgreSQL as much. So what needs no answer waits: on SQLite several statements are handed over together with the next
//! one that needs an answer; on PostgreSQL, which takes one at a time, they become parts of one.

use std::fmt::Write as _;
use std::pin::pin;
use std::time::Duration;

use futures_util::{Stream, TryStreamExt as _};
use sqlx::query::Query;
use sqlx::{
    AssertSqlSafe, Database, Either, Encode, Executor as _, Postgres, SqlSafeStr as _, SqlStr, Sqlite, Type,
};

use super::Error;
use super::db::{Db, Driver};
use super::sql::{Counts, FromRow, Row, Sql, Value};

/// What a statement came to.
#[derive(Default)]
pub(super) struct Answer {
    /// The rows that it read.
    pub(super) rows: Vec<Row>,
    /// How many rows it changed, unless it only reads.
    pub(super) changed: u64,
}

impl Answer {
    /// The one row, if there is one.
    pub(super) fn optional<T: FromRow>(&self) -> Result<Option<T>, Error> {
        self.rows.first().map(T::from_row).transpose()
    }
}

impl Db {
    /// Runs a statement.
    pub(super) async fn send(&mut self, statement: Sql) -> Result<Answer, Error> {
        Ok(self.send_all(vec![statement]).await?.pop().unwrap_or_default())
    }

    /// Runs statements in their order.
    pub(super) async fn send_all(&mut self, statements: Vec<Sql>) -> Result<Vec<Answer>, Error> {
        let mut all = std::mem::take(&mut self.waiting);
        if let Driver::Sqlite(_) = self.driver {
            let waited = all.len();
            all.extend(statements);
            return Ok(self.send_together(all).await?.split_off(waited));
        }
        if !all.is_empty() {
            self.send_together(all).await?;
        }
        let mut answers = Vec::new();
        for statement in statements {
            answers.extend(self.send_together(vec![statement]).await?);
        }
        Ok(answers)
    }

    /// Runs a statement of a transaction before the next one, or before the transaction is committed. It must not depend on
    /// what others that wait have changed, nor change the same rows: PostgreSQL runs them side by side.
    pub(super) fn send_later(&mut self, statement: Sql) {
        debug_assert!(statement.locks.is_empty(), "parts of a statement take no locks: {}", statement.text);
        self.waiting.push(statement);
    }

    /// Runs what has not been run.
    pub(super) async fn send_waiting(&mut self) -> Result<(), Error> {
        if !self.waiting.is_empty() {
            self.send_all(Vec::new()).await?;
        }
        Ok(())
    }

    async fn send_together(&mut self, statements: Vec<Sql>) -> Result<Vec<Answer>, Error> {
        let counts: Vec<_> = statements.iter().map(|statement| statement.counts).collect();
        let is_postgres = self.is_postgres();
        let (text, values) = joined(statements, is_postgres);
        let Self { driver, patience, is_sound, .. } = self;
        let answers = async {
            match driver {
                Driver::Sqlite(db) => {
                    let results = db.fetch_many(query::<Sqlite>(text, values));
                    answers(results, Row::Sqlite, |done| done.rows_affected()).await
                }
                Driver::Postgres(db) => {
                    let results = db.fetch_many(query::<Postgres>(text, values));
                    answers(results, Row::Postgres, |done| done.rows_affected()).await
                }
            }
        };
        let mut answers = wait(answers, *patience, is_sound).await?;
        if is_postgres && counts.len() > 1 {
            answers = of_parts(&answers)?;
        }
        if answers.len() != counts.len() {
            // SQLite's thread has ended.
            *is_sound = false;
            return Err(Error::Closed);
        }
        for (answer, counts) in answers.iter().zip(counts) {
            match counts {
                Counts::Once if answer.changed != 1 => return Err(Error::Overtaken),
                Counts::OutOfDate => self.changes_what_was_read |= answer.changed > 0,
                Counts::Once | Counts::Nothing => (),
            }
        }
        Ok(answers)
    }
}

/// The text of one statement, or of several, one after another for SQLite and as parts of one for PostgreSQL; and their
/// values.
fn joined(statements: Vec<Sql>, is_postgres: bool) -> (SqlStr, Vec<Value>) {
    match <[Sql; 1]>::try_from(statements) {
        Ok([Sql { text, values, locks, .. }]) if is_postgres && !locks.is_empty() => {
            (AssertSqlSafe(text.to_owned() + locks).into_sql_str(), values)
        }
        Ok([Sql { text, values, .. }]) => (text.into_sql_str(), values),
        Err(statements) => {
            let (mut texts, mut values) = (Vec::new(), Vec::new());
            for statement in statements {
                texts.push(numbered(statement.text, values.len()));
                values.extend(statement.values);
            }
            let text = if is_postgres { parts_of_one(&texts) } else { texts.join(";") };
            (AssertSqlSafe(text).into_sql_str(), values)
        }
    }
}

/// A statement whose values come after so many of others.
fn numbered(text: &str, values: usize) -> String {
    let mut parts = text.split('$');
    let mut all = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let (number, rest) = part.split_at(end);
        let number: usize = number.parse().expect("a value of a statement is named by its number");
        all.push('$');
        let _ = write!(all, "{}{rest}", number + values);
    }
    all
}

/// One statement of PostgreSQL that runs these, all of which write, and tells how many rows each of them changed.
fn parts_of_one(texts: &[String]) -> String {
    let numbered = texts.iter().enumerate();
    let (parts, counts): (Vec<_>, Vec<_>) = numbered
        .map(|(n, text)| {
            (format!("part{n} AS ({text} RETURNING 1)"), format!("({n}, (SELECT count(*) FROM part{n}))"))
        })
        .unzip();
    let (parts, counts) = (parts.join(", "), counts.join(", "));
    format!("WITH {parts} SELECT changed FROM (VALUES {counts}) AS counts (part, changed) ORDER BY part")
}

struct Changed(i64);

impl FromRow for Changed {
    fn from_row(row: &Row) -> Result<Self, Error> {
        row.integer("changed").map(Self)
    }
}

/// The answer of each part from that of the whole.
fn of_parts(whole: &[Answer]) -> Result<Vec<Answer>, Error> {
    let rows = whole.iter().flat_map(|answer| &answer.rows);
    let parts = rows.map(|row| {
        let Changed(changed) = Changed::from_row(row)?;
        Ok(Answer { rows: Vec::new(), changed: changed.unsigned_abs() })
    });
    parts.collect()
}

fn query<D>(text: SqlStr, values: Vec<Value>) -> Query<'static, D, D::Arguments>
where
    D: Database,
    Option<String>: for<'v> Encode<'v, D> + Type<D>,
    Option<i64>: for<'v> Encode<'v, D> + Type<D>,
{
    values.into_iter().fold(sqlx::query(text), |query, value| match value {
        Value::Text(text) => query.bind(text),
        Value::Integer(integer) => query.bind(integer),
    })
}

/// An answer for each statement.
async fn answers<D, R>(
    results: impl Stream<Item = Result<Either<D, R>, sqlx::Error>>,
    row: impl Fn(R) -> Row,
    changed: impl Fn(D) -> u64,
) -> Result<Vec<Answer>, Error> {
    let (mut results, mut answers, mut answer) = (pin!(results), Vec::new(), Answer::default());
    while let Some(result) = results.try_next().await? {
        match result {
            Either::Right(read) => answer.rows.push(row(read)),
            Either::Left(done) => {
                answer.changed = changed(done);
                answers.push(std::mem::take(&mut answer));
            }
        }
    }
    Ok(answers)
}

/// Waits for the database's answer. Until it is there, and when it is an error, the connection is not sound.
pub(super) async fn wait<T>(
    answer: impl Future<Output = Result<T, Error>>,
    patience: Option<Duration>,
    is_sound: &mut bool,
) -> Result<T, Error> {
    let was_sound = std::mem::replace(is_sound, false);
    let answer = match patience {
        Some(patience) => tokio::time::timeout(patience, answer).await.map_err(|_| Error::Silent)??,
        None => answer.await?,
    };
    *is_sound = was_sound;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::super::sql::sql;
    use super::*;

    fn text(is_postgres: bool) -> String {
        let statements = vec![
            sql!("UPDATE t SET a = $1 WHERE b = $2", 1, 2),
            sql!("INSERT INTO t VALUES ($2, $1, $10)", 1, 2),
            sql!("DELETE FROM t"),
        ];
        let (text, values) = joined(statements, is_postgres);
        assert_eq!(values.len(), 4);
        text.as_str().to_owned()
    }

    #[test]
    fn each_statement_has_its_own_values() {
        assert_eq!(
            text(false),
            "UPDATE t SET a = $1 WHERE b = $2;INSERT INTO t VALUES ($4, $3, $12);DELETE FROM t"
        );
    }

    #[test]
    fn on_postgres_they_are_parts_of_one() {
        assert_eq!(
            text(true),
            "WITH part0 AS (UPDATE t SET a = $1 WHERE b = $2 RETURNING 1), \
             part1 AS (INSERT INTO t VALUES ($4, $3, $12) RETURNING 1), \
             part2 AS (DELETE FROM t RETURNING 1) \
             SELECT changed FROM (VALUES (0, (SELECT count(*) FROM part0)), \
             (1, (SELECT count(*) FROM part1)), (2, (SELECT count(*) FROM part2))) \
             AS counts (part, changed) ORDER BY part"
        );
    }
}
