//! Code that checks the tokens of one API, for common stacks: files of `examples/`, which are tested as they are
//! printed, with the API and its issuer in the place of theirs.

use crate::model::{Api, Stack};
use crate::protocol::Issuer;

/// What the examples have in the place of an issuer, an API and its scopes.
const ISSUER: &str = "http://127.0.0.1:8080";
const API: &str = "https://items.example";
const SCOPES: [(&str, &str); 2] = [("items:read", "Read items"), ("items:write", "Write items")];

/// How a file writes scopes.
#[derive(Clone, Copy, Debug)]
enum Style {
    /// `{"a": "What it allows", "b": ""}`
    Described,
    /// `"a", "b"`
    Quoted,
    /// `a b`, in a comment
    Plain,
}

macro_rules! example {
    ($file:literal) => {
        include_str!(concat!("../../../examples/", $file))
    };
}

/// The file that checks tokens in the example of a stack.
fn file(stack: Stack) -> (&'static str, Style) {
    match stack {
        Stack::Fastapi => (example!("fastapi/auth.py"), Style::Described),
        Stack::Express => (example!("express/auth.mjs"), Style::Quoted),
        Stack::Go => (example!("go/auth.go"), Style::Quoted),
        Stack::Axum => (example!("axum/src/auth.rs"), Style::Quoted),
        Stack::Warp => (example!("warp/src/auth.rs"), Style::Quoted),
        Stack::Spring => (example!("spring/Auth.java"), Style::Plain),
        Stack::Nginx => (example!("nginx/auth.js"), Style::Quoted),
        Stack::Apache => (example!("apache/auth.conf"), Style::Plain),
    }
}

/// The code that checks the tokens that `issuer` makes for `api`.
pub(super) fn code(stack: Stack, issuer: &Issuer, api: &Api) -> String {
    let (file, style) = file(stack);
    let scopes = api.scopes.iter();
    let scopes: Vec<_> = scopes
        .map(|(scope, description)| (scope.as_str(), description.as_deref().unwrap_or_default()))
        .collect();
    let any = scopes.first().map_or("", |(scope, _)| scope);
    replaced(
        file,
        &[
            (&quoted(ISSUER), &quoted(issuer.as_str())),
            (&quoted(API), &quoted(api.uri.as_str())),
            (&written(&SCOPES, style), &written(&scopes, style)),
            (SCOPES[0].0, any),
        ],
    )
}

fn written(scopes: &[(&str, &str)], style: Style) -> String {
    let each = scopes.iter().map(|(scope, description)| match style {
        Style::Described => format!("{}: {}", quoted(scope), quoted(description)),
        Style::Quoted => quoted(scope),
        Style::Plain => (*scope).to_owned(),
    });
    let each: Vec<_> = each.collect();
    match style {
        Style::Described => format!("{{{}}}", each.join(", ")),
        Style::Quoted => each.join(", "),
        Style::Plain => each.join(" "),
    }
}

/// As a string of JSON, which is one in each of the languages: URIs and scopes are visible ASCII without `"` and `\`,
/// and descriptions, which may have both, stand only in Python.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// `text` with each of the words in the place of another; what has been put in is not looked at again.
fn replaced(text: &str, words: &[(&str, &str)]) -> String {
    let next = |rest: &str| {
        let found = words.iter().filter_map(|(word, by)| Some((rest.find(word)?, word.len(), *by)));
        found.min_by_key(|(at, ..)| *at)
    };
    let (mut rest, mut done) = (text, String::new());
    while let Some((at, length, by)) = next(rest) {
        done += &rest[..at];
        done += by;
        rest = &rest[at + length..];
    }
    done + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(uri: &str, scopes: &[(&str, &str)]) -> Api {
        let scopes = scopes.iter().map(|(scope, what)| (scope.parse().unwrap(), Some((*what).to_owned())));
        Api {
            uri: uri.parse().unwrap(),
            scopes: scopes.collect(),
            access_token_lifetime: None,
            created_at: 0,
            test_since: None,
        }
    }

    #[test]
    fn code_is_for_this_issuer_and_api_and_keeps_nothing_of_the_example_s() {
        let issuer = "https://id.example.com/tenant".parse().unwrap();
        let api = api("urn:orders", &[("orders.read", "See \"all\" orders \\ today"), ("orders.write", "")]);
        for (name, stack) in Stack::ALL {
            let code = code(*stack, &issuer, &api);
            for there in
                [r#""https://id.example.com/tenant""#, r#""urn:orders""#, "orders.read", "orders.write"]
            {
                assert!(code.contains(there), "{}: {there}\n{code}", name);
            }
            for gone in [ISSUER, "items.example", "items:read", "items:write", "Read items", "127.0.0.1"] {
                assert!(!code.contains(gone), "{}: {gone}\n{code}", name);
            }
        }
    }

    #[test]
    fn a_description_is_written_as_the_language_has_it() {
        let api = api("urn:orders", &[("a", "See \"all\" \\ of it, ünd"), ("b", "")]);
        let code = code(Stack::Fastapi, &ISSUER.parse().unwrap(), &api);
        assert!(code.contains(r#"SCOPES = {"a": "See \"all\" \\ of it, ünd", "b": ""}"#), "{code}");
    }

    /// Else what is put in could be taken for the example's.
    #[test]
    fn what_has_been_put_in_stays() {
        let api = api(ISSUER, &[("a", "like items:read"), ("items:read", ISSUER), ("items:write", "")]);
        let code = code(Stack::Fastapi, &API.parse().unwrap(), &api);
        assert!(code.contains(&format!("ISSUER = \"{API}\"\nAUDIENCE = \"{ISSUER}\"\n")), "{code}");
        let scopes =
            format!(r#"SCOPES = {{"a": "like items:read", "items:read": "{ISSUER}", "items:write": ""}}"#);
        assert!(code.contains(&scopes), "{code}");
    }
}
