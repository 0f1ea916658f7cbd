//! Scope of a token ([RFC 6749 §3.3]): what was asked for ∩ what the client may have ∩ what the API knows ∩
//! what the user's roles allow.
//!
//! [RFC 6749 §3.3]: https://www.rfc-editor.org/rfc/rfc6749#section-3.3

use super::Role;
use crate::protocol::{Scope, ScopeToken};
use crate::scope;

/// Asks for an ID token, and opens the userinfo endpoint
/// ([OpenID Connect Core §3.1.2.1](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest)).
pub static OPENID: ScopeToken = scope!("openid");

/// Asks for a grant that outlives the session
/// ([OpenID Connect Core §11](https://openid.net/specs/openid-connect-core-1_0.html#OfflineAccess)).
pub static OFFLINE_ACCESS: ScopeToken = scope!("offline_access");

/// Opens a user's profile, here at `/users/me` and in the claims of userinfo.
pub static PROFILE: ScopeToken = scope!("profile");

/// The scopes that concern a user's own person, by OpenID Connect: no role is needed for them, and no API lists them. They
/// mean nothing where there is no user.
pub fn built_in_scopes() -> Scope {
    let others = [scope!("email"), scope!("address"), scope!("phone")];
    others.into_iter().chain([&OPENID, &OFFLINE_ACCESS, &PROFILE].map(Clone::clone)).collect()
}

/// What bounds the scope of a token, whoever it is for.
#[derive(Clone, Debug)]
pub struct Narrowing {
    /// What the request asks for; without it, all that can be had.
    pub requested: Option<Scope>,
    /// What the client may have.
    pub client: Scope,
    /// What the API that the token is for knows.
    pub api: Scope,
}

impl Narrowing {
    /// The scope of a token that acts for a user who has `roles`.
    pub fn for_user(&self, roles: &[Role]) -> Scope {
        let own = built_in_scopes();
        let allowed = roles.iter().fold(own.clone(), |allowed, role| allowed.union(&role.scope));
        self.asked().intersection(&self.client).intersection(&self.api.union(&own)).intersection(&allowed)
    }

    /// The scope of a token that acts for the client itself.
    pub fn for_client(&self) -> Scope {
        self.asked().intersection(&self.client).intersection(&self.api).difference(&built_in_scopes())
    }

    fn asked(&self) -> &Scope {
        self.requested.as_ref().unwrap_or(&self.client)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scopes() -> impl Strategy<Value = Scope> {
        proptest::collection::btree_set("[a-f]|openid|email", 0..6)
            .prop_map(|tokens| tokens.iter().map(|token| token.parse().unwrap()).collect())
    }

    fn narrowings() -> impl Strategy<Value = Narrowing> {
        (proptest::option::of(scopes()), scopes(), scopes()).prop_map(|(requested, client, api)| Narrowing {
            requested,
            client,
            api,
        })
    }

    fn roles() -> impl Strategy<Value = Vec<Role>> {
        let role = scopes().prop_map(|scope| Role { name: "r".parse().unwrap(), scope });
        proptest::collection::vec(role, 0..3)
    }

    proptest! {
        #[test]
        fn a_token_never_holds_more_than_each_bound_allows(narrowing in narrowings(), roles in roles()) {
            let own = built_in_scopes();
            let scope = narrowing.for_user(&roles);
            let of_roles = roles.iter().fold(own.clone(), |all, role| all.union(&role.scope));

            prop_assert!(scope.is_within(&narrowing.client));
            prop_assert!(scope.is_within(&narrowing.api.union(&own)));
            prop_assert!(scope.is_within(&of_roles));
            if let Some(requested) = &narrowing.requested {
                prop_assert!(scope.is_within(requested));
            }
            let of_client = narrowing.for_client();
            prop_assert!(of_client.is_within(&narrowing.client.intersection(&narrowing.api)));
            prop_assert!(of_client.intersection(&own).is_empty(), "a client is no person");
        }

        #[test]
        fn what_every_bound_allows_is_granted(narrowing in narrowings(), roles in roles()) {
            let scope = narrowing.for_user(&roles);
            for token in narrowing.client.iter() {
                let is_asked = narrowing.requested.as_ref().is_none_or(|requested| requested.contains(token));
                let is_allowed = roles.iter().any(|role| role.scope.contains(token));
                prop_assert!(!(is_asked && is_allowed && narrowing.api.contains(token)) || scope.contains(token));
            }
        }

        #[test]
        fn asking_for_what_was_granted_grants_the_same(narrowing in narrowings(), roles in roles()) {
            let granted = narrowing.for_user(&roles);
            let again = Narrowing { requested: Some(granted.clone()), ..narrowing };
            prop_assert_eq!(again.for_user(&roles), granted);
        }
    }
}
