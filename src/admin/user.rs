//! Users.

use super::{ROLES_BYTES, role};
use crate::fault::{Fault, did_you_mean};
use crate::model::{Author, ClaimChanges, Event, StandardClaims, User, UserId};
use crate::password::{PasswordHash, policy};
use crate::protocol::{Issuer, RoleName, Secret, Username};
use crate::store::{self, NewUser};
use crate::user::password_place;
use crate::vault::Vault;

/// A user as an operator describes them.
#[derive(Clone, Debug)]
pub struct Description {
    /// The name to sign in with.
    pub username: Username,
    /// The e-mail address.
    pub email: Option<String>,
    /// The name that people know the user by.
    pub full_name: Option<String>,
    /// The roles.
    pub roles: Vec<RoleName>,
}

/// What a new password is judged and hashed by.
#[derive(Clone, Copy, Debug)]
pub struct PasswordRules<'a> {
    /// The issuer, whose name makes a poor password.
    pub issuer: &'a Issuer,
    /// Rounds of the hash.
    pub rounds: u32,
}

/// Adds a user.
pub async fn add(
    vault: &Vault,
    rules: PasswordRules<'_>,
    description: Description,
    password: Secret<String>,
) -> Result<User, Fault> {
    let Description { username, email, full_name, roles } = description;
    let claims = [("email", &email), ("name", &full_name)];
    let claims = claims.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    ClaimChanges::read(Author::Operator, claims)?;
    check_roles(vault, &roles).await?;

    let now = vault.clock.now();
    let id = UserId(vault.random.id(now));
    let password_hash = seal_password(vault, rules, &username, id, password).await?;
    let user = User {
        id,
        username,
        email,
        full_name,
        claims: StandardClaims::default(),
        roles,
        generation: 0,
        created_at: now,
        updated_at: now,
        disabled_at: None,
    };
    let entry = vault.audit(Event::UserAdded).user(id).detail(user.username.to_string());
    if vault.store.add_user(NewUser { user: user.clone(), password_hash }, entry).await? {
        Ok(user)
    } else {
        let hint = "choose another name, or change that user; upper and lower case are the same here";
        Err(Fault::new(format!("there is a user `{}` already", user.username), hint))
    }
}

/// The user called `username`.
pub async fn find(vault: &Vault, username: &Username) -> Result<User, Fault> {
    match vault.store.user(username).await? {
        Some(user) => Ok(user),
        None => Err(unknown(vault, username).await?),
    }
}

/// Gives a user a new password; whatever was granted before is dead.
pub async fn set_password(
    vault: &Vault,
    rules: PasswordRules<'_>,
    username: &Username,
    password: Secret<String>,
) -> Result<User, Fault> {
    let user = find(vault, username).await?;
    let hash = seal_password(vault, rules, username, user.id, password).await?;
    let changed =
        vault.store.set_password(user.id, hash, vault.audit(Event::PasswordSet).user(user.id)).await?;
    if changed { Ok(user) } else { Err(unknown(vault, username).await?) }
}

/// Changes a user's claims: names with new values, where an empty value removes the claim.
pub async fn set(vault: &Vault, username: &Username, claims: &[(String, String)]) -> Result<User, Fault> {
    let claims = claims.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let changes = ClaimChanges::read(Author::Operator, claims)?;
    let user = find(vault, username).await?;
    let entry = vault.audit(Event::UserChanged).user(user.id).detail(changes.names());
    let changed = vault.store.change_claims(user.id, changes, entry).await?;
    match changed {
        Some(changed) => Ok(changed?),
        None => Err(unknown(vault, username).await?),
    }
}

/// Gives and takes roles of a user; all others stay.
pub async fn change_roles(
    vault: &Vault,
    username: &Username,
    add: &[RoleName],
    remove: &[RoleName],
) -> Result<User, Fault> {
    let user = find(vault, username).await?;
    role::check_known(vault, remove).await?;
    if let Some(both) = add.iter().find(|role| remove.contains(role)) {
        let hint = format!("name `{both}` once");
        return Err(Fault::new(format!("the role `{both}` is to be given and to be taken"), hint));
    }
    let kept = user.roles.iter().filter(|role| !add.contains(role) && !remove.contains(role));
    check_roles(vault, &kept.chain(add).cloned().collect::<Vec<_>>()).await?;

    let names = |sign: &str, roles: &[RoleName]| roles.iter().map(|role| format!("{sign}{role}")).collect();
    let detail: [Vec<String>; 2] = [names("+", add), names("-", remove)];
    let entry = vault.audit(Event::RolesSet).user(user.id).detail(detail.concat().join(" "));
    let changed = vault.store.change_roles(user.id, add.to_vec(), remove.to_vec(), entry).await?;
    if changed { find(vault, username).await } else { Err(unknown(vault, username).await?) }
}

/// Disables a user; whatever was granted before is dead.
pub async fn disable(vault: &Vault, username: &Username) -> Result<User, Fault> {
    let user = find(vault, username).await?;
    let changed = vault.store.disable_user(user.id, vault.audit(Event::UserDisabled).user(user.id)).await?;
    if changed { find(vault, username).await } else { Err(unknown(vault, username).await?) }
}

/// Lets a user sign in again.
pub async fn enable(vault: &Vault, username: &Username) -> Result<User, Fault> {
    let user = find(vault, username).await?;
    let changed = vault.store.enable_user(user.id, vault.audit(Event::UserEnabled).user(user.id)).await?;
    if changed { find(vault, username).await } else { Err(unknown(vault, username).await?) }
}

/// Removes a user with all that was granted.
pub async fn remove(vault: &Vault, username: &Username) -> Result<(), Fault> {
    let user = find(vault, username).await?;
    let entry = vault.audit(Event::UserRemoved).user(user.id).detail(username.to_string());
    if vault.store.remove_user(user.id, entry).await? { Ok(()) } else { Err(unknown(vault, username).await?) }
}

async fn seal_password(
    vault: &Vault,
    rules: PasswordRules<'_>,
    username: &Username,
    id: UserId,
    password: Secret<String>,
) -> Result<String, Fault> {
    policy::check(&password, username, rules.issuer)
        .map_err(|refused| Fault::new(refused.to_string(), refused.hint()))?;
    let (rounds, random) = (rules.rounds, vault.random.clone());
    let hash = tokio::task::spawn_blocking(move || PasswordHash::new(&password, rounds, &random)).await;
    let hash = hash.expect("hashing does not panic");
    Ok(vault.seal.seal(&password_place(&id.to_string()), hash.to_phc().expose().as_bytes()))
}

async fn check_roles(vault: &Vault, roles: &[RoleName]) -> Result<(), Fault> {
    role::check_known(vault, roles).await?;
    let size: usize = roles.iter().map(|role| role.as_str().len() + "\"\",".len()).sum();
    if size <= ROLES_BYTES {
        return Ok(());
    }
    Err(Fault::new(
        format!("the roles take {size} bytes, and a token has room for {ROLES_BYTES}"),
        "give fewer roles, each with more scopes",
    ))
}

async fn unknown(vault: &Vault, username: &Username) -> Result<Fault, store::Error> {
    let known = vault.store.usernames_like(username).await?;
    let known = known.iter().map(Username::as_str);
    let hint = did_you_mean(username.as_str(), known, "`claviger user list` shows all");
    Ok(Fault::new(format!("there is no user `{username}`"), hint))
}
