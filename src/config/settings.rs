//! Settings: what was written for which key, and where.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use confique::{Config as _, Layer as _};
use serde::Deserialize as _;
use toml::Value;
use toml::de::{DeTable, ValueDeserializer};

use super::key::{ConfigLayer, KEYS, Key, OTHER_VARIABLES, PREFIX};
use super::{Config, Fault};
use crate::fault::did_you_mean;

const ALL_KEYS: &str = "`claviger config show --template` prints all keys";

/// Where a setting was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    File(PathBuf, usize),
    Environment(&'static str),
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, line) => write!(f, "`{}:{line}`", path.display()),
            Self::Environment(variable) => write!(f, "`{variable}`"),
            Self::Flag(flag) => write!(f, "`{flag}`"),
        }
    }
}

/// What was written for a key.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Setting {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// What was written, by key; each value can be read by itself. What is set later comes first.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings(BTreeMap<&'static str, Setting>);

impl Settings {
    /// Takes the keys of a TOML file.
    pub(super) fn add_file(&mut self, path: &Path, text: &str) -> Result<(), Fault> {
        let line = |at: usize| text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
        let table = DeTable::parse(text).map_err(|error| {
            let origin = Origin::File(path.to_owned(), error.span().map_or(1, |span| line(span.start)));
            let message = format!("`{}` is not TOML: {}", path.display(), error.message());
            Fault::new(message, format!("look at {origin}"))
        })?;

        for (name, value) in table.get_ref() {
            let section = format!("{}.", name.get_ref());
            let members = value.get_ref().as_table();
            let is_section = KEYS.iter().any(|key| key.name.starts_with(&section));
            let members = members.filter(|members| is_section || !members.is_empty());
            let Some(members) = members else {
                let origin = Origin::File(path.to_owned(), line(name.span().start));
                self.add_value(name.get_ref(), value.clone(), origin)?;
                continue;
            };
            for (name, value) in members {
                let origin = Origin::File(path.to_owned(), line(name.span().start));
                self.add_value(&format!("{section}{}", name.get_ref()), value.clone(), origin)?;
            }
        }
        Ok(())
    }

    fn add_value(
        &mut self,
        name: &str,
        value: toml::Spanned<toml::de::DeValue<'_>>,
        origin: Origin,
    ) -> Result<(), Fault> {
        let key = KEYS.iter().find(|key| key.name == name).ok_or_else(|| {
            let known = KEYS.iter().map(|key| key.name.as_str());
            Fault::new(
                format!("`{name}` is not a key"),
                format!("{} ({origin})", did_you_mean(name, known, ALL_KEYS)),
            )
        })?;
        let value = Value::deserialize(ValueDeserializer::from(value)).map_err(|error| {
            Fault::new(format!("`{name}` cannot be read: {}", error.message()), format!("look at {origin}"))
        })?;
        self.set(key, Setting { value, origin })
    }

    /// Takes the environment variables that begin with `CLAVIGER_`; `value` is `None` where it is not UTF-8.
    pub(super) fn add_variable(&mut self, variable: &str, value: Option<&str>) -> Result<(), Fault> {
        if !variable.starts_with(PREFIX) || OTHER_VARIABLES.contains(&variable) {
            return Ok(());
        }
        let key = KEYS.iter().find(|key| key.variable == variable).ok_or_else(|| {
            let known = KEYS.iter().map(|key| key.variable.as_str()).chain(OTHER_VARIABLES);
            let hint = format!("{} (environment)", did_you_mean(variable, known, ALL_KEYS));
            Fault::new(format!("`{variable}` is not a variable of claviger"), hint)
        })?;
        let value = value.ok_or_else(|| {
            Fault::new(format!("`{variable}` is not UTF-8"), format!("set `{variable}` anew, or unset it"))
        })?;
        self.set(key, Setting { value: key.read(value), origin: Origin::Environment(&key.variable) })
    }

    /// Takes a flag of the command line.
    pub(super) fn add_flag(&mut self, flag: &'static str, name: &str, text: &str) -> Result<(), Fault> {
        let key = KEYS.iter().find(|key| key.name == name).expect("flags are spelled for keys that exist");
        self.set(key, Setting { value: key.read(text), origin: Origin::Flag(flag) })
    }

    /// Keeps a setting whose value can be read.
    fn set(&mut self, key: &'static Key, setting: Setting) -> Result<(), Fault> {
        key.layer(&setting.value).map_err(|error| {
            // What does not come as two lines from `values.rs` is a value of another type than the key's.
            let message = error.message();
            let (fault, hint) = match message.split_once('\n') {
                Some((fault, hint)) => (fault.to_owned(), hint.to_owned()),
                None => (format!("is of the wrong type: `{}`", key.shown(&setting.value)), key.example()),
            };
            Fault::new(format!("`{}` {fault}", key.name), format!("{hint} ({})", setting.origin))
        })?;
        self.0.insert(&key.name, setting);
        Ok(())
    }

    /// What was written for `name`.
    pub(super) fn find(&self, name: &str) -> Option<&Setting> {
        self.0.get(name)
    }

    /// What holds for `key`: what was written, or the default.
    pub(super) fn effective<'a>(&'a self, key: &'a Key) -> Option<&'a Value> {
        self.find(&key.name).map(|setting| &setting.value).or(key.default.as_ref())
    }

    /// These settings, but with what `other` says on keys for which `whose` holds.
    pub(super) fn with_those_of(mut self, other: &Self, whose: impl Fn(&Key) -> bool) -> Self {
        for key in KEYS.iter().filter(|key| whose(key)) {
            match other.0.get_key_value(key.name.as_str()) {
                Some((name, setting)) => self.0.insert(name, setting.clone()),
                None => self.0.remove(key.name.as_str()),
            };
        }
        self
    }

    /// The configuration that these settings make with the defaults; not yet checked as a whole.
    pub(super) fn config(&self) -> Result<Config, Fault> {
        if let Some(key) = KEYS.iter().find(|key| key.is_required && self.find(&key.name).is_none()) {
            let hint = format!("write `{} = …` in `claviger.toml`, or set `{}`", key.name, key.variable);
            return Err(Fault::new(format!("`{}` is missing", key.name), hint));
        }
        let layer =
            KEYS.iter().fold(ConfigLayer::default_values(), |layer, key| match self.find(&key.name) {
                Some(setting) => {
                    key.layer(&setting.value).expect("settings can be read").with_fallback(layer)
                }
                None => layer,
            });
        Ok(Config::from_layer(layer).expect("nothing that is required is missing"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is said about a file.
    fn fault(text: &str) -> String {
        text.parse::<Config>().unwrap_err().to_string()
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_known_one() {
        for (text, nearest) in [
            ("isuer = \"x\"", "issuer"),
            ("[database]\nuri = \"x\"", "database.url"),
            ("rsa_bits = 2048", "keys.rsa_bits"),
            ("[key]\nrsa_bits = 2048", "keys.rsa_bits"),
            ("[key]", "keys.directory"),
            ("[limits]\nlogins = \"on\"", "limits.login"),
            ("[server]\nconnections_per_prefx = 1", "server.connections_per_prefix"),
            ("log_level = \"info\"", "log.level"),
        ] {
            let fault = fault(text);
            assert!(fault.contains("is not a key"), "{text:?}: {fault}");
            assert!(fault.contains(&format!("did you mean `{nearest}`?")), "{text:?}: {fault}");
        }
    }

    #[test]
    fn an_unknown_variable_is_refused_with_the_nearest_known_one() {
        let mut settings = Settings::default();
        let fault = settings.add_variable("CLAVIGER_DATABASE_URI", Some("x")).unwrap_err();
        insta::assert_snapshot!(fault, @"
        `CLAVIGER_DATABASE_URI` is not a variable of claviger
        hint: did you mean `CLAVIGER_DATABASE_URL`? (environment)
        ");
    }

    #[test]
    fn a_fault_names_the_key_the_value_the_way_out_and_the_line() {
        insta::assert_snapshot!(fault("issuer = \"http://localhost\"\n\n[tokens]\naccess_token_lifetime = \"ten minutes\""), @"
        `tokens.access_token_lifetime` is not a duration: `ten minutes`
        hint: write a duration such as `90s`, `10m`, `24h` or `30d` (`claviger.toml:4`)
        ");
        insta::assert_snapshot!(fault("[tokens]\naccess_token_lifetime = \"2h\""), @"
        `tokens.access_token_lifetime` is out of bounds: `2h`
        hint: write a duration from `10s` to `1h` (`claviger.toml:2`)
        ");
        insta::assert_snapshot!(fault("[tokens]\naccess_token_lifetime = 600"), @"
        `tokens.access_token_lifetime` is of the wrong type: `600`
        hint: write a text in quotes, such as `\"10m\"` (`claviger.toml:2`)
        ");
        insta::assert_snapshot!(fault("issuer = \"http://example.com\""), @"
        `issuer` is not an issuer: `http://example.com`
        hint: an issuer begins with `https://`; `http://` only on a loopback host (`claviger.toml:1`)
        ");
        insta::assert_snapshot!(fault("listen = [\"127.0.0.1:80\", \"localhost\"]"), @"
        `listen` is not a list of socket addresses: `localhost`
        hint: write an address and a port, such as `127.0.0.1:8080` or `[::1]:8080` (`claviger.toml:1`)
        ");
        insta::assert_snapshot!(fault("[database]\nurl = \"postgres://me:secret@db/claviger?tls=1\""), @"
        `database.url` has an unknown parameter: `postgres://…`
        hint: known are `sslmode`, `sslrootcert`, `sslcert`, `sslkey`, `host`, `hostaddr`, `port`, `dbname`, `user`, `password`, `application_name`, `options`, `options[search_path]`, `statement-cache-capacity` (`claviger.toml:2`)
        ");
        insta::assert_snapshot!(fault("[limits]\nshared = \"redis:hunter2@cache\""), @"
        `limits.shared` is not the URL of a Redis server: `…`
        hint: write `redis://host:6379` or, for TLS, `rediss://user:password@host:6379`, and `%40` for an `@` in the password (`claviger.toml:2`)
        ");
        insta::assert_snapshot!(fault("[passwords]\nrounds = 1000"), @"
        `passwords.rounds` is out of bounds: `1000`
        hint: write a number from 600000 to 10000000 (`claviger.toml:2`)
        ");
        insta::assert_snapshot!(fault("[log]\nformat = \"jsn\""), @"
        `log.format` is none of the words that it can be: `jsn`
        hint: write `json` or `human` (`claviger.toml:2`)
        ");
        insta::assert_snapshot!(fault("issuer = \"http://localhost\"\nlisten = ["), @"
        `claviger.toml` is not TOML: unclosed array, expected `]`
        hint: look at `claviger.toml:2`
        ");
        insta::assert_snapshot!(fault("[log]\nlevel = \"info\""), @"
        `issuer` is missing
        hint: write `issuer = …` in `claviger.toml`, or set `CLAVIGER_ISSUER`
        ");
    }

    #[test]
    fn values_outside_their_bounds_are_refused() {
        for text in [
            "listen = []",
            "listen = \"127.0.0.1:8080\"",
            "trusted_proxies = [\"10.0.0.0/33\"]",
            "forwarded_header = \"x-real-ip\"",
            "issuer = \"https://id.example.com/\"",
            "[database]\nurl = \"sqlite://\"",
            "[database]\nurl = \"sqlite::memory:\"",
            "[database]\nurl = \"data/claviger.db\"",
            "[keys]\nrsa_bits = 1024",
            "[keys]\nrsa_bits = \"2048\"",
            "[tokens]\nlost_response_window = \"31s\"",
            "[limits]\nlogin = true",
            "[limits]\naccount_per_minute = 0",
            "[limits]\naccount_per_minute = -5",
            "[limits]\nnodes = 0",
            "[limits]\nshared = \"localhost:6379\"",
            "[limits]\naccount_per_minute = 4294967301",
            "[users]\ndefault_role = \"\"",
            "[clients]\ndefault = \"00000000-0000-0000-0000-000000000000\"",
            "[log]\nlevel = \"inof\"",
            "[log]\nlevel = \"claviger\"",
            "[log]\nlevel = \"\"",
            "[log]\nlevel = \"info,[x]=debug\"",
            "[log]\nlevel = { a = 1 }",
            "[server]\ndrain_timeout = \"26s\"",
            "[pages]\nname = \" \"",
            "[pages]\nname = \"a\\nb\"",
            "[pages]\naccent_color = \"blue\"",
            "[pages]\naccent_color = \"#12345\"",
            "[pages]\nlogo = \"/nowhere/logo.svg\"",
            "[pages]\nlogo = \"Cargo.toml\"",
        ] {
            let fault = fault(text);
            assert!(!fault.contains("is missing") && !fault.contains("is not a key"), "{text:?}: {fault}");
        }
    }

    #[test]
    fn every_default_can_be_written_in_the_environment() {
        for key in KEYS.iter() {
            let text = match &key.default {
                None => continue,
                Some(Value::String(text)) => text.clone(),
                Some(Value::Array(parts)) => {
                    parts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
                }
                Some(other) => other.to_string(),
            };
            let mut settings = Settings::default();
            settings.add_variable(&key.variable, Some(&text)).unwrap();
            assert_eq!(settings.effective(key), key.default.as_ref());
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_configuration_or_a_fault(text in r#"([a-z.]{1,8}|[\[\]{}=" \n0-9]|keys|tls|listen){0,12}"#) {
            let _ = text.parse::<Config>();
        }

        #[test]
        fn any_variable_is_a_setting_or_a_fault(index in 0..KEYS.len(), text in ".{0,20}") {
            let _ = Settings::default().add_variable(&KEYS[index].variable, Some(&text));
        }
    }
}
