//! Roles.

use super::{api, check_scope_size};
use crate::fault::{Fault, did_you_mean};
use crate::model::{Event, Role};
use crate::protocol::RoleName;
use crate::vault::Vault;

/// Adds a role, whose scopes some API must know.
pub async fn add(vault: &Vault, role: Role) -> Result<Role, Fault> {
    check_scope_size(&role.scope)?;
    api::check_known(&vault.store.apis().await?, &role.scope)?;
    let entry = vault.audit(Event::RoleAdded).detail(format!("{}: {}", role.name, role.scope));
    if vault.store.add_role(role.clone(), entry).await? {
        Ok(role)
    } else {
        let hint = format!("remove it first: `claviger role remove {}`", role.name);
        Err(Fault::new(format!("there is a role `{}` already", role.name), hint))
    }
}

/// Removes a role, from its users too.
pub async fn remove(vault: &Vault, name: &RoleName) -> Result<(), Fault> {
    let entry = vault.audit(Event::RoleRemoved).detail(name.to_string());
    if vault.store.remove_role(name.clone(), entry).await? {
        Ok(())
    } else {
        Err(unknown(&vault.store.roles().await?, name))
    }
}

/// Refuses roles that are not there.
pub(super) async fn check_known(vault: &Vault, names: &[RoleName]) -> Result<(), Fault> {
    let roles = vault.store.roles().await?;
    match names.iter().find(|name| roles.iter().all(|role| role.name != **name)) {
        Some(name) => Err(unknown(&roles, name)),
        None => Ok(()),
    }
}

fn unknown(roles: &[Role], name: &RoleName) -> Fault {
    let all = format!("`claviger role list` shows all; add it with `claviger role add {name} --scope S`");
    let known = roles.iter().map(|role| role.name.as_str());
    Fault::new(format!("there is no role `{name}`"), did_you_mean(name.as_str(), known, &all))
}
