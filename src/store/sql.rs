//! A statement with its values, and the rows that come back.

use std::fmt::Display;
use std::str::FromStr;

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Postgres, Row as _, Sqlite, Type};

use super::Error;
use super::db::Db;
use crate::model::Authentication;

/// A statement and its values, in the order `$1`, `$2`, ….
pub(super) struct Sql {
    pub(super) text: &'static str,
    pub(super) values: Vec<Value>,
    /// The locks that PostgreSQL takes on what it reads.
    pub(super) locks: &'static str,
    pub(super) counts: Counts,
}

/// What the number of rows that a statement changes means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counts {
    /// Only what its caller makes of it.
    Nothing,
    /// It must be one.
    Once,
    /// What was read a moment ago is out of date, unless it is none.
    OutOfDate,
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
        Self { text, values, locks: "", counts: Counts::Nothing }
    }

    /// The same, which takes `locks` on PostgreSQL, such as ` FOR SHARE`. On SQLite the whole database is locked.
    pub(super) fn locking(self, locks: &'static str) -> Self {
        Self { locks, ..self }
    }

    /// The same, which uses up what is good once: it must change one row. Otherwise another transaction was before this
    /// one ([`Error::Overtaken`]).
    pub(super) fn once(self) -> Self {
        Self { counts: Counts::Once, ..self }
    }

    /// The same, which changes what is kept for a moment after it was read, if it changes anything.
    pub(super) fn making_out_of_date(self) -> Self {
        Self { counts: Counts::OutOfDate, ..self }
    }

    /// Runs it and counts the rows that it changed.
    pub(super) async fn run(self, db: &mut Db) -> Result<u64, Error> {
        Ok(db.send(self).await?.changed)
    }

    /// Runs it in its turn, but at the latest when the transaction is committed ([`Db::send_later`]).
    pub(super) fn later(self, db: &mut Db) {
        db.send_later(self);
    }

    /// All rows.
    pub(super) async fn all<T: FromRow>(self, db: &mut Db) -> Result<Vec<T>, Error> {
        db.send(self).await?.rows.iter().map(T::from_row).collect()
    }

    /// The one row, if there is one.
    ///
    /// It reads to the end, so that a fault that comes after the first row is seen.
    pub(super) async fn optional<T: FromRow>(self, db: &mut Db) -> Result<Option<T>, Error> {
        db.send(self).await?.optional()
    }

    /// Whether there is a row.
    pub(super) async fn exists(self, db: &mut Db) -> Result<bool, Error> {
        Ok(!db.send(self).await?.rows.is_empty())
    }

    /// Runs it on PostgreSQL alone: it takes the locks without which another transaction could come between what
    /// this one reads and what it writes. On SQLite there is no other: the whole database is locked.
    pub(super) async fn lock(self, db: &mut Db) -> Result<(), Error> {
        if db.is_postgres() {
            db.send(self).await?;
        }
        Ok(())
    }
}

/// A row.
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    fn value<T>(&self, column: &'static str) -> Result<T, Error>
    where
        T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>,
    {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    pub(super) fn text(&self, column: &'static str) -> Result<String, Error> {
        self.value(column)
    }

    pub(super) fn maybe_text(&self, column: &'static str) -> Result<Option<String>, Error> {
        self.value(column)
    }

    pub(super) fn integer(&self, column: &'static str) -> Result<i64, Error> {
        self.value(column)
    }

    pub(super) fn maybe_integer(&self, column: &'static str) -> Result<Option<i64>, Error> {
        self.value(column)
    }

    /// A text that is parsed.
    pub(super) fn parse<T: FromStr<Err: Display>>(&self, column: &'static str) -> Result<T, Error> {
        parse(column, &self.text(column)?)
    }

    /// A text that is parsed, or the absence of one.
    pub(super) fn maybe_parse<T: FromStr<Err: Display>>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>, Error> {
        self.maybe_text(column)?.map(|text| parse(column, &text)).transpose()
    }

    /// How and when a user proved who they are, in the columns `amr` and `auth_time`.
    pub(super) fn authentication(&self) -> Result<Authentication, Error> {
        Ok(Authentication { methods: self.list("amr")?, at: self.integer("auth_time")? })
    }

    /// A list, one to a line; an absence is an empty one.
    pub(super) fn lines<T: FromStr<Err: Display>>(&self, column: &'static str) -> Result<Vec<T>, Error> {
        let text = self.maybe_text(column)?.unwrap_or_default();
        text.lines().map(|line| parse(column, line)).collect()
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
