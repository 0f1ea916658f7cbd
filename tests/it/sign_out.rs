//! Signing out, by a person and by a client (OpenID Connect RP-Initiated Logout).

use crate::browser::{Browser, ISSUER, Page};
use crate::relying_party::{AFTER_LOGOUT, RelyingParty};
use crate::server::{Answer, Server};

const SESSION: &str = "claviger-session";

/// The path of a request to sign out.
fn logout(params: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
    format!("/logout?{query}")
}

fn asks(page: &Page) -> bool {
    page.is_at("/logout") && page.body.contains("Sign out?")
}

fn is_signed_out(page: &Page) -> bool {
    page.is_at("/logout") && page.body.contains("You are signed out")
}

async fn is_refreshed(rp: &RelyingParty<'_>, tokens: &Answer) -> bool {
    rp.client.try_refresh(tokens).await.status == 200
}

#[tokio::test]
async fn a_client_that_shows_its_id_token_ends_the_session_and_has_the_browser_back() {
    let server = Server::start().await;
    let (rp, alice) = (RelyingParty::new(&server, "rp").await, server.user("alice").await);
    let browser = Browser::new(&server);
    let tokens = rp.tokens(&browser, &alice, &[("scope", "openid profile")]).await;
    assert_eq!(server.me(&tokens.access_token()).await.status, 200);
    let hint = tokens.text("id_token");
    let params = [("id_token_hint", &*hint), ("post_logout_redirect_uri", AFTER_LOGOUT), ("state", "a&b")];
    let page = browser.open(&logout(&params)).await;
    assert_eq!(page.location(), format!("{AFTER_LOGOUT}&state=a%26b"));
    assert!(browser.cookie(SESSION).is_none());
    assert!(!is_refreshed(&rp, &tokens).await);
    assert_eq!(server.me(&tokens.access_token()).await.status, 401);
    assert_eq!(browser.open(&rp.request(&[("prompt", "none")])).await.told("error"), "login_required");
    let again = browser.open(&logout(&params)).await;
    assert_eq!(again.location(), format!("{AFTER_LOGOUT}&state=a%26b"), "a reload leads to the same place");
}

/// An ID token is good as a hint for as long as its key is known.
#[tokio::test]
async fn an_expired_id_token_still_says_who_is_meant() {
    let server = Server::start().await;
    let (rp, alice) = (RelyingParty::new(&server, "rp").await, server.user("alice").await);
    let browser = Browser::new(&server);
    let hint = rp.tokens(&browser, &alice, &[]).await.text("id_token");
    server.advance(std::time::Duration::from_secs(7200)).await;
    assert!(is_signed_out(&browser.open(&logout(&[("id_token_hint", &hint)])).await));
}

#[tokio::test]
async fn anybody_else_s_word_is_asked_about() {
    let server = Server::start().await;
    let (rp, alice) = (RelyingParty::new(&server, "rp").await, server.user("alice").await);
    let other = RelyingParty::new(&server, "other").await;
    let (browser, elsewhere) = (Browser::new(&server), Browser::new(&server));
    let tokens = rp.tokens(&browser, &alice, &[]).await;
    let hint = tokens.text("id_token");
    let hint_elsewhere = other.tokens(&elsewhere, &alice, &[]).await.text("id_token");
    let access_token = tokens.access_token();
    let forged = format!("{}.e30.", hint.split('.').next().unwrap());
    let uri = ("post_logout_redirect_uri", AFTER_LOGOUT);
    for params in [
        &[][..],
        &[uri],
        &[uri, ("client_id", "rp")],
        &[uri, ("id_token_hint", "e30.e30.")],
        &[uri, ("id_token_hint", &forged)],
        &[uri, ("id_token_hint", &access_token)],
        &[uri, ("id_token_hint", &hint), ("client_id", "other")],
        &[uri, ("id_token_hint", &hint_elsewhere)],
        &[("logout_hint", "alice")],
    ] {
        let page = browser.open(&logout(params)).await;
        assert!(asks(&page), "{params:?} {page:?}");
    }
    assert!(is_refreshed(&rp, &tokens).await, "nobody said yes");
}

#[tokio::test]
async fn who_says_yes_is_signed_out_and_goes_where_a_hint_of_another_session_may_lead() {
    let server = Server::start().await;
    let (rp, alice) = (RelyingParty::new(&server, "rp").await, server.user("alice").await);
    let elsewhere = rp.tokens(&Browser::new(&server), &alice, &[]).await.text("id_token");
    let uri = ("post_logout_redirect_uri", AFTER_LOGOUT);
    for (params, leads_back) in [
        (&[uri][..], false),
        (&[uri, ("client_id", "rp")], false),
        (&[uri, ("id_token_hint", &elsewhere)], true),
    ] {
        let browser = Browser::new(&server);
        let tokens = rp.tokens(&browser, &alice, &[]).await;
        let page = browser.open(&logout(params)).await;
        assert!(asks(&page) && page.body.contains("alice"), "{page:?}");
        let (request, action) = browser.form(&page, &[]);
        let posted = browser.step(request, &action).await;
        assert_eq!(posted.status, 303);
        let next = posted.location().strip_prefix(ISSUER).unwrap().to_owned();
        let end = browser.open(&next).await;
        assert_eq!(end.headers.get("location").map(String::as_str), leads_back.then_some(AFTER_LOGOUT));
        assert!(leads_back || is_signed_out(&end), "{end:?}");
        assert!(!is_refreshed(&rp, &tokens).await && browser.cookie(SESSION).is_none());
    }
}

/// Threat rule 32.
#[tokio::test]
async fn a_yes_that_our_page_did_not_send_is_asked_about_again() {
    let server = Server::start().await;
    let (rp, alice) = (RelyingParty::new(&server, "rp").await, server.user("alice").await);
    let browser = Browser::new(&server);
    let tokens = rp.tokens(&browser, &alice, &[]).await;
    let csrf = browser.open("/logout").await.field("csrf").unwrap();
    for request in [
        browser.request("POST", "/logout").form(&[("csrf", "guessed")]),
        browser
            .request("POST", "/logout")
            .form(&[("csrf", &csrf)])
            .header("origin", "https://evil.example.com"),
    ] {
        let page = browser.step(request, "/logout").await;
        assert!(page.status == 400 && page.body.contains("Sign out?"), "{page:?}");
    }
    assert!(is_refreshed(&rp, &tokens).await);
}

#[tokio::test]
async fn only_a_registered_uri_is_led_to_and_another_makes_the_request_a_mere_wish() {
    let server = Server::start().await;
    let (rp, alice) = (RelyingParty::new(&server, "rp").await, server.user("alice").await);
    for uri in
        ["https://rp.example.com/cb", "https://rp.example.com/bye", "https://rp.example.com/bye?from=us&x=y"]
    {
        let browser = Browser::new(&server);
        let hint = rp.tokens(&browser, &alice, &[]).await.text("id_token");
        let page =
            browser.open(&logout(&[("id_token_hint", &hint), ("post_logout_redirect_uri", uri)])).await;
        assert!(asks(&page), "{page:?}");
        assert!(is_signed_out(&browser.submit(&page, &[]).await));
    }
}

/// Browsers send no `SameSite=Lax` cookies with a post of another site.
#[tokio::test]
async fn a_client_may_post_its_request() {
    let server = Server::start().await;
    let (rp, alice) = (RelyingParty::new(&server, "rp").await, server.user("alice").await);
    let browser = Browser::new(&server);
    let hint = rp.tokens(&browser, &alice, &[]).await.text("id_token");
    let form = [("id_token_hint", &*hint), ("post_logout_redirect_uri", AFTER_LOGOUT), ("state", "s")];
    let request = Browser::new(&server).request("POST", "/logout").header("origin", "https://rp.example.com");
    let posted = browser.step(request.form(&form), "/logout").await;
    assert_eq!(posted.status, 303);
    let end = browser.open(posted.location().strip_prefix(ISSUER).unwrap()).await;
    assert_eq!(end.location(), format!("{AFTER_LOGOUT}&state=s"));
}

/// OpenID Connect Core §11.
#[tokio::test]
async fn what_was_granted_for_offline_access_outlives_the_session() {
    let server = Server::start().await;
    let (rp, alice) = (RelyingParty::new(&server, "rp").await, server.user("alice").await);
    let browser = Browser::new(&server);
    let offline = rp.tokens(&browser, &alice, &[("scope", "openid offline_access")]).await;
    let page = browser.open(&logout(&[("id_token_hint", &offline.text("id_token"))])).await;
    assert!(is_signed_out(&page), "{page:?}");
    rp.client.refresh(&offline).await;
}
