//! Keys: everything that can be configured, as the fields of [`Config`] and their documentation say.

use std::sync::LazyLock;

use confique::Config as _;
use confique::meta::{FieldKind, LeafKind};
use serde::Deserialize as _;
use toml::Value;

use super::Config;
use super::{database_url, redis_url};

pub(super) type ConfigLayer = <Config as confique::Config>::Layer;

/// Begins the names of environment variables.
pub(super) const PREFIX: &str = "CLAVIGER_";

/// Variables with the prefix that are no keys: where the file is, and the sealing keys themselves.
pub(super) const OTHER_VARIABLES: [&str; 2] = ["CLAVIGER_CONFIG", "CLAVIGER_SEALING_KEYS"];

/// Stands in the documentation of a key that a reload does not change.
const NEEDS_RESTART: &str = "Needs a restart";

/// A key that can be configured.
pub(super) struct Key {
    /// Its name with its section: `keys.rsa_bits`.
    pub(super) name: String,
    /// Its environment variable: `CLAVIGER_KEYS_RSA_BITS`.
    pub(super) variable: String,
    pub(super) default: Option<Value>,
    pub(super) is_required: bool,
    pub(super) needs_restart: bool,
}

/// Every key, in the order of the template.
pub(super) static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
    let mut keys = Vec::new();
    collect("", Config::META.fields, &mut keys);
    keys
});

fn collect(section: &str, fields: &[confique::meta::Field], keys: &mut Vec<Key>) {
    for field in fields {
        let name = format!("{section}{}", field.name);
        match field.kind {
            FieldKind::Nested { meta } => collect(&format!("{name}."), meta.fields, keys),
            FieldKind::Leaf { kind, .. } => {
                let default = match kind {
                    LeafKind::Required { default } => default,
                    LeafKind::Optional => None,
                };
                keys.push(Key {
                    variable: format!("{PREFIX}{}", name.replace('.', "_").to_ascii_uppercase()),
                    default: default.map(|value| Value::try_from(value).expect("a literal is a TOML value")),
                    is_required: matches!(kind, LeafKind::Required { default: None }),
                    needs_restart: field.doc.concat().contains(NEEDS_RESTART),
                    name,
                });
            }
        }
    }
}

impl Key {
    /// A text as a value of this key's type, which its default shows; what it cannot be stays text, for
    /// the refusal to show.
    pub(super) fn read(&self, text: &str) -> Value {
        match &self.default {
            Some(Value::Array(_)) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                Value::Array(parts.map(|part| Value::String(part.to_owned())).collect())
            }
            Some(Value::Integer(_)) => {
                text.parse().map_or_else(|_| Value::String(text.to_owned()), Value::Integer)
            }
            _ => Value::String(text.to_owned()),
        }
    }

    /// The layer in which this key alone is set.
    pub(super) fn layer(&self, value: &Value) -> Result<ConfigLayer, toml::de::Error> {
        let table = |name: &str, value| Value::Table(toml::Table::from_iter([(name.to_owned(), value)]));
        let tree = self.name.rsplit('.').fold(value.clone(), |value, name| table(name, value));
        ConfigLayer::deserialize(tree)
    }

    /// A value of this key as it may be shown: a URL without its password.
    pub(super) fn shown(&self, value: &Value) -> Value {
        match (self.name.as_str(), value) {
            ("database.url", Value::String(url)) => Value::String(database_url::redacted(url)),
            ("limits.shared", Value::String(url)) => Value::String(redis_url::redacted(url)),
            ("database.url" | "limits.shared", _) => Value::String("…".to_owned()),
            (_, value) => value.clone(),
        }
    }

    /// How this key's values are written.
    pub(super) fn example(&self) -> String {
        match &self.default {
            Some(Value::Array(_)) => "write a list of texts, as in `[\"…\"]`".to_owned(),
            Some(Value::Integer(number)) => format!("write a number, such as `{number}`"),
            Some(default) => format!("write a text in quotes, such as `{default}`"),
            None => "write a text in quotes".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_keys_share_a_variable() {
        let variables = KEYS.iter().map(|key| key.variable.as_str()).chain(OTHER_VARIABLES);
        let distinct: std::collections::BTreeSet<_> = variables.clone().collect();
        assert_eq!(distinct.len(), variables.count());
    }
}
