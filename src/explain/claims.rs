//! What each claim means, in a sentence.

use serde_json::Value;

use super::ending::Grounds;
use super::jwt::Jwt;
use super::{Desk, Said, when};
use crate::issue;
use crate::model::{Api, built_in_scopes};
use crate::store;

/// Who and what a token is about, as far as it is known here.
pub(super) struct Known<'a> {
    /// What it rests on; `None` when nothing that it says was verified.
    pub grounds: Option<&'a Grounds>,
    /// All APIs.
    pub apis: Vec<Api>,
}

impl<'a> Known<'a> {
    pub(super) async fn load(desk: &Desk<'_>, grounds: Option<&'a Grounds>) -> Result<Self, store::Error> {
        Ok(Self { grounds, apis: desk.vault.store.apis().await? })
    }
}

/// The claims of `jwt`, each with its meaning.
pub(super) fn said(desk: &Desk<'_>, jwt: &Jwt<'_>, known: &Known<'_>) -> Vec<Said> {
    let claims = jwt.claims.iter();
    claims.map(|(name, value)| Said::new(name, value.clone(), meaning(desk, name, value, known))).collect()
}

fn meaning(desk: &Desk<'_>, name: &str, value: &Value, known: &Known<'_>) -> String {
    let text = value.as_str().unwrap_or_default();
    match (name, value.as_i64()) {
        ("iss", _) if text == desk.config.issuer.as_str() => "the issuer: this server".to_owned(),
        ("iss", _) => "the issuer: another one than this server".to_owned(),
        ("sub", _) => subject(known),
        ("aud", _) => audience(desk, text, known),
        ("client_id", _) => format!("the client that it was given to{}", client(known)),
        ("exp", Some(at)) => format!("it expires at {}", when(at, desk.now)),
        ("iat", Some(at)) => format!("it was issued at {}", when(at, desk.now)),
        ("nbf", Some(at)) => format!("it is good from {} on", when(at, desk.now)),
        ("auth_time", Some(at)) => format!("the user proved who they are at {}", when(at, desk.now)),
        ("jti", _) => match issue::family_of(text) {
            Some(family) => format!("its own id; it belongs to the grant `{family}`, and ends with it"),
            None => "its own id".to_owned(),
        },
        ("scope", _) => scope(text, known),
        ("roles", _) => "the user's roles that mean something to the API".to_owned(),
        ("nonce", _) => "what the client sent along with its request, for it to compare".to_owned(),
        ("acr", _) => "how many factors the user proved".to_owned(),
        ("amr", _) => "by which means the user proved who they are; `pwd` is a password".to_owned(),
        ("at_hash", _) => "the hash of the access token that it came with".to_owned(),
        ("sid", _) => "the session of the user's browser".to_owned(),
        ("events", _) => "what happened: the user signed out".to_owned(),
        _ if crate::model::CLAIMS.iter().any(|claim| claim.name == name) => "about the user".to_owned(),
        _ => "not a claim that this server gives".to_owned(),
    }
}

fn subject(known: &Known<'_>) -> String {
    match known.grounds {
        Some(Grounds { user: Some(user), client, .. }) => {
            let is_pairwise = client.as_ref().is_some_and(|client| client.sector.is_some());
            let how = if is_pairwise { ", by the id that this client knows them by" } else { "" };
            let state = if user.disabled_at.is_some() { ", who is disabled" } else { "" };
            format!("the user `{}`{how}{state}", user.username)
        }
        Some(Grounds { user: None, client: Some(_), family: None }) => {
            "the client itself, or a user who is not known any more".to_owned()
        }
        _ => "whom it is about".to_owned(),
    }
}

fn client(known: &Known<'_>) -> String {
    match known.grounds.map(|grounds| &grounds.client) {
        Some(Some(client)) => {
            let name = client.name.as_ref().map(|name| format!(", {name}")).unwrap_or_default();
            let state = if client.disabled_at.is_some() { ", which is disabled" } else { "" };
            format!("{name}{state}")
        }
        Some(None) => ", which is not registered any more".to_owned(),
        None => String::new(),
    }
}

fn audience(desk: &Desk<'_>, uri: &str, known: &Known<'_>) -> String {
    let is_client =
        known.grounds.and_then(|grounds| grounds.client.as_ref()).is_some_and(|it| it.id.as_str() == uri);
    if uri == desk.config.issuer.as_str() {
        "it is for this server itself".to_owned()
    } else if known.apis.iter().any(|api| api.uri.as_str() == uri) {
        "it is for this API, and no other may take it".to_owned()
    } else if is_client {
        "it is for this client, and tells it who signed in".to_owned()
    } else {
        "whom it is for: no API that is registered here".to_owned()
    }
}

/// Each scope with what its API says of it.
fn scope(text: &str, known: &Known<'_>) -> String {
    let built_in = built_in_scopes();
    let meanings = text.split(' ').filter(|token| !token.is_empty()).map(|token| {
        let mut of_apis = known.apis.iter().flat_map(|api| &api.scopes);
        let found = of_apis.find(|(scope, _)| scope.as_str() == token);
        match found {
            Some((_, Some(description))) => format!("`{token}`: {description}"),
            Some((_, None)) => format!("`{token}`"),
            None if built_in.iter().any(|scope| scope.as_str() == token) => {
                format!("`{token}`, about the user's own person")
            }
            None => format!("`{token}`, which no API knows"),
        }
    });
    format!("what it allows: {}", meanings.collect::<Vec<_>>().join("; "))
}
