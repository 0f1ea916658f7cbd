//! Loading: flag over environment over file over default, at start and again on SIGHUP.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::key::KEYS;
use super::settings::Settings;
use super::{Config, Fault, check};

/// The file that is read when none is named.
const DEFAULT_FILE: &str = "claviger.toml";

/// Where settings come from. The file is read at each [`Sources::load`]; environment and flags stay as they
/// were at the start.
#[derive(Clone, Debug)]
pub struct Sources {
    file: Option<PathBuf>,
    environment: Vec<(OsString, OsString)>,
    flags: Vec<(&'static str, &'static str, String)>,
}

/// A checked configuration, and where each of its settings was written.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    pub(super) settings: Settings,
}

impl Sources {
    /// A file and the variables of `environment`. A file that is named must exist; without a name,
    /// `claviger.toml` in the working directory is read if it is there.
    pub fn new(file: Option<PathBuf>, environment: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        Self { file, environment: environment.into_iter().collect(), flags: Vec::new() }
    }

    /// Sets `key` from a flag of the command line, written as a variable would be.
    pub fn with_flag(mut self, flag: &'static str, key: &'static str, text: impl Into<String>) -> Self {
        self.flags.push((flag, key, text.into()));
        self
    }

    /// Reads and checks everything.
    pub fn load(&self) -> Result<Loaded, Fault> {
        let mut settings = Settings::default();
        let path = self.file.as_deref().unwrap_or(Path::new(DEFAULT_FILE));
        match std::fs::read_to_string(path) {
            Ok(text) => settings.add_file(path, &text)?,
            Err(error) if error.kind() == ErrorKind::NotFound && self.file.is_none() => {}
            Err(error) => {
                let message = format!("`{}` cannot be read: {error}", path.display());
                return Err(Fault::new(message, "name a readable file by `--config` or `CLAVIGER_CONFIG`"));
            }
        }
        for (variable, value) in &self.environment {
            if let Some(variable) = variable.to_str() {
                settings.add_variable(variable, value.to_str())?;
            }
        }
        for (flag, key, text) in &self.flags {
            settings.add_flag(flag, key, text)?;
        }
        Loaded::new(settings)
    }
}

impl Loaded {
    fn new(settings: Settings) -> Result<Self, Fault> {
        let config = settings.config()?;
        check::as_a_whole(&config, &settings)?;
        Ok(Self { config, settings })
    }

    /// What this server may run with when `new` was loaded on SIGHUP: `new`, but for the keys that need a
    /// restart, which stay as they are; those of them that differ are named.
    pub fn adopt(&self, new: Self) -> Result<(Self, Vec<&'static str>), Fault> {
        let waiting = KEYS
            .iter()
            .filter(|key| key.needs_restart && self.settings.effective(key) != new.settings.effective(key));
        let waiting = waiting.map(|key| key.name.as_str()).collect();
        let settings = new.settings.with_those_of(&self.settings, |key| key.needs_restart);
        Ok((Self::new(settings)?, waiting))
    }
}

impl FromStr for Config {
    type Err = Fault;

    /// Reads and checks a TOML text alone, without environment and flags.
    fn from_str(text: &str) -> Result<Self, Fault> {
        let mut settings = Settings::default();
        settings.add_file(Path::new(DEFAULT_FILE), text)?;
        Loaded::new(settings).map(|loaded| loaded.config)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Seconds;
    use super::*;

    const SMALLEST: &str = r#"
        issuer = "http://127.0.0.1:8080"
        listen = ["127.0.0.1:8080"]
        trusted_proxies = []
        [database]
        url = "sqlite://data/claviger.db"
        [keys]
        directory = "keys"
        rsa_bits = 2048
        [limits]
        login = "on"        # "off" only for load tests; said loudly at start
    "#;

    /// A directory with `claviger.toml` in it, and the path of that.
    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("claviger.toml");
        std::fs::write(&path, text).unwrap();
        (directory, path)
    }

    fn variables<const N: usize>(variables: [(&str, &str); N]) -> [(OsString, OsString); N] {
        variables.map(|(name, value)| (name.into(), value.into()))
    }

    #[test]
    fn the_smallest_configuration_is_the_default_one() {
        let config: Config = SMALLEST.parse().unwrap();
        assert_eq!(config, "issuer = \"http://127.0.0.1:8080\"".parse().unwrap());
        assert_eq!(config.tokens.access_token_lifetime, Seconds::new(600));
        assert_eq!(config.keys.lead(), Seconds::new(600));
        assert_eq!(config.warnings(), []);
    }

    #[test]
    fn a_flag_comes_before_a_variable_before_the_file_before_the_default() {
        let (_directory, path) = file(
            "issuer = \"http://localhost:1\"\nlisten = [\"127.0.0.1:1\"]\n[keys]\nrsa_bits = 3072\n\
             [log]\nformat = \"human\"",
        );
        let environment = variables([
            ("CLAVIGER_LISTEN", "127.0.0.1:2, [::1]:2"),
            ("CLAVIGER_KEYS_RSA_BITS", "4096"),
            ("CLAVIGER_CONFIG", "elsewhere.toml"),
            ("PATH", "/bin"),
        ]);
        let sources = Sources::new(Some(path), environment).with_flag("--listen", "listen", "127.0.0.1:3");
        let config = sources.load().unwrap().config;

        assert_eq!(config.listen, ["127.0.0.1:3".parse().unwrap()], "flag");
        assert_eq!(config.keys.rsa_bits, 4096, "environment");
        assert_eq!(config.issuer.as_str(), "http://localhost:1", "file");
        assert_eq!(config.keys.directory, Path::new("keys"), "default");
    }

    #[test]
    fn lists_in_the_environment_are_separated_by_commas() {
        let environment = variables([
            ("CLAVIGER_ISSUER", "https://id.example.com"),
            ("CLAVIGER_LISTEN", "127.0.0.1:2, [::1]:2"),
            ("CLAVIGER_TRUSTED_PROXIES", ""),
        ]);
        let (_directory, path) = file("trusted_proxies = [\"10.0.0.0/8\"]");
        let config = Sources::new(Some(path), environment).load().unwrap().config;
        assert_eq!(config.listen, ["127.0.0.1:2".parse().unwrap(), "[::1]:2".parse().unwrap()]);
        assert_eq!(config.trusted_proxies, []);
    }

    #[test]
    fn a_file_that_is_named_must_exist() {
        let fault = Sources::new(Some("/nowhere/claviger.toml".into()), []).load().unwrap_err();
        assert!(fault.message.starts_with("`/nowhere/claviger.toml` cannot be read"), "{fault}");
    }

    #[test]
    fn a_variable_that_is_not_utf8_is_refused() {
        use std::os::unix::ffi::OsStringExt as _;
        let (_directory, path) = file(SMALLEST);
        let environment = [("CLAVIGER_LOG_LEVEL".into(), OsString::from_vec(vec![0xff]))];
        let fault = Sources::new(Some(path), environment).load().unwrap_err();
        assert_eq!(fault.message, "`CLAVIGER_LOG_LEVEL` is not UTF-8");
    }

    #[test]
    fn a_reload_changes_what_it_can_and_names_what_needs_a_restart() {
        let (_directory, path) = file("issuer = \"http://localhost:1\"\n[server]\nconnections = 300");
        let sources = Sources::new(Some(path.clone()), []);
        let running = sources.load().unwrap();

        std::fs::write(&path, "issuer = \"http://localhost:2\"\n[tokens]\naccess_token_lifetime = \"5m\"")
            .unwrap();
        let (adopted, waiting) = running.adopt(sources.load().unwrap()).unwrap();

        assert_eq!(waiting, ["issuer", "server.connections"]);
        assert_eq!(adopted.config.issuer.as_str(), "http://localhost:1");
        assert_eq!(adopted.config.server.connections, 300);
        assert_eq!(adopted.config.tokens.access_token_lifetime, Seconds::new(300));
    }

    #[test]
    fn a_reload_is_checked_with_what_stays() {
        let (_directory, path) = file("issuer = \"http://localhost\"\n[keys]\njwks_max_age = \"24h\"");
        let sources = Sources::new(Some(path.clone()), []);
        let running = sources.load().unwrap();
        std::fs::write(&path, "issuer = \"http://localhost\"\n[keys]\nrotate_every = \"1h\"").unwrap();
        let fault = running.adopt(sources.load().unwrap()).unwrap_err();
        assert!(fault.message.starts_with("`keys.rotate_every` is too short"), "{fault}");
    }
}
