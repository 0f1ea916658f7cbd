//! Clients ([RFC 6749 §2], [RFC 7591 §2]).
//!
//! [RFC 6749 §2]: https://www.rfc-editor.org/rfc/rfc6749#section-2
//! [RFC 7591 §2]: https://www.rfc-editor.org/rfc/rfc7591#section-2

mod check;

use crate::fault::{Fault, did_you_mean};
use crate::model::{AuthMethod, Client, Event, Profile};
use crate::protocol::{ApiUri, ClientId, LogoutUri, Origin, RedirectUri, Scope, Secret};
use crate::store;
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
    let client = Client {
        id: description.id,
        name: description.name,
        auth_method: description.auth_method,
        first_party: description.first_party,
        grants: description.grants,
        scope: description.scope,
        apis: description.apis,
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
    let client = check::checked(&vault.store.apis().await?, client)?;
    let secret = match (client.is_public(), given) {
        (true, None) => None,
        (true, Some(_)) => {
            return Err(Fault::new(
                format!("`{}` is public and has no secret", client.id),
                "leave out `--public`, or the secret",
            ));
        }
        (false, given) => Some(secret(vault, given)?),
    };
    let digest = secret.as_ref().map(|secret| vault.hashes.of_client_secret(&client.id, secret));
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
    match vault.store.client(id).await? {
        Some(client) => Ok(client),
        None => Err(unknown(vault, id).await?),
    }
}

/// Changes a client as `alter` does. What was granted before, and the client may no longer have, is not renewed.
pub async fn change(vault: &Vault, id: &ClientId, alter: impl FnOnce(&mut Client)) -> Result<Client, Fault> {
    let before = find(vault, id).await?;
    let mut after = before.clone();
    alter(&mut after);
    let after = check::checked(&vault.store.apis().await?, after)?;
    let entry = vault.audit(Event::ClientChanged).client(id).detail(differences(&before, &after));
    if vault.store.set_client(before, after.clone(), entry).await? {
        Ok(after)
    } else {
        Err(Fault::new(
            format!("the client `{id}` was changed by somebody else meanwhile"),
            "look, and try again",
        ))
    }
}

/// What is different, by the names of RFC 7591 §2 where it has them.
fn differences(before: &Client, after: &Client) -> String {
    let fields = [
        ("client_name", before.name != after.name),
        ("grant_types", before.grants != after.grants),
        ("scope", before.scope != after.scope),
        ("apis", before.apis != after.apis),
        ("redirect_uris", before.redirect_uris != after.redirect_uris),
        ("post_logout_redirect_uris", before.post_logout_redirect_uris != after.post_logout_redirect_uris),
        ("origins", before.origins != after.origins),
        ("access_token_lifetime", before.access_token_lifetime != after.access_token_lifetime),
        ("pkce", before.profile.pkce != after.profile.pkce),
        ("consent", before.profile.consent != after.profile.consent),
        ("code_lifetime", before.profile.code_lifetime != after.profile.code_lifetime),
        ("backchannel_logout_uri", before.backchannel_logout_uri != after.backchannel_logout_uri),
    ];
    let different = fields.into_iter().filter_map(|(name, is_different)| is_different.then_some(name));
    different.collect::<Vec<_>>().join(" ")
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
    if rotated { Ok(secret) } else { Err(unknown(vault, id).await?) }
}

/// Disables a client; whatever it was granted is dead.
pub async fn disable(vault: &Vault, id: &ClientId) -> Result<Client, Fault> {
    let entry = vault.audit(Event::ClientDisabled).client(id);
    vault.store.disable_client(id.clone(), entry).await?;
    find(vault, id).await
}

/// Lets a client ask for tokens again.
pub async fn enable(vault: &Vault, id: &ClientId) -> Result<Client, Fault> {
    let entry = vault.audit(Event::ClientEnabled).client(id);
    vault.store.enable_client(id.clone(), entry).await?;
    find(vault, id).await
}

/// Removes a client with all it was granted.
pub async fn remove(vault: &Vault, id: &ClientId) -> Result<(), Fault> {
    let entry = vault.audit(Event::ClientRemoved).client(id);
    if vault.store.remove_client(id.clone(), entry).await? { Ok(()) } else { Err(unknown(vault, id).await?) }
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

async fn unknown(vault: &Vault, id: &ClientId) -> Result<Fault, store::Error> {
    let clients = vault.store.clients().await?;
    let known = clients.iter().map(|client| client.id.as_str());
    let hint = did_you_mean(id.as_str(), known, "`claviger client list` shows all");
    Ok(Fault::new(format!("there is no client `{id}`"), hint))
}
