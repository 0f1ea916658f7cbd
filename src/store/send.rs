//! Sending statements, and waiting for their answers.
//!
//! To hand a statement to SQLite's thread and to be woken by it costs more than most statements do. So several are handed
//! over together; and what needs no answer waits for the next that does. On PostgreSQL each waits for the one before.

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
        if let Driver::Sqlite(_) = self.driver {
            let waited = self.waiting.len();
            let mut all = std::mem::take(&mut self.waiting);
            all.extend(statements);
            return Ok(self.send_together(all).await?.split_off(waited));
        }
        let mut answers = Vec::new();
        for statement in statements {
            answers.extend(self.send_together(vec![statement]).await?);
        }
        Ok(answers)
    }

    /// Runs a statement of a transaction before the next one, or before the transaction is committed.
    pub(super) async fn send_later(&mut self, statement: Sql) -> Result<(), Error> {
        match self.driver {
            Driver::Sqlite(_) => self.waiting.push(statement),
            Driver::Postgres(_) => drop(self.send(statement).await?),
        }
        Ok(())
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
        let (text, values) = joined(statements, self.is_postgres());
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
        let answers = wait(answers, *patience, is_sound).await?;
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

/// The text of one statement, or of several one after another, which SQLite takes; and their values.
fn joined(statements: Vec<Sql>, is_postgres: bool) -> (SqlStr, Vec<Value>) {
    match <[Sql; 1]>::try_from(statements) {
        Ok([Sql { text, values, locks, .. }]) if is_postgres && !locks.is_empty() => {
            (AssertSqlSafe(text.to_owned() + locks).into_sql_str(), values)
        }
        Ok([Sql { text, values, .. }]) => (text.into_sql_str(), values),
        Err(statements) => {
            let (mut all, mut values) = (String::new(), Vec::new());
            for statement in statements {
                append(&mut all, statement.text, values.len());
                values.extend(statement.values);
            }
            (AssertSqlSafe(all).into_sql_str(), values)
        }
    }
}

/// Writes a statement behind others that have so many values.
fn append(all: &mut String, text: &str, values: usize) {
    let mut parts = text.split('$');
    all.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let (number, rest) = part.split_at(end);
        let number: usize = number.parse().expect("a value of a statement is named by its number");
        all.push('$');
        let _ = write!(all, "{}{rest}", number + values);
    }
    all.push(';');
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
    use super::*;

    #[test]
    fn each_statement_has_its_own_values() {
        let mut all = String::new();
        append(&mut all, "SELECT $1, $2", 0);
        append(&mut all, "SELECT 1 WHERE $2 = $1 OR $10 IS NULL", 2);
        append(&mut all, "SELECT 1", 12);
        assert_eq!(all, "SELECT $1, $2;SELECT 1 WHERE $4 = $3 OR $12 IS NULL;SELECT 1;");
    }
}
