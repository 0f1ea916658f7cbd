//! APIs.

use std::collections::BTreeMap;

use super::{check_lifetime, check_scope_size};
use crate::fault::{Fault, did_you_mean};
use crate::metadata::Components;
use crate::model::{Api, Event, built_in_scopes};
use crate::protocol::{ApiUri, Issuer, Scope, ScopeToken};
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
    let api = Api { uri, scopes, access_token_lifetime, created_at: vault.clock.now() };
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
