//! `oidcc-rp-initiated-logout-certification-test-plan` and
//! `oidcc-backchannel-rp-initiated-logout-certification-test-plan`.

use claviger::admin::client::Description;

use super::{Run, id_token, metadata};
use crate::back_channel_logout::{LOOPBACK, Party};
use crate::browser::{ISSUER, Page};
use crate::relying_party::{AFTER_LOGOUT, relying_party};
use crate::server::{Answer, Server, part};

/// Signs in, and goes to the end session endpoint as `params` make of the ID token.
async fn end(run: &Run<'_>, params: impl FnOnce(&str) -> Vec<(&'static str, String)>) -> (Page, Answer) {
    let tokens = run.tokens(&[]).await;
    let params = params(&tokens.text("id_token"));
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
    (run.browser.open(&format!("/logout?{query}")).await, tokens)
}

const HINT: &str = "id_token_hint";
const URI: &str = "post_logout_redirect_uri";

async fn server() -> Server {
    Server::start().await
}

async fn run(server: &Server) -> Run<'_> {
    Run::new(server, "query", relying_party("rp")).await
}

/// Nobody is signed in any more.
async fn assert_is_over(run: &Run<'_>, tokens: &Answer) {
    assert_eq!(run.open(&[("prompt", "none")]).await.told("error"), "login_required");
    assert_eq!(run.rp.client.try_refresh(tokens).await.error(), "invalid_grant");
}

/// The person is asked, is not sent anywhere, and is signed out if they wish.
async fn assert_asks(run: &Run<'_>, page: &Page, tokens: &Answer) {
    assert!(page.is_at("/logout") && page.body.contains("Sign out?"), "{page:?}");
    assert!(run.open(&[("prompt", "none")]).await.answer().contains_key("code"));
    let page = run.browser.submit(page, &[]).await;
    assert!(page.is_at("/logout") && page.body.contains("You are signed out"), "{page:?}");
    assert_is_over(run, tokens).await;
}

/// `oidcc-rp-initiated-logout-discovery-endpoint-verification`: the endpoint is in the metadata.
#[tokio::test]
async fn oidcc_rp_initiated_logout_discovery_endpoint_verification() {
    let server = server().await;
    run(&server).await;
    assert_eq!(metadata(&server).await["end_session_endpoint"], format!("{ISSUER}/logout"));
}

/// `oidcc-rp-initiated-logout`: back to the client with the state, and signed out.
#[tokio::test]
async fn oidcc_rp_initiated_logout() {
    let server = server().await;
    let run = run(&server).await;
    let params = |hint: &str| vec![(HINT, hint.into()), (URI, AFTER_LOGOUT.into()), ("state", "abc".into())];
    let (page, tokens) = end(&run, params).await;
    assert_eq!(page.location(), format!("{AFTER_LOGOUT}&state=abc"));
    assert_is_over(&run, &tokens).await;
}

/// `oidcc-rp-initiated-logout-bad-post-logout-redirect-uri`: no redirect to what is not registered.
#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_post_logout_redirect_uri() {
    let server = server().await;
    let run = run(&server).await;
    let (page, tokens) =
        end(&run, |hint| vec![(HINT, hint.into()), (URI, "https://rp.example.com/other".into())]).await;
    assert_asks(&run, &page, &tokens).await;
}

/// `oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri`: no redirect to what is registered otherwise.
#[tokio::test]
async fn oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri() {
    let server = server().await;
    let run = run(&server).await;
    let (page, tokens) =
        end(&run, |hint| vec![(HINT, hint.into()), (URI, format!("{AFTER_LOGOUT}&foo=bar"))]).await;
    assert_asks(&run, &page, &tokens).await;
}

/// `oidcc-rp-initiated-logout-modified-id-token-hint`: the ID token says `alg: none`, and is nobody's.
#[tokio::test]
async fn oidcc_rp_initiated_logout_modified_id_token_hint() {
    let server = server().await;
    let run = run(&server).await;
    let none = |hint: &str| {
        let claims = hint.split('.').nth(1).unwrap();
        vec![(HINT, format!("eyJhbGciOiJub25lIn0.{claims}.")), (URI, AFTER_LOGOUT.into())]
    };
    let (page, tokens) = end(&run, none).await;
    assert_asks(&run, &page, &tokens).await;
}

/// `oidcc-rp-initiated-logout-bad-id-token-hint`: the ID token was signed by another.
#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_id_token_hint() {
    let (server, other) = (server().await, server().await);
    let run = run(&server).await;
    let theirs =
        super::Run::new(&other, "query", relying_party("rp")).await.tokens(&[]).await.text("id_token");
    let (page, tokens) = end(&run, |_| vec![(HINT, theirs), (URI, AFTER_LOGOUT.into())]).await;
    assert_asks(&run, &page, &tokens).await;
}

/// `oidcc-rp-initiated-logout-no-id-token-hint`: a URI alone leads nowhere, also after the person agreed.
#[tokio::test]
async fn oidcc_rp_initiated_logout_no_id_token_hint() {
    let server = server().await;
    let run = run(&server).await;
    let (page, tokens) = end(&run, |_| vec![(URI, AFTER_LOGOUT.into()), ("state", "abc".into())]).await;
    assert_asks(&run, &page, &tokens).await;
}

/// `oidcc-rp-initiated-logout-no-params`: the person signs out here.
#[tokio::test]
async fn oidcc_rp_initiated_logout_no_params() {
    let server = server().await;
    let run = run(&server).await;
    let (page, tokens) = end(&run, |_| Vec::new()).await;
    assert_asks(&run, &page, &tokens).await;
}

/// `oidcc-rp-initiated-logout-only-state`: the person signs out here.
#[tokio::test]
async fn oidcc_rp_initiated_logout_only_state() {
    let server = server().await;
    let run = run(&server).await;
    let (page, tokens) = end(&run, |_| vec![("state", "abc".into())]).await;
    assert_asks(&run, &page, &tokens).await;
}

/// `oidcc-rp-initiated-logout-no-post-logout-redirect-uri`: signed out, and told so here.
#[tokio::test]
async fn oidcc_rp_initiated_logout_no_post_logout_redirect_uri() {
    let server = server().await;
    let run = run(&server).await;
    let (page, tokens) = end(&run, |hint| vec![(HINT, hint.into()), ("state", "abc".into())]).await;
    assert!(page.is_at("/logout") && page.body.contains("You are signed out"), "{page:?}");
    assert_is_over(&run, &tokens).await;
}

/// `oidcc-rp-initiated-logout-no-state`: back to the client without one.
#[tokio::test]
async fn oidcc_rp_initiated_logout_no_state() {
    let server = server().await;
    let run = run(&server).await;
    let (page, tokens) = end(&run, |hint| vec![(HINT, hint.into()), (URI, AFTER_LOGOUT.into())]).await;
    assert_eq!(page.location(), AFTER_LOGOUT);
    assert_is_over(&run, &tokens).await;
    assert_eq!(id_token(&tokens)["sub"], run.user.id.as_str());
}

/// `oidcc-backchannel-logout-discovery-endpoint-verification`: the metadata says that it is there.
#[tokio::test]
async fn oidcc_backchannel_logout_discovery_endpoint_verification() {
    let server = server().await;
    run(&server).await;
    let metadata = metadata(&server).await;
    assert_eq!(metadata["backchannel_logout_supported"], true);
    assert_eq!(metadata["backchannel_logout_session_supported"], true);
}

/// `oidcc-backchannel-rp-initiated-logout`: the client is told, by a logout token about the user and the session of the
/// ID token, and the browser comes back signed out.
#[tokio::test]
async fn oidcc_backchannel_rp_initiated_logout() {
    let (server, mut party) = (Server::start_with(LOOPBACK).await, Party::polite().await);
    let backchannel_logout_uri = Some(party.uri.parse().unwrap());
    let run = Run::new(&server, "query", Description { backchannel_logout_uri, ..relying_party("rp") }).await;
    let params = |hint: &str| vec![(HINT, hint.into()), (URI, AFTER_LOGOUT.into()), ("state", "abc".into())];
    let (page, tokens) = end(&run, params).await;
    assert_eq!(page.location(), format!("{AFTER_LOGOUT}&state=abc"));

    let (told, known) = (part(&party.next().await, 1), id_token(&tokens));
    for same in ["iss", "aud", "sub", "sid"] {
        assert_eq!(told[same], known[same], "{same}");
    }
    assert!(told["events"].get("http://schemas.openid.net/event/backchannel-logout").is_some(), "{told}");
    assert!(told["jti"].is_string() && told.get("nonce").is_none(), "{told}");
    assert_is_over(&run, &tokens).await;
}
