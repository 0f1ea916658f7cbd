//! APIs.

use std::collections::BTreeMap;

use super::{check_lifetime, check_scope_size};
use crate::fault::{Fault, did_you_mean};
use crate::metadata::Components;
use crate::model::{Api, Event, built_in_scopes};
use crate::protocol::{ApiUri, Issuer, Scope, ScopeToken};
use crate::store::TestApi;
use crate::vault::Vault;

/// Adds an API with its scopes, each with a description if there is one.
pub async fn add(
    vault: &Vault,
    uri: ApiUri,
    scopes: BTreeMap<ScopeToken, Option<String>>,
    access_token_lifetime: Option<i64>,
) -> Result<Api, Fault> {
    check_lifetime(access_token_lifetime)?;
    check_scope_size(&scopes.keys().cloned().collect())?;
    if scopes.values().flatten().any(|description| description.chars().any(char::is_control)) {
        return Err(Fault::new("a description has control characters in it", "write it as one line of text"));
    }
    let created_at = vault.clock.now();
    let api = Api { uri, scopes, access_token_lifetime, test_since: None, created_at };
    let entry = vault.audit(Event::ApiAdded).detail(api.uri.to_string());
    if vault.store.add_api(api.clone(), entry).await? {
        Ok(api)
    } else {
        let hint =
            format!("see `claviger api show {0}`, or remove it first: `claviger api remove {0}`", api.uri);
        Err(Fault::new(format!("there is an API `{}` already", api.uri), hint))
    }
}

/// The API at `uri`.
pub async fn find(vault: &Vault, uri: &ApiUri) -> Result<Api, Fault> {
    match vault.store.api(uri).await? {
        Some(api) => Ok(api),
        None => Err(unknown(&vault.store.apis().await?, uri)),
    }
}

/// How an OpenAPI description says where tokens for `api` come from.
pub async fn components<'a>(vault: &Vault, issuer: &Issuer, api: &'a Api) -> Result<Components<'a>, Fault> {
    Components::new(issuer, api, &vault.store.clients().await?).ok_or_else(|| {
        let hint =
            format!("add one first: `claviger client add ID --api {} --grant GRANT --scope SCOPE`", api.uri);
        Fault::new(format!("no client may ask for tokens for `{}`", api.uri), hint)
    })
}

/// Marks an API as one for tests, or as none.
pub async fn set_test(vault: &Vault, uri: &ApiUri, is_test: bool) -> Result<Api, Fault> {
    let entry = vault.audit(Event::ApiChanged);
    let test_since = is_test.then_some(entry.at);
    let entry = entry.detail(format!("{uri}: {}", if is_test { "for tests" } else { "not for tests" }));
    vault.store.set_test_api(uri.clone(), test_since, entry).await?;
    find(vault, uri).await
}

/// The API for tests that has `scope`: the one at `uri`, or else the only one there is.
pub async fn find_test(vault: &Vault, uri: Option<&ApiUri>, scope: &ScopeToken) -> Result<TestApi, Fault> {
    let mut tests = vault.store.test_apis().await?;
    if let Some(uri) = uri {
        let api = find(vault, uri).await?;
        tests.retain(|test| test.uri == *uri);
        let test = tests.pop().ok_or_else(|| {
            Fault::new(
                format!("`{uri}` is not marked as an API for tests, so no bad tokens are made for it"),
                format!("if its data is made for tests, mark it: `claviger api set {uri} --test`"),
            )
        })?;
        let scopes = || api.scopes.keys().map(ScopeToken::as_str);
        let all = format!("`claviger api show {uri}` shows all");
        return if test.scopes.contains_key(scope) {
            Ok(test)
        } else {
            let message = format!("the API `{uri}` has no scope `{scope}`");
            Err(Fault::new(message, did_you_mean(scope.as_str(), scopes(), &all)))
        };
    }
    tests.retain(|test| test.scopes.contains_key(scope));
    match (tests.pop(), tests.pop()) {
        (Some(test), None) => Ok(test),
        (Some(_), Some(_)) => Err(Fault::new(
            format!("several APIs that are marked for tests have the scope `{scope}`"),
            "say which is meant: `--audience URI`",
        )),
        (None, _) => Err(Fault::new(
            format!("no API that is marked for tests has the scope `{scope}`"),
            "mark one whose data is made for tests: `claviger api set URI --test`; `claviger api list` shows all",
        )),
    }
}

/// Removes an API that no client may ask for any more.
pub async fn remove(vault: &Vault, uri: &ApiUri) -> Result<(), Fault> {
    let users = vault.store.clients().await?.into_iter().filter(|client| client.apis.contains(uri));
    let users: Vec<_> = users.map(|client| client.id.to_string()).collect();
    if !users.is_empty() {
        let message = format!("the API `{uri}` is asked for by `{}`", users.join("`, `"));
        return Err(Fault::new(message, "remove these clients first: `claviger client remove ID`"));
    }
    let entry = vault.audit(Event::ApiRemoved).detail(uri.to_string());
    if vault.store.remove_api(uri.clone(), entry).await? {
        Ok(())
    } else {
        Err(unknown(&vault.store.apis().await?, uri))
    }
}

/// Refuses scopes that none of `apis` knows.
pub(super) fn check_known(apis: &[Api], scope: &Scope) -> Result<(), Fault> {
    let built_in = built_in_scopes();
    let is_known = |token: &ScopeToken| {
        built_in.contains(token) || apis.iter().any(|api| api.scopes.contains_key(token))
    };
    let Some(unknown) = scope.iter().find(|token| !is_known(token)) else { return Ok(()) };
    let names: Vec<_> = apis.iter().map(|api| format!("`{}`", api.uri)).collect();
    let known = apis.iter().flat_map(|api| api.scopes.keys()).chain(built_in.iter()).map(ScopeToken::as_str);
    let all = "`claviger api list` shows the scopes of all; `claviger api add URI --scope NAME` adds an API with its own";
    Err(Fault::new(
        format!(
            "the scope `{unknown}` is not one of {}",
            if names.is_empty() { "any API".to_owned() } else { names.join(", ") }
        ),
        did_you_mean(unknown.as_str(), known, all),
    ))
}

/// The fault that none of `apis` is `uri`.
pub(super) fn unknown(apis: &[Api], uri: &ApiUri) -> Fault {
    let all = format!(
        "`claviger api list` shows all, and URIs are compared as written; `claviger api add {uri} --scope S` adds it"
    );
    let known = apis.iter().map(|api| api.uri.as_str());
    Fault::new(format!("there is no API `{uri}`"), did_you_mean(uri.as_str(), known, &all))
}
