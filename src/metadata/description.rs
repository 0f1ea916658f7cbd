//! The description of every endpoint ([OpenAPI 3.1]): one file, written by hand, with three holes that are filled here.
//!
//! An endpoint is described also while nobody may use it: it is there, and refuses. How people sign in follows from the
//! metadata, so that both say the same.
//!
//! [OpenAPI 3.1]: https://spec.openapis.org/oas/v3.1.0.html

use std::collections::BTreeMap;

use serde::Serialize;

use super::Metadata;
use super::openapi::Flow;
use crate::model::Api;

/// Below the issuer: where the page at `/docs` gets its codes. The public client that is registered with it is the
/// page's own.
pub const REDIRECT_PATH: &str = "/docs/oauth2-redirect.html";

const FILE: &str = include_str!("openapi.json");

/// What the scopes give that no API knows.
const BUILT_IN: [(&str, &str); 6] = [
    ("openid", "Who you are, in an ID token and at userinfo."),
    ("profile", "Your name and the rest of your profile."),
    ("email", "Your e-mail address."),
    ("address", "Your postal address."),
    ("phone", "Your phone number."),
    ("offline_access", "Refresh tokens that outlive the session."),
];

/// The description of a server with this metadata and these APIs, as JSON.
pub fn describe(metadata: &Metadata<'_>, apis: &[Api]) -> Vec<u8> {
    let known = apis.iter().flat_map(|api| &api.scopes);
    let meanings: BTreeMap<_, _> = known
        .map(|(scope, meaning)| (scope.as_str(), meaning.as_deref().unwrap_or_default()))
        .chain(BUILT_IN)
        .collect();
    let scopes = metadata.scopes_supported.iter();
    let scopes: BTreeMap<_, _> = scopes
        .map(|scope| (scope.as_str(), meanings.get(scope.as_str()).copied().unwrap_or_default()))
        .collect();
    let flow = |authorization_url| Flow {
        authorization_url,
        token_url: metadata.token_endpoint.clone(),
        scopes: scopes.clone(),
    };
    // Those that lead to an access token of a user: a client's own opens nothing here.
    let code = metadata.sign_in.as_ref().map(|sign_in| flow(Some(sign_in.authorization_endpoint.clone())));
    let password = metadata.grant_types_supported.contains(&"password").then(|| flow(None));
    let flows = [("authorizationCode", code), ("password", password)];
    let flows: BTreeMap<_, _> = flows.into_iter().filter_map(|(name, flow)| Some((name, flow?))).collect();
    let holes = [
        ("{version}", json(env!("CARGO_PKG_VERSION"))),
        ("{issuer}", json(metadata.issuer)),
        ("{flows}", json(&flows)),
    ];
    let fill = |text: String, (hole, filling): &(&str, String)| text.replace(&format!("\"{hole}\""), filling);
    holes.iter().fold(FILE.to_owned(), fill).into_bytes()
}

fn json(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).expect("texts and maps of texts are JSON")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;
    use crate::protocol::Issuer;

    fn described(issuer: &str, apis: &[Api]) -> Value {
        let issuer: Issuer = issuer.parse().unwrap();
        let text =
            String::from_utf8(describe(&Metadata::new(&issuer, &BTreeSet::new(), apis), apis)).unwrap();
        assert!(!["{version}", "{issuer}", "{flows}"].iter().any(|hole| text.contains(hole)), "{text}");
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_server_without_clients_offers_no_way_to_sign_in() {
        let description = described("https://id.example.com/tenant", &[]);
        assert_eq!(description["servers"], json!([{ "url": "https://id.example.com/tenant" }]));
        assert_eq!(description["components"]["securitySchemes"]["oauth2"]["flows"], json!({}));
    }

    #[test]
    fn every_built_in_scope_has_a_meaning() {
        let named: std::collections::BTreeSet<_> =
            BUILT_IN.iter().map(|(scope, _)| scope.to_string()).collect();
        assert_eq!(named, crate::model::built_in_scopes().iter().map(ToString::to_string).collect());
    }
}
