//! Challenges in `WWW-Authenticate` ([RFC 9110 §11.6.1]), of which an API owes one for `Bearer` ([RFC 6750 §3]).
//!
//! [RFC 9110 §11.6.1]: https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1
//! [RFC 6750 §3]: https://www.rfc-editor.org/rfc/rfc6750#section-3

use std::collections::BTreeMap;

use http::header::{HeaderMap, WWW_AUTHENTICATE};

/// A challenge: the scheme, in lower case, and its parameters by their names in lower case.
#[derive(Debug, PartialEq, Eq)]
struct Challenge {
    scheme: String,
    parameters: BTreeMap<String, String>,
}

/// What an answer says of Bearer tokens.
#[derive(Debug, PartialEq, Eq)]
pub enum Bearer {
    /// There is no challenge at all.
    Missing,
    /// There are challenges, but none for `Bearer`.
    Other,
    /// What is there cannot be read.
    Malformed,
    /// The parameters of the challenge for `Bearer`, by their names.
    Is(BTreeMap<String, String>),
}

/// Reads the challenge for `Bearer` of an answer.
pub fn bearer(headers: &HeaderMap) -> Bearer {
    let mut challenges = Vec::new();
    for value in headers.get_all(WWW_AUTHENTICATE) {
        match value.to_str().ok().and_then(read) {
            Some(read) => challenges.extend(read),
            None => return Bearer::Malformed,
        }
    }
    if challenges.is_empty() {
        return Bearer::Missing;
    }
    let bearer = challenges.into_iter().find(|challenge| challenge.scheme == "bearer");
    bearer.map_or(Bearer::Other, |challenge| Bearer::Is(challenge.parameters))
}

/// The challenges of one header field; `None` when it is malformed, or a parameter is given twice.
fn read(text: &str) -> Option<Vec<Challenge>> {
    let mut challenges: Vec<Challenge> = Vec::new();
    let mut rest = text.trim_start_matches([' ', '\t', ',']);
    while !rest.is_empty() {
        let (word, after) = token(rest)?;
        let after_space = after.trim_start_matches([' ', '\t']);
        rest = match after_space.strip_prefix('=') {
            Some(value) if !challenges.is_empty() && !value.starts_with('=') => {
                let (value, after) = value_of(value.trim_start_matches([' ', '\t']))?;
                let parameters = &mut challenges.last_mut()?.parameters;
                if parameters.insert(word.to_ascii_lowercase(), value).is_some() {
                    return None;
                }
                let after = after.trim_start_matches([' ', '\t']);
                if !after.is_empty() && !after.starts_with(',') {
                    return None;
                }
                after
            }
            Some(_) => return None,
            None => {
                if !after_space.is_empty() && !after.starts_with([' ', '\t', ',']) {
                    return None;
                }
                challenges.push(Challenge { scheme: word.to_ascii_lowercase(), parameters: BTreeMap::new() });
                skip_token68(after_space)
            }
        }
        .trim_start_matches([' ', '\t', ',']);
    }
    Some(challenges)
}

/// What comes behind the one value that a scheme may have in place of parameters, as `Negotiate` does.
fn skip_token68(text: &str) -> &str {
    let end = text.find([' ', '\t', ',']).unwrap_or(text.len());
    let (word, after) = text.split_at(end);
    let is_value = word
        .trim_end_matches('=')
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte));
    let is_alone = after.trim_start().is_empty() || after.trim_start().starts_with(',');
    if is_value && is_alone && (word.ends_with('=') || after.trim_start().is_empty()) { after } else { text }
}

fn token(text: &str) -> Option<(&str, &str)> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let end = text.bytes().position(|byte| !is_token(byte)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// A token or a quoted string, and what comes behind it.
fn value_of(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        return token(text).map(|(value, after)| (value.to_owned(), after));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            character => value.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[&str]) -> Bearer {
        let values = values.iter().map(|value| (WWW_AUTHENTICATE, value.parse().unwrap()));
        bearer(&HeaderMap::from_iter(values))
    }

    fn is(parameters: &[(&str, &str)]) -> Bearer {
        Bearer::Is(parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// RFC 6750 §3, RFC 9110 §11.6.1.
    #[test]
    fn the_challenge_for_bearer_is_found_among_others() {
        let example = [("realm", "example"), ("error", "invalid_token")];
        for values in [
            &[r#"Bearer realm="example", error="invalid_token""#][..],
            &[r#"bearer Realm = example ,error=invalid_token"#],
            &[r#"Basic realm="x, Bearer y=\"z", Bearer realm="example", error="invalid_token""#],
            &[r#"Bearer realm="example", error="invalid_token", Newauth realm="apps", type=1"#],
            &["Negotiate", r#"Bearer realm="example", error="invalid_token""#],
            &[r#"Negotiate YWJj==, Bearer realm="example", error="invalid_token""#],
        ] {
            assert_eq!(of(values), is(&example), "{values:?}");
        }
        assert_eq!(of(&["Bearer"]), is(&[]));
        assert_eq!(of(&["Bearer, Basic realm=x"]), is(&[]));
        assert_eq!(of(&[r#"Bearer a="say \"hi\"""#]), is(&[("a", "say \"hi\"")]));
    }

    #[test]
    fn what_is_missing_other_or_malformed_is_told_apart() {
        assert_eq!(of(&[]), Bearer::Missing);
        assert_eq!(of(&[""]), Bearer::Missing);
        assert_eq!(of(&["Basic realm=x", "Digest realm=y"]), Bearer::Other);
        for text in [
            "Bearer realm=\"x",
            "realm=\"x\"",
            "Bearer a=b a=b",
            "Bearer a=b, a=c",
            "Bearer error: x",
            "\"\"",
        ] {
            assert_eq!(of(&[text]), Bearer::Malformed, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[ -~\t]{0,60}") {
            let _ = read(&text);
        }
    }
}
