//! The URL of the database. It may hold a password, so it never shows itself whole.

use std::fmt;
use std::path::PathBuf;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

use super::values::Refusal;
use crate::protocol::Secret;

/// Where everything is kept.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A SQLite file, written as `sqlite://path`; relative to the working directory unless absolute.
    Sqlite(PathBuf),
    /// PostgreSQL, written as `postgres://user:password@host:port/database?sslmode=verify-full`.
    Postgres(Postgres),
}

/// The parameters that the driver knows. It passes over others, and would show them in the log.
const PARAMETERS: [&str; 14] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    "options[search_path]",
    "statement-cache-capacity",
];

/// A PostgreSQL of one or several hosts.
#[derive(Clone)]
pub struct Postgres {
    text: Secret<String>,
    hosts: Vec<PgConnectOptions>,
}

impl Postgres {
    /// How to connect to each host. Do not print these: they know the password.
    pub fn hosts(&self) -> &[PgConnectOptions] {
        &self.hosts
    }

    /// Whether somebody between here and a host could read along or pretend to be it.
    pub(super) fn is_exposed(&self) -> bool {
        let is_near = |host: &PgConnectOptions| {
            host.get_socket().is_some()
                || host.get_host().starts_with('/')
                || host.get_host() == "localhost"
                || host.get_host().parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
        };
        let is_verified = |host: &PgConnectOptions| {
            matches!(host.get_ssl_mode(), PgSslMode::VerifyCa | PgSslMode::VerifyFull)
        };
        !self.hosts.iter().all(|host| is_near(host) || is_verified(host))
    }
}

impl PartialEq for Postgres {
    fn eq(&self, other: &Self) -> bool {
        self.text.expose() == other.text.expose()
    }
}

impl Eq for Postgres {}

impl DatabaseUrl {
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        if let Some(path) = text.strip_prefix("sqlite://") {
            let is_path = !path.is_empty() && !path.contains(['?', '\0']);
            let hint = "write the path of a file, as in `sqlite://data/claviger.db`";
            return is_path
                .then(|| Self::Sqlite(path.into()))
                .ok_or(("is not the URL of a file", hint.to_owned()));
        }
        let hint = "write `sqlite://data/claviger.db` or `postgres://user@host/database`";
        let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
        let rest = rest.ok_or(("is not the URL of a database", hint.to_owned()))?;
        let hosts = one_by_one(rest).map(|url| connection(&url)).collect::<Result<_, _>>()?;
        Ok(Self::Postgres(Postgres { text: Secret::new(text.to_owned()), hosts }))
    }
}

/// The URL of each host: a list of them stands where one does, as in `user@one:5432,two:5432/database`.
fn one_by_one(rest: &str) -> impl Iterator<Item = String> {
    let (authority, path) = rest.split_at(authority(rest));
    let begin = authority.rfind('@').map_or(0, |at| at + 1);
    let (user, hosts) = authority.split_at(begin);
    hosts.split(',').map(move |host| format!("postgres://{user}{host}{path}"))
}

/// Where the part with user and hosts ends in `rest`, what follows `://` in a URL.
fn authority(rest: &str) -> usize {
    rest.find(['/', '?', '#']).unwrap_or(rest.len())
}

fn connection(url: &str) -> Result<PgConnectOptions, Refusal> {
    // A fault of the driver's is not passed on: it may show what it could not read.
    let refused = || {
        let hint =
            "write `postgres://user:password@host:5432/database`, and `%40` for an `@` in the password";
        ("is not a URL of PostgreSQL", hint.to_owned())
    };
    let parsed: Url = url.parse().map_err(|_| refused())?;
    if parsed.fragment().is_some() {
        return Err(refused());
    }
    if parsed.query_pairs().any(|(name, _)| !PARAMETERS.contains(&&*name)) {
        return Err(("has an unknown parameter", format!("known are `{}`", PARAMETERS.join("`, `"))));
    }
    url.parse().map_err(|_| refused())
}

/// `url`, which can be read, without its password.
pub(super) fn redacted(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| *scheme != "sqlite") else {
        return url.to_owned();
    };
    let (authority, path) = rest.split_at(authority(rest));
    let authority = match authority.rsplit_once('@') {
        Some((user, hosts)) => match user.split_once(':') {
            Some((user, _)) => format!("{user}:[redacted]@{hosts}"),
            None => format!("{user}@{hosts}"),
        },
        None => authority.to_owned(),
    };
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let query = query.map(|query| {
        let parameters = query.split('&').map(|parameter| match parameter.split_once('=') {
            Some((name, _)) if name == "password" || name.contains('%') => format!("{name}=[redacted]"),
            _ => parameter.to_owned(),
        });
        format!("?{}", parameters.collect::<Vec<_>>().join("&"))
    });
    format!("{scheme}://{authority}{path}{}", query.unwrap_or_default())
}

/// The beginning of `text`, which cannot be read as a URL: anything in it may be a password.
pub(super) fn beginning(text: &str) -> String {
    match text.split_once("://") {
        Some((scheme, _)) if scheme != "sqlite" => format!("{scheme}://…"),
        _ => text.to_owned(),
    }
}

impl fmt::Display for DatabaseUrl {
    /// The path of a file as it is; a URL without its password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(file) => file.display().fmt(f),
            Self::Postgres(postgres) => f.write_str(&redacted(postgres.text.expose())),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_list_of_hosts_is_tried_one_by_one() {
        let DatabaseUrl::Postgres(postgres) =
            DatabaseUrl::parse("postgresql://me:a%2Cb@one:1,two:2,three/claviger?sslmode=require").unwrap()
        else {
            panic!("it is PostgreSQL");
        };
        let hosts = postgres.hosts.iter().map(|host| (host.get_host(), host.get_port(), host.get_username()));
        assert_eq!(hosts.collect::<Vec<_>>(), [("one", 1, "me"), ("two", 2, "me"), ("three", 5432, "me")]);
        assert!(postgres.hosts.iter().all(|host| matches!(host.get_ssl_mode(), PgSslMode::Require)));
        assert!(postgres.is_exposed());
    }

    #[test]
    fn who_is_near_or_verified_is_not_exposed() {
        for (url, is_exposed) in [
            ("postgres://me@localhost/a", false),
            ("postgres://me@127.0.0.1,db/a", true),
            ("postgres://me@db/a?sslmode=verify-full", false),
            ("postgres:///a?host=/run/postgresql", false),
        ] {
            let Ok(DatabaseUrl::Postgres(postgres)) = DatabaseUrl::parse(url) else { panic!("{url}") };
            assert_eq!(postgres.is_exposed(), is_exposed, "{url}");
        }
    }

    #[test]
    fn what_the_driver_would_pass_over_is_refused() {
        for url in [
            "mysql://a",
            "postgres://a?sslmod=require",
            "postgres://a?pasword=b",
            "postgres://a?sslmode=maybe",
            "postgres://a:b:c/d",
        ] {
            assert!(DatabaseUrl::parse(url).is_err(), "{url}");
        }
    }

    proptest! {
        #[test]
        fn a_password_never_shows(password in "[!-~]{3,20}", host in "[a-z]{1,5}(:[0-9]{2})?(,[a-z]{2})?") {
            let password = format!("P{password}W");
            for url in [format!("postgres://me:{password}@{host}/db?sslmode=require"), format!("postgresql://{host}/db?user=me&password={}", password.replace('&', ""))] {
                let shown = match DatabaseUrl::parse(&url) {
                    Ok(url) => format!("{url} {url:?}"),
                    Err(_) => beginning(&url),
                };
                prop_assert!(!shown.contains(&password[..4]), "{shown}");
            }
        }
    }
}
