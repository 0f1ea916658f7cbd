//! A statement with its values, and the rows that come back.

use std::fmt::Display;
use std::str::FromStr;

use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Row as _, Sqlite, SqliteConnection};

use super::Error;

/// The connection that statements run on.
pub(super) type Db = SqliteConnection;

/// A statement and its values, in the order `$1`, `$2`, ….
pub(super) struct Sql {
    text: &'static str,
    values: Vec<Value>,
}

/// A value: text or an integer, or the absence of one.
pub(super) enum Value {
    Text(Option<String>),
    Integer(Option<i64>),
}

/// `sql!(TEXT, value, …)`
macro_rules! sql {
    ($text:expr $(, $value:expr)* $(,)?) => {
        $crate::store::sql::Sql::new($text, vec![$($crate::store::sql::Value::from($value)),*])
    };
}
pub(super) use sql;

/// What is made of one row.
pub(super) trait FromRow: Sized {
    fn from_row(row: &Row) -> Result<Self, Error>;
}

impl Sql {
    pub(super) fn new(text: &'static str, values: Vec<Value>) -> Self {
        Self { text, values }
    }

    /// Runs it and counts the rows that it changed.
    pub(super) async fn run(self, db: &mut Db) -> Result<u64, Error> {
        Ok(self.query().execute(db).await?.rows_affected())
    }

    /// All rows.
    pub(super) async fn all<T: FromRow>(self, db: &mut Db) -> Result<Vec<T>, Error> {
        let rows = self.query().fetch_all(db).await?;
        rows.into_iter().map(|row| T::from_row(&Row(row))).collect()
    }

    /// The one row, if there is one.
    ///
    /// It reads to the end, so that a fault that comes after the first row is seen.
    pub(super) async fn optional<T: FromRow>(self, db: &mut Db) -> Result<Option<T>, Error> {
        Ok(self.all(db).await?.into_iter().next())
    }

    /// Whether there is a row.
    pub(super) async fn exists(self, db: &mut Db) -> Result<bool, Error> {
        Ok(!self.query().fetch_all(db).await?.is_empty())
    }

    fn query(self) -> sqlx::query::Query<'static, Sqlite, SqliteArguments> {
        self.values.into_iter().fold(sqlx::query(self.text), |query, value| match value {
            Value::Text(text) => query.bind(text),
            Value::Integer(integer) => query.bind(integer),
        })
    }
}

/// A row.
pub(super) struct Row(SqliteRow);

impl Row {
    pub(super) fn text(&self, column: &'static str) -> Result<String, Error> {
        Ok(self.0.try_get(column)?)
    }

    pub(super) fn maybe_text(&self, column: &'static str) -> Result<Option<String>, Error> {
        Ok(self.0.try_get(column)?)
    }

    pub(super) fn integer(&self, column: &'static str) -> Result<i64, Error> {
        Ok(self.0.try_get(column)?)
    }

    pub(super) fn maybe_integer(&self, column: &'static str) -> Result<Option<i64>, Error> {
        Ok(self.0.try_get(column)?)
    }

    /// A text that is parsed.
    pub(super) fn parse<T: FromStr<Err: Display>>(&self, column: &'static str) -> Result<T, Error> {
        parse(column, &self.text(column)?)
    }

    /// A set, separated by one space.
    pub(super) fn list<T: FromStr<Err: Display>>(&self, column: &'static str) -> Result<Vec<T>, Error> {
        self.text(column)?
            .split(' ')
            .filter(|part| !part.is_empty())
            .map(|part| parse(column, part))
            .collect()
    }
}

fn parse<T: FromStr<Err: Display>>(column: &'static str, text: &str) -> Result<T, Error> {
    text.parse().map_err(|error: T::Err| Error::Corrupt { column, reason: error.to_string() })
}

/// The form that [`Row::list`] reads.
pub(super) fn join<T: Display>(parts: &[T]) -> String {
    parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

macro_rules! values {
    ($($from:ty => $variant:ident($value:ident: $into:expr),)*) => {
        $(impl From<$from> for Value {
            fn from($value: $from) -> Self {
                Self::$variant($into)
            }
        })*
    };
}

values! {
    &str => Text(value: Some(value.to_owned())),
    String => Text(value: Some(value)),
    &String => Text(value: Some(value.clone())),
    Option<String> => Text(value: value),
    i64 => Integer(value: Some(value)),
    Option<i64> => Integer(value: value),
    bool => Integer(value: Some(i64::from(value))),
}
