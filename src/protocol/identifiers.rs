//! Names of clients, users and roles: short visible ASCII, parsed once.

use std::fmt;
use std::str::FromStr;

use super::Error;

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $parse:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        pub struct $name(String);

        impl $name {
            /// The name's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                let parse: fn(&str) -> Result<String, &'static str> = $parse;
                parse(text).map(Self).map_err(Error::invalid_request)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

identifier! {
    /// A client's identifier ([RFC 6749 §2.2](https://www.rfc-editor.org/rfc/rfc6749#section-2.2)): 1 to 128
    /// visible ASCII characters without `"` and `\`. It is never a UUID, so that the `sub` of a client cannot equal a user's.
    ClientId, |text| {
        if uuid::Uuid::try_parse(text).is_ok() {
            return Err("a client id is not a UUID: those are users");
        }
        let id = visible(text).filter(|id| !id.contains(['"', '\\']));
        id.ok_or("a client id is 1 to 128 visible ASCII characters, no quote and no backslash")
    }
}

identifier! {
    /// A user's name: 1 to 128 visible ASCII characters, of which `A` and `a` are the same; kept in lower
    /// case, the one canonical form of all spellings.
    Username, |text| {
        visible(text).map(|text| text.to_ascii_lowercase()).ok_or("a username is 1 to 128 visible ASCII characters")
    }
}

identifier! {
    /// A role's name: 1 to 64 letters, digits, `-`, `_`, `.` and `:`.
    RoleName, |text| {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        if (1..=64).contains(&text.len()) && text.bytes().all(is_name) {
            Ok(text.to_owned())
        } else {
            Err("a role's name is 1 to 64 letters, digits, `-`, `_`, `.` and `:`")
        }
    }
}

impl Username {
    /// A name that no user has, which stands for every text that is not a name.
    pub fn nobody() -> Self {
        Self(String::new())
    }
}

fn visible(text: &str) -> Option<String> {
    ((1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()))
        .then(|| text.to_owned())
}
