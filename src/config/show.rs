//! Showing the configuration, without the passwords that a URL may hold. Other secrets stand in files of their own.

use std::fmt::Write as _;

use toml::Value;

use super::key::KEYS;
use super::{Config, Loaded};

/// Every key with its documentation and its default, commented out: a `claviger.toml` to begin with.
pub fn template() -> String {
    let verbose = confique::toml::template::<Config>(confique::toml::FormatOptions::default());
    let mut text = String::new();
    for line in verbose.lines() {
        // The default stands in the key itself; what says so again goes, with the empty comment before it.
        if line.starts_with("# Default value: ") {
            text.truncate(text.strip_suffix("#\n").map_or(text.len(), str::len));
        } else {
            text.extend([line, "\n"]);
        }
    }
    text
}

impl Loaded {
    /// What holds, as TOML; where it is not the default, with the place in which it was written.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        let mut section = "";
        for key in KEYS.iter() {
            let Some(value) = self.settings.effective(key).map(|value| key.shown(value)) else { continue };
            let (own_section, name) = key.name.rsplit_once('.').unwrap_or(("", &key.name));
            if own_section != section {
                section = own_section;
                let _ = writeln!(text, "\n[{section}]");
            }
            let origin = self.settings.find(&key.name).map(|setting| format!("  # {}", setting.origin));
            let _ = writeln!(text, "{name} = {value}{}", origin.unwrap_or_default());
        }
        text
    }

    /// What holds, as a tree of values.
    pub fn to_json(&self) -> serde_json::Value {
        let mut tree = toml::Table::new();
        for key in KEYS.iter() {
            let Some(value) = self.settings.effective(key).map(|value| key.shown(value)) else { continue };
            match key.name.split_once('.') {
                None => drop(tree.insert(key.name.clone(), value)),
                Some((section, name)) => {
                    let section = tree.entry(section).or_insert_with(|| Value::Table(toml::Table::new()));
                    let section = section.as_table_mut().expect("a section is a table");
                    section.insert(name.to_owned(), value);
                }
            }
        }
        serde_json::to_value(tree).expect("texts, numbers and lists of texts are JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::super::Sources;
    use super::*;

    const OWN: &str = "issuer = \"http://localhost:8080\"";

    #[test]
    fn the_template_with_its_comments_removed_is_the_default_configuration() {
        let template = template();
        // Keys without a default stand as `#key =`; a line of prose begins with `# `.
        let keys = template.lines().map(|line| match line.strip_prefix('#') {
            Some(key) if !key.starts_with(' ') && !key.ends_with('=') => key,
            Some(_) => "",
            None => line,
        });
        let text = format!("{OWN}\n{}", keys.collect::<Vec<_>>().join("\n"));
        assert_eq!(text.parse::<Config>(), OWN.parse(), "{text}");
        assert!(KEYS.iter().all(|key| template.contains(key.name.rsplit('.').next().unwrap())));
    }

    #[test]
    fn the_password_of_the_database_is_not_shown() {
        let variable = ("CLAVIGER_DATABASE_URL".into(), "postgres://me:hunter2@localhost/claviger".into());
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("claviger.toml");
        std::fs::write(&path, OWN).unwrap();
        let loaded = Sources::new(Some(path), [variable]).load().unwrap();
        assert!(loaded.to_toml().contains("url = \"postgres://me:[redacted]@localhost/claviger\""));
        for shown in [loaded.to_toml(), loaded.to_json().to_string(), format!("{:?}", loaded.config)] {
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn no_password_is_shown_whether_or_not_the_value_is_good() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("claviger.toml");
        let load = |value: &str| {
            std::fs::write(&path, format!("{OWN}\n[limits]\nshared = {value}")).unwrap();
            Sources::new(Some(path.clone()), []).load()
        };
        let loaded = load("\"redis://me:hunter2@cache.example:6379\"").unwrap();
        assert!(loaded.to_toml().contains("shared = \"redis://[redacted]@cache.example:6379\""));
        assert_eq!(loaded.to_json()["limits"]["shared"], "redis://[redacted]@cache.example:6379");
        assert!(!format!("{:?}", loaded.config).contains("hunter2"));
        for value in ["\"redis:hunter2@cache\"", "[\"redis://:hunter2@cache\"]", "{ url = \"hunter2\" }"] {
            let fault = load(value).unwrap_err().to_string();
            assert!(fault.contains("limits.shared") && !fault.contains("hunter2"), "{fault}");
        }
    }

    #[test]
    fn what_is_shown_is_a_configuration_that_means_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("claviger.toml");
        std::fs::write(
            &path,
            format!("{OWN}\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n[users]\ndefault_role = \"staff\""),
        )
        .unwrap();
        let variable = ("CLAVIGER_LOG_LEVEL".into(), "debug".into());
        let loaded = Sources::new(Some(path.clone()), [variable]).load().unwrap();

        let text = loaded.to_toml();
        assert_eq!(text.parse::<Config>(), Ok(loaded.config.clone()), "{text}");
        assert!(
            text.contains(&format!("issuer = \"http://localhost:8080\"  # `{}:1`", path.display())),
            "{text}"
        );
        assert!(text.contains("level = \"debug\"  # `CLAVIGER_LOG_LEVEL`"), "{text}");
        assert_eq!(loaded.to_json()["keys"]["rsa_bits"], 2048);
        assert_eq!(loaded.to_json()["trusted_proxies"][1], "::1");
    }
}
