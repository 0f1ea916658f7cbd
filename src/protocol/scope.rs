//! Scope ([RFC 6749 §3.3]): a set of case-sensitive tokens, on the wire separated by one space each.
//!
//! [RFC 6749 §3.3]: https://www.rfc-editor.org/rfc/rfc6749#section-3.3

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::Error;

/// One scope token: one or more of `!`, `#` to `[`, `]` to `~`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct ScopeToken(Cow<'static, str>);

/// The longest scope token that is taken, in bytes.
const TOKEN_BYTES: usize = 128;

impl ScopeToken {
    /// A token from a literal; what is not a token does not compile when used in a constant, as
    /// [`scope!`](crate::scope) does.
    pub const fn literal(text: &'static str) -> Self {
        assert!(is_token(text.as_bytes()), "not a scope token (RFC 6749 §3.3)");
        Self(Cow::Borrowed(text))
    }

    /// The token's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A scope token, checked when compiling: `scope!("users:read")`.
#[macro_export]
macro_rules! scope {
    ($text:literal) => {{
        const TOKEN: $crate::protocol::ScopeToken = $crate::protocol::ScopeToken::literal($text);
        TOKEN
    }};
}

const fn is_token(bytes: &[u8]) -> bool {
    let mut at = 0;
    while at < bytes.len() {
        if !matches!(bytes[at], 0x21 | 0x23..=0x5b | 0x5d..=0x7e) {
            return false;
        }
        at += 1;
    }
    !bytes.is_empty() && bytes.len() <= TOKEN_BYTES
}

impl FromStr for ScopeToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if is_token(text.as_bytes()) {
            Ok(Self(Cow::Owned(text.to_owned())))
        } else {
            Err(Error::invalid_scope(
                "a scope is 1 to 128 visible ASCII characters, no quote and no backslash",
            ))
        }
    }
}

impl fmt::Display for ScopeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A set of scope tokens: sorted, each once. Most have a few, so that a tree would mostly be room for more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope(Box<[ScopeToken]>);

impl Scope {
    /// What stands in both.
    pub fn intersection(&self, other: &Self) -> Self {
        self.iter().filter(|token| other.contains(token)).cloned().collect()
    }

    /// What stands in either.
    pub fn union(&self, other: &Self) -> Self {
        self.iter().chain(other.iter()).cloned().collect()
    }

    /// What stands here and not in `other`.
    pub fn difference(&self, other: &Self) -> Self {
        self.iter().filter(|token| !other.contains(token)).cloned().collect()
    }

    /// Whether everything in `self` stands in `other`.
    pub fn is_within(&self, other: &Self) -> bool {
        self.iter().all(|token| other.contains(token))
    }

    /// Whether `token` is in the set.
    pub fn contains(&self, token: &ScopeToken) -> bool {
        self.0.binary_search(token).is_ok()
    }

    /// Whether nothing is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tokens, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &ScopeToken> {
        self.0.iter()
    }
}

impl FromIterator<ScopeToken> for Scope {
    fn from_iter<I: IntoIterator<Item = ScopeToken>>(tokens: I) -> Self {
        let mut tokens: Vec<_> = tokens.into_iter().collect();
        tokens.sort_unstable();
        tokens.dedup();
        Self(tokens.into())
    }
}

impl From<ScopeToken> for Scope {
    fn from(token: ScopeToken) -> Self {
        Self([token].into())
    }
}

impl FromStr for Scope {
    type Err = Error;

    /// Reads the wire form. The empty text is the empty set; doubled tokens count once.
    fn from_str(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        text.split(' ').map(str::parse).collect()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, token) in self.0.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{token}")?;
        }
        Ok(())
    }
}

impl serde::Serialize for Scope {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scopes() -> impl Strategy<Value = Scope> {
        proptest::collection::btree_set("[a-d]{1,2}", 0..6)
            .prop_map(|tokens| tokens.iter().map(|token| token.parse().unwrap()).collect())
    }

    proptest! {
        #[test]
        fn a_scope_reads_back_as_it_was_written(scope in scopes()) {
            prop_assert_eq!(scope.to_string().parse::<Scope>().unwrap(), scope);
        }

        #[test]
        fn an_intersection_lies_within_both(one in scopes(), other in scopes()) {
            let both = one.intersection(&other);
            prop_assert!(both.is_within(&one) && both.is_within(&other));
        }

        #[test]
        fn any_text_is_a_scope_or_a_refusal(text in ".{0,40}") {
            if let Ok(scope) = text.parse::<Scope>() {
                prop_assert!(scope.iter().all(|token| text.split(' ').any(|part| part == token.as_str())));
            }
        }
    }

    #[test]
    fn order_and_doubles_say_nothing() {
        let scope: Scope = "b a b".parse().unwrap();
        assert_eq!(scope, "a b".parse().unwrap());
        assert_eq!(scope.to_string(), "a b");
        let other: Scope = "b c".parse().unwrap();
        let written = [scope.union(&other), scope.intersection(&other), scope.difference(&other)];
        assert_eq!(written.map(|scope| scope.to_string()), ["a b c", "b", "a"]);
    }

    #[test]
    fn malformed_scopes_are_refused() {
        for text in [" ", "a ", " a", "a  b", "a\tb", "a\"b", "a\\b", "é", "a\0"] {
            assert!(text.parse::<Scope>().is_err(), "{text:?}");
        }
    }
}
