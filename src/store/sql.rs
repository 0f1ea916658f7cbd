//! A statement with its values, and the rows that come back.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::query::Query;
use sqlx::sqlite::SqliteRow;
use sqlx::{Database, Decode, Encode, Postgres, Row as _, Sqlite, Type};

use super::Error;
use super::db::{Db, Driver};
use crate::model::Authentication;

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
        let Db { driver, patience, is_sound, .. } = db;
        let answer = async {
            Ok(match driver {
                Driver::Sqlite(db) => self.query::<Sqlite>().execute(&mut **db).await?.rows_affected(),
                Driver::Postgres(db) => self.query::<Postgres>().execute(&mut **db).await?.rows_affected(),
            })
        };
        wait(answer, *patience, is_sound).await
    }

    /// All rows.
    pub(super) async fn all<T: FromRow>(self, db: &mut Db) -> Result<Vec<T>, Error> {
        self.rows(db).await?.iter().map(T::from_row).collect()
    }

    /// The one row, if there is one.
    ///
    /// It reads to the end, so that a fault that comes after the first row is seen.
    pub(super) async fn optional<T: FromRow>(self, db: &mut Db) -> Result<Option<T>, Error> {
        Ok(self.all(db).await?.into_iter().next())
    }

    /// Whether there is a row.
    pub(super) async fn exists(self, db: &mut Db) -> Result<bool, Error> {
        Ok(!self.rows(db).await?.is_empty())
    }

    /// Runs it on PostgreSQL alone: it takes the locks without which another transaction could come between what
    /// this one reads and what it writes. On SQLite there is no other: the whole database is locked.
    pub(super) async fn lock(self, db: &mut Db) -> Result<(), Error> {
        if db.is_postgres() {
            self.rows(db).await?;
        }
        Ok(())
    }

    async fn rows(self, db: &mut Db) -> Result<Vec<Row>, Error> {
        let Db { driver, patience, is_sound, .. } = db;
        let answer = async {
            Ok(match driver {
                Driver::Sqlite(db) => {
                    let rows = self.query::<Sqlite>().fetch_all(&mut **db).await?;
                    rows.into_iter().map(Row::Sqlite).collect()
                }
                Driver::Postgres(db) => {
                    let rows = self.query::<Postgres>().fetch_all(&mut **db).await?;
                    rows.into_iter().map(Row::Postgres).collect()
                }
            })
        };
        wait(answer, *patience, is_sound).await
    }

    fn query<D>(self) -> Query<'static, D, D::Arguments>
    where
        D: Database,
        Option<String>: for<'v> Encode<'v, D> + Type<D>,
        Option<i64>: for<'v> Encode<'v, D> + Type<D>,
    {
        self.values.into_iter().fold(sqlx::query(self.text), |query, value| match value {
            Value::Text(text) => query.bind(text),
            Value::Integer(integer) => query.bind(integer),
        })
    }
}

/// Waits for the database's answer. Until it is there, and when it is an error, the connection is not sound.
async fn wait<T>(
    answer: impl Future<Output = Result<T, sqlx::Error>>,
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
