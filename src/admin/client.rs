//! Clients ([RFC 6749 §2], [RFC 7591 §2]).
//!
//! [RFC 6749 §2]: https://www.rfc-editor.org/rfc/rfc6749#section-2
//! [RFC 7591 §2]: https://www.rfc-editor.org/rfc/rfc7591#section-2

use super::{api, check_lifetime, check_scope_size};
use crate::fault::Fault;
use crate::grant::GRANTS;
use crate::model::{Api, AuthMethod, Client, Event, Profile, built_in_scopes};
use crate::protocol::{ApiUri, ClientId, LogoutUri, Origin, RedirectUri, Scope, Secret};
use crate::vault::Vault;

/// Characters of a client secret at least.
const SECRET_CHARACTERS: usize = 16;

/// A client as an operator describes it.
#[derive(Clone, Debug)]
pub struct Description {
    /// The id.
    pub id: ClientId,
    /// What users know it by.
    pub name: Option<String>,
    /// The grant types, by their wire names.
    pub grants: Vec<String>,
    /// The scope it may have.
    pub scope: Scope,
    /// The APIs it may ask for, the default first; none: the one that knows its scope.
    pub apis: Vec<ApiUri>,
    /// How it authenticates.
    pub auth_method: AuthMethod,
    /// Whether it is the company's own.
    pub first_party: bool,
    /// Where answers may be sent to.
    pub redirect_uris: Vec<RedirectUri>,
    /// Where a signed-out browser may go to.
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// Origins whose pages may call us.
    pub origins: Vec<Origin>,
    /// Seconds that its access tokens live.
    pub access_token_lifetime: Option<i64>,
    /// What it owes and is given.
    pub profile: Profile,
    /// The sector of its users' pairwise subjects.
    pub sector: Option<String>,
    /// Where it is told that a user signed out.
    pub backchannel_logout_uri: Option<LogoutUri>,
}

/// Adds a client; returns its secret, `given` or made here, unless it is public.
pub async fn add(
    vault: &Vault,
    description: Description,
    given: Option<Secret<String>>,
) -> Result<(Client, Option<Secret<String>>), Fault> {
    check_grants(&description)?;
    check_lifetime(description.access_token_lifetime)?;
    check_scope_size(&description.scope)?;
    let apis = resolve_apis(&vault.store.apis().await?, &description)?;

    let Description { id, auth_method, .. } = &description;
    let secret = match (auth_method, given) {
        (AuthMethod::None, None) => None,
        (AuthMethod::None, Some(_)) => {
            return Err(Fault::new(
                format!("`{id}` is public and has no secret"),
                "leave out `--public`, or the secret",
            ));
        }
        (_, given) => Some(secret(vault, given)?),
    };
    let digest = secret.as_ref().map(|secret| vault.hashes.of_client_secret(&description.id, secret));
    let client = Client {
        id: description.id,
        name: description.name,
        auth_method: description.auth_method,
        first_party: description.first_party,
        grants: description.grants,
        scope: description.scope,
        apis,
        redirect_uris: description.redirect_uris,
        post_logout_redirect_uris: description.post_logout_redirect_uris,
        origins: description.origins,
        access_token_lifetime: description.access_token_lifetime,
        profile: description.profile,
        sector: description.sector,
        backchannel_logout_uri: description.backchannel_logout_uri,
        generation: 0,
        created_at: vault.clock.now(),
        disabled_at: None,
    };
    let entry = vault.audit(Event::ClientAdded).client(&client.id);
    if vault.store.add_client(client.clone(), digest, entry).await? {
        Ok((client, secret))
    } else {
        let hint = format!("choose another id, or remove it first: `claviger client remove {}`", client.id);
        Err(Fault::new(format!("there is a client `{}` already", client.id), hint))
    }
}

/// The client `id`.
pub async fn find(vault: &Vault, id: &ClientId) -> Result<Client, Fault> {
    vault.store.client(id).await?.ok_or_else(|| unknown(id))
}

/// Gives a client a further secret, `given` or made here; the one before stays good for `overlap` seconds.
pub async fn rotate_secret(
    vault: &Vault,
    id: &ClientId,
    given: Option<Secret<String>>,
    overlap: i64,
) -> Result<Secret<String>, Fault> {
    if find(vault, id).await?.is_public() {
        return Err(Fault::new(format!("`{id}` is public and has no secret"), "nothing needs to be rotated"));
    }
    let secret = secret(vault, given)?;
    let ends = vault.clock.now().saturating_add(overlap);
    let entry = vault.audit(Event::ClientSecretRotated).client(id);
    let rotated = vault
        .store
        .rotate_client_secret(id.clone(), vault.hashes.of_client_secret(id, &secret), ends, entry)
        .await?;
    if rotated { Ok(secret) } else { Err(unknown(id)) }
}

/// Disables a client; whatever it was granted is dead.
pub async fn disable(vault: &Vault, id: &ClientId) -> Result<Client, Fault> {
    let entry = vault.audit(Event::ClientDisabled).client(id);
    if vault.store.disable_client(id.clone(), entry).await? {
        find(vault, id).await
    } else {
        Err(unknown(id))
    }
}

/// Lets a client ask for tokens again.
pub async fn enable(vault: &Vault, id: &ClientId) -> Result<Client, Fault> {
    let entry = vault.audit(Event::ClientEnabled).client(id);
    if vault.store.enable_client(id.clone(), entry).await? { find(vault, id).await } else { Err(unknown(id)) }
}

/// Removes a client with all it was granted.
pub async fn remove(vault: &Vault, id: &ClientId) -> Result<(), Fault> {
    let entry = vault.audit(Event::ClientRemoved).client(id);
    if vault.store.remove_client(id.clone(), entry).await? { Ok(()) } else { Err(unknown(id)) }
}

fn check_grants(description: &Description) -> Result<(), Fault> {
    let Description { id, grants, auth_method, first_party, redirect_uris, .. } = description;
    let known: Vec<_> = GRANTS.iter().map(|grant| grant.grant_type).collect();
    let choice = format!("the grants are `{}`", known.join("`, `"));
    if grants.is_empty() {
        return Err(Fault::new(format!("`{id}` has no grant, so it can never get a token"), choice));
    }
    if let Some(unknown) = grants.iter().find(|grant| !known.contains(&grant.as_str())) {
        return Err(Fault::new(format!("there is no grant `{unknown}`"), choice));
    }
    let has = |grant_type| grants.iter().any(|grant| grant == grant_type);
    if grants.iter().all(|grant| grant == "refresh_token") {
        let message = format!("`{id}` may refresh tokens, but no grant of it gives a refresh token");
        return Err(Fault::new(
            message,
            "add the grant that its users sign in by, such as `authorization_code`",
        ));
    }
    if has("authorization_code") && redirect_uris.is_empty() {
        let message =
            format!("`{id}` may use `authorization_code`, but there is no URI to send its users back to");
        return Err(Fault::new(message, "add `--redirect-uri URI`"));
    }
    if has("client_credentials") && *auth_method == AuthMethod::None {
        let message = format!("`{id}` is public, so it cannot use `client_credentials`");
        return Err(Fault::new(message, "leave out `--public` and `--auth-method none`"));
    }
    if has("password") && !first_party {
        let message = format!("`{id}` is not first-party, so it may not see passwords");
        return Err(Fault::new(
            message,
            "add `--first-party` if it is your own, otherwise choose another grant",
        ));
    }
    Ok(())
}

/// The client's APIs; without any named, the one API that knows all of its scope.
fn resolve_apis(apis: &[Api], description: &Description) -> Result<Vec<ApiUri>, Fault> {
    let Description { id, scope, .. } = description;
    if let Some(unknown) = description.apis.iter().find(|uri| apis.iter().all(|api| api.uri != **uri)) {
        let hint = format!("add it first: `claviger api add {unknown} --scope S`");
        return Err(Fault::new(format!("there is no API `{unknown}`"), hint));
    }
    if !description.apis.is_empty() {
        let own: Vec<_> = apis.iter().filter(|api| description.apis.contains(&api.uri)).cloned().collect();
        return api::check_known(&own, scope).map(|()| description.apis.clone());
    }
    let beyond = scope.difference(&built_in_scopes());
    if beyond.is_empty() {
        return Ok(Vec::new());
    }
    api::check_known(apis, &beyond)?;
    let candidates: Vec<_> = apis.iter().filter(|api| beyond.is_within(&api.scope())).collect();
    match candidates[..] {
        [api] => Ok(vec![api.uri.clone()]),
        _ => Err(Fault::new(
            format!("it is not clear which API the tokens of `{id}` are for"),
            "name it with `--api URI`; `claviger api list` shows all",
        )),
    }
}

fn secret(vault: &Vault, given: Option<Secret<String>>) -> Result<Secret<String>, Fault> {
    let secret = given.unwrap_or_else(|| Secret::new(format!("cvs_{}", vault.random.text::<32>())));
    let is_visible = secret.expose().bytes().all(|byte| byte.is_ascii_graphic());
    if is_visible && (SECRET_CHARACTERS..=256).contains(&secret.expose().len()) {
        return Ok(secret);
    }
    Err(Fault::new(
        format!("a client secret is {SECRET_CHARACTERS} to 256 visible ASCII characters"),
        "leave out `--secret-stdin`, and a good one is made",
    ))
}

fn unknown(id: &ClientId) -> Fault {
    Fault::new(format!("there is no client `{id}`"), "`claviger client list` shows all")
}
