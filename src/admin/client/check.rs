//! Which registrations make sense. What would never work, or never be used, is refused with the way out.

use crate::admin::{api, check_lifetime, check_scope_size};
use crate::fault::Fault;
use crate::grant::GRANTS;
use crate::model::{Api, Client, ConsentPolicy, OFFLINE_ACCESS, OPENID, Pkce, built_in_scopes};
use crate::protocol::ApiUri;

/// The grant of clients whose users sign in on our pages.
const CODE: &str = "authorization_code";

/// The client, if it makes sense; its tokens are for some of `apis`.
pub(super) fn checked(apis: &[Api], client: Client) -> Result<Client, Fault> {
    check_grants(&client)?;
    check_sign_in(&client)?;
    check_profile(&client)?;
    check_lifetime(client.access_token_lifetime)?;
    check_scope_size(&client.scope)?;
    Ok(Client { apis: resolve_apis(apis, &client)?, ..client })
}

fn check_grants(client: &Client) -> Result<(), Fault> {
    let Client { id, grants, .. } = client;
    let known: Vec<_> = GRANTS.iter().map(|grant| grant.grant_type).collect();
    let choice = format!("the grants are `{}`", known.join("`, `"));
    if grants.is_empty() {
        return Err(Fault::new(format!("`{id}` has no grant, so it can never get a token"), choice));
    }
    if let Some(unknown) = grants.iter().find(|grant| !known.contains(&grant.as_str())) {
        return Err(Fault::new(format!("there is no grant `{unknown}`"), choice));
    }
    if grants.iter().all(|grant| grant == "refresh_token") {
        let message = format!("`{id}` may refresh tokens, but no grant of it gives a refresh token");
        return Err(Fault::new(
            message,
            format!("add the grant that its users sign in by, such as `{CODE}`"),
        ));
    }
    if client.may_use("client_credentials") && client.is_public() {
        let message = format!("`{id}` is public, so it cannot use `client_credentials`");
        return Err(Fault::new(message, "leave out `--public` and `--auth-method none`"));
    }
    if client.may_use("password") && !client.first_party {
        let message = format!("`{id}` is not first-party, so it may not see passwords");
        return Err(Fault::new(
            message,
            "add `--first-party` if it is your own, otherwise choose another grant",
        ));
    }
    Ok(())
}

/// What goes with signing in on our pages, and what does not without.
fn check_sign_in(client: &Client) -> Result<(), Fault> {
    let Client { id, scope, redirect_uris, post_logout_redirect_uris, backchannel_logout_uri, .. } = client;
    if scope.contains(&OFFLINE_ACCESS) && !client.may_use("refresh_token") {
        return Err(Fault::new(
            format!("`{id}` may ask for `offline_access`, but not use `refresh_token`"),
            "add `--grant refresh_token`, or leave out the scope `offline_access`",
        ));
    }
    if client.may_use(CODE) {
        let hint = "say where, with `--redirect-uri URI`";
        let message = || format!("`{id}` may use `{CODE}`, but codes cannot be sent anywhere");
        return if redirect_uris.is_empty() { Err(Fault::new(message(), hint)) } else { Ok(()) };
    }
    // `openid` among the rest: the other grants give no ID token.
    let idle = [
        ("--redirect-uri", !redirect_uris.is_empty()),
        ("--post-logout-redirect-uri", !post_logout_redirect_uris.is_empty()),
        ("--backchannel-logout-uri", backchannel_logout_uri.is_some()),
        ("--code-lifetime", client.profile.code_lifetime.is_some()),
        ("--scope openid", scope.contains(&OPENID)),
        ("--scope offline_access", scope.contains(&OFFLINE_ACCESS)),
    ];
    match idle.into_iter().find(|(_, is_given)| *is_given) {
        None => Ok(()),
        Some((flag, _)) => Err(Fault::new(
            format!("`{flag}` is of no use to `{id}`, whose users do not sign in on our pages"),
            format!("add `--grant {CODE}`, or do without `{flag}`"),
        )),
    }
}

fn check_profile(client: &Client) -> Result<(), Fault> {
    let Client { id, profile, .. } = client;
    if profile.pkce == Pkce::Optional && client.is_public() {
        return Err(Fault::new(
            format!("`{id}` is public, so it cannot do without PKCE"),
            "leave out `--pkce-optional`: nothing else keeps its codes from being used by others",
        ));
    }
    if profile.consent == ConsentPolicy::Skip && !client.first_party {
        return Err(Fault::new(
            format!("`{id}` is not first-party, so its users are asked for their consent"),
            "leave out `--skip-consent`; a client of your own is added with `--first-party`",
        ));
    }
    let open = client.redirect_uris.iter().find(|uri| client.is_public() && !uri.is_https());
    if let (ConsentPolicy::Skip, Some(uri)) = (profile.consent, open) {
        return Err(Fault::new(
            format!(
                "`{id}` is public, and any program may answer at `{uri}`, so its users are asked each time"
            ),
            "leave out `--skip-consent`, or let it have `https` redirect URIs alone",
        ));
    }
    Ok(())
}

/// The client's APIs; without any named, the one API that knows all of its scope.
fn resolve_apis(apis: &[Api], client: &Client) -> Result<Vec<ApiUri>, Fault> {
    let Client { id, scope, .. } = client;
    if let Some(unknown) = client.apis.iter().find(|uri| apis.iter().all(|api| api.uri != **uri)) {
        return Err(api::unknown(apis, unknown));
    }
    if !client.apis.is_empty() {
        let own: Vec<_> = apis.iter().filter(|api| client.apis.contains(&api.uri)).cloned().collect();
        return api::check_known(&own, scope).map(|()| client.apis.clone());
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

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::model::{AuthMethod, Profile};

    /// A client of our own whose users sign in on our pages.
    fn web() -> Client {
        Client {
            id: "web".parse().unwrap(),
            name: None,
            auth_method: AuthMethod::ClientSecretBasic,
            first_party: true,
            grants: vec![CODE.to_owned(), "refresh_token".to_owned()],
            scope: "openid profile offline_access".parse().unwrap(),
            apis: Vec::new(),
            redirect_uris: vec!["https://app.example.com/callback".parse().unwrap()],
            post_logout_redirect_uris: vec!["https://app.example.com/".parse().unwrap()],
            origins: Vec::new(),
            access_token_lifetime: None,
            profile: Profile::default(),
            sector: None,
            backchannel_logout_uri: Some("https://app.example.com/logout".parse().unwrap()),
            generation: 0,
            created_at: 0,
            disabled_at: None,
        }
    }

    /// What is said about that client, after a change.
    fn fault(check: fn(&Client) -> Result<(), Fault>, change: impl FnOnce(&mut Client)) -> String {
        let mut client = web();
        assert_eq!(check(&client), Ok(()));
        change(&mut client);
        check(&client).unwrap_err().to_string()
    }

    #[test]
    fn codes_need_somewhere_to_go() {
        assert_snapshot!(fault(check_sign_in, |web| web.redirect_uris.clear()), @"
        `web` may use `authorization_code`, but codes cannot be sent anywhere
        hint: say where, with `--redirect-uri URI`
        ");
    }

    /// A flag that is refused, and what mends it.
    type Step = (&'static str, fn(&mut Client));

    #[test]
    fn what_goes_with_signing_in_here_is_refused_where_nobody_does() {
        assert_snapshot!(fault(check_sign_in, |web| web.grants = vec!["password".to_owned(), "refresh_token".to_owned()]), @"
        `--redirect-uri` is of no use to `web`, whose users do not sign in on our pages
        hint: add `--grant authorization_code`, or do without `--redirect-uri`
        ");
        let steps: [Step; 6] = [
            ("--redirect-uri", |web| web.redirect_uris.clear()),
            ("--post-logout-redirect-uri", |web| web.post_logout_redirect_uris.clear()),
            ("--backchannel-logout-uri", |web| web.backchannel_logout_uri = None),
            ("--code-lifetime", |web| web.profile.code_lifetime = None),
            ("--scope openid", |web| web.scope = "profile offline_access".parse().unwrap()),
            ("--scope offline_access", |web| web.scope = "profile".parse().unwrap()),
        ];
        let mut client = web();
        client.profile.code_lifetime = Some(30);
        client.grants.remove(0);
        for (flag, mend) in steps {
            let told = check_sign_in(&client).unwrap_err();
            assert!(told.message.starts_with(&format!("`{flag}` is of no use")), "{told}");
            mend(&mut client);
        }
        assert_eq!(check_sign_in(&client), Ok(()));
    }

    #[test]
    fn offline_access_is_by_refresh_tokens() {
        assert_snapshot!(fault(check_sign_in, |web| web.grants.truncate(1)), @"
        `web` may ask for `offline_access`, but not use `refresh_token`
        hint: add `--grant refresh_token`, or leave out the scope `offline_access`
        ");
    }

    #[test]
    fn pkce_and_consent_are_spared_only_where_something_else_serves() {
        let public_without_pkce = |web: &mut Client| {
            web.auth_method = AuthMethod::None;
            web.profile.pkce = Pkce::Optional;
        };
        assert_snapshot!(fault(check_profile, public_without_pkce), @"
        `web` is public, so it cannot do without PKCE
        hint: leave out `--pkce-optional`: nothing else keeps its codes from being used by others
        ");
        let third_party_without_consent = |web: &mut Client| {
            web.first_party = false;
            web.profile.consent = ConsentPolicy::Skip;
        };
        assert_snapshot!(fault(check_profile, third_party_without_consent), @"
        `web` is not first-party, so its users are asked for their consent
        hint: leave out `--skip-consent`; a client of your own is added with `--first-party`
        ");
        let public_without_consent = |uri: &str| {
            let uri = uri.parse().unwrap();
            move |web: &mut Client| {
                web.auth_method = AuthMethod::None;
                web.profile.consent = ConsentPolicy::Skip;
                web.redirect_uris.push(uri);
            }
        };
        assert_snapshot!(fault(check_profile, public_without_consent("http://127.0.0.1/callback")), @"
        `web` is public, and any program may answer at `http://127.0.0.1/callback`, so its users are asked each time
        hint: leave out `--skip-consent`, or let it have `https` redirect URIs alone
        ");
        assert!(
            fault(check_profile, public_without_consent("com.example.app:/callback")).contains("each time")
        );
        let mut page = web();
        public_without_consent("https://app.example.com/other")(&mut page);
        assert_eq!(check_profile(&page), Ok(()));
    }
}
