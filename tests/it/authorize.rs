//! Requests at the authorization endpoint, and where their answers go.

use claviger::admin;
use claviger::admin::client::Description;
use claviger::model::{AuthMethod, Pkce, Profile};

use crate::browser::{Browser, ISSUER, Page};
use crate::relying_party::{REDIRECT_URI, RelyingParty, relying_party};
use crate::server::{PASSWORD, Server, User};

/// RFC 7636 appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// Its challenge, as a request has it.
pub const CHALLENGE: [(&str, &str); 2] =
    [("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"), ("code_challenge_method", "S256")];

/// An error page, which leads nowhere.
#[track_caller]
fn assert_is_shown(page: &Page) {
    assert_eq!(page.status, 400, "{page:?}");
    assert!(!page.headers.contains_key("location"), "{page:?}");
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    assert!(page.tags_of("form") == 0, "{page:?}");
}

/// RFC 6749 §4.1.2.1, threat rule 30: a redirect would lead wherever the request's author likes.
#[tokio::test]
async fn nothing_is_sent_to_a_client_or_a_redirect_uri_that_is_not_known() {
    let server = Server::start().await;
    let rp = RelyingParty::new(&server, "rp").await;
    RelyingParty::new(&server, "off").await;
    admin::client::disable(&server.app, &"off".parse().unwrap()).await.unwrap();
    let browser = Browser::new(&server);
    for params in [
        [("client_id", "")],
        [("client_id", "nobody")],
        [("client_id", "off")],
        [("client_id", "no such näme")],
        [("redirect_uri", "")],
        [("redirect_uri", "https://evil.example.com/cb")],
        [("redirect_uri", "https://rp.example.com/cb/")],
        [("redirect_uri", "https://rp.example.com/cb?a=b")],
        [("redirect_uri", "https://rp.example.com:443/cb")],
        [("redirect_uri", "javascript:alert(1)")],
    ] {
        for path in ["/authorize", "/sign-in", "/consent"] {
            let request = rp.request(&params).replace("/authorize", path);
            // Without a client, somebody signs in for themself.
            if path != "/sign-in" || params[0] != ("client_id", "") {
                assert_is_shown(&browser.open(&request).await);
            }
        }
    }
    for doubled in ["&client_id=rp", "&redirect_uri=https%3A%2F%2Frp.example.com%2Fcb", "&%zz"] {
        assert_is_shown(&browser.open(&(rp.request(&[]) + doubled)).await);
    }
    assert_is_shown(&browser.open("/authorize").await);
}

/// RFC 6749 §4.1.2.1, RFC 9207 §2: every error names its issuer and brings the state back.
#[tokio::test]
async fn what_is_wrong_is_told_to_the_client() {
    let server = Server::start().await;
    let rp = RelyingParty::new(&server, "rp").await;
    let browser = Browser::new(&server);
    for (params, error) in [
        (&[("response_type", "")][..], "invalid_request"),
        (&[("response_type", "token")], "unsupported_response_type"),
        (&[("scope", "a  b")], "invalid_scope"),
        (&[("request", "e30.e30.")], "request_not_supported"),
        (&[("request_uri", "https://rp.example.com/r")], "request_uri_not_supported"),
        (&[("registration", "{}")], "registration_not_supported"),
        (&[("response_mode", "fragment")], "invalid_request"),
        (&[("prompt", "none login")], "invalid_request"),
        (&[("prompt", "none")], "login_required"),
        (&[("max_age", "soon")], "invalid_request"),
        (&[("claims", "{")], "invalid_request"),
        (&[("resource", "https://other.example.com")], "invalid_target"),
        (&[("id_token_hint", "e30.e30.")], "invalid_request"),
        (&[("code_challenge", CHALLENGE[0].1)], "invalid_request"),
    ] {
        let page = browser.open(&rp.request(params)).await;
        assert_eq!(page.status, 303, "{page:?}");
        assert!(page.location().starts_with("https://rp.example.com/cb?error="), "{page:?}");
        assert_eq!(
            (page.told("error"), page.told("state")),
            (error.to_owned(), "the state".to_owned()),
            "{params:?}"
        );
        assert_eq!(page.told("iss"), ISSUER);
        assert_eq!(page.headers["cache-control"], "no-store");
    }
    let page = browser.open(&(rp.request(&[]) + "&state=other")).await;
    assert_eq!(page.told("error"), "invalid_request");
    assert!(!page.answer().contains_key("state"), "which of the two?");
    let page = browser.open(&(rp.request(&[]) + "&resource=a&resource=b")).await;
    assert_eq!(page.told("error"), "invalid_target");
}

#[tokio::test]
async fn a_client_without_the_grant_is_refused() {
    let server = Server::start().await;
    let rp = RelyingParty::new(&server, "rp").await;
    // No operator can register such a client.
    server.database().await.run("UPDATE clients SET grants = 'client_credentials'").await;
    let page = Browser::new(&server).open(&rp.request(&[])).await;
    assert_eq!(page.told("error"), "unauthorized_client");
}

/// RFC 7636 §4.4.1, threat rule 31.
#[tokio::test]
async fn a_client_that_must_prove_possession_sends_a_challenge() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    let profile = Profile { pkce: Pkce::Required, ..relying_party("strict").profile };
    let strict = Description { profile: profile.clone(), ..relying_party("strict") };
    let strict = RelyingParty::with(&server, strict).await;
    let public = Description { auth_method: AuthMethod::None, profile, ..relying_party("public") };
    let public = RelyingParty::with(&server, public).await;
    for rp in [&strict, &public] {
        let browser = Browser::new(&server);
        assert_eq!(browser.open(&rp.request(&[])).await.told("error"), "invalid_request");

        let page = rp.sign_in(&browser, &alice, &CHALLENGE).await;
        assert_eq!(rp.try_redeem(&page).await.error(), "invalid_grant", "the verifier is missing");
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &*page.told("code")),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ];
        rp.client.post("/token", &form).await.granted();
    }
}

/// RFC 6749 §4.1.2, RFC 9207.
#[tokio::test]
async fn a_code_comes_back_with_the_state_and_the_issuer() {
    let server = Server::start().await;
    let (rp, alice) = (RelyingParty::new(&server, "rp").await, server.user("alice").await);
    let page = rp.sign_in(&Browser::new(&server), &alice, &[("state", "a&b=é \"<")]).await;
    assert!(page.location().starts_with("https://rp.example.com/cb?code=cvc_"), "{page:?}");
    assert_eq!((page.told("state"), page.told("iss")), ("a&b=é \"<".to_owned(), ISSUER.to_owned()));
    assert_eq!(page.headers["referrer-policy"], "no-referrer");
    assert_eq!(page.answer().len(), 3);
    rp.redeem(&page).await;
}

/// RFC 6749 §3.1.2.3, §4.1.3.
#[tokio::test]
async fn the_redirect_uri_may_be_left_out_where_there_is_one_and_no_id_token_is_asked_for() {
    let server = Server::start().await;
    let (rp, alice) = (RelyingParty::new(&server, "rp").await, server.user("alice").await);
    let left_out = [("redirect_uri", ""), ("scope", "items:read")];
    let page = rp.sign_in(&Browser::new(&server), &alice, &left_out).await;
    assert!(page.location().starts_with(REDIRECT_URI), "{page:?}");
    let form = [("grant_type", "authorization_code"), ("code", &*page.told("code"))];
    rp.client.post("/token", &form).await.granted();

    let two = vec![REDIRECT_URI.parse().unwrap(), "https://rp.example.com/cb2".parse().unwrap()];
    let two = RelyingParty::with(&server, Description { redirect_uris: two, ..relying_party("two") }).await;
    assert_is_shown(&Browser::new(&server).open(&two.request(&left_out)).await);
}

/// RFC 8252 §7.3.
#[tokio::test]
async fn an_app_on_a_device_chooses_its_loopback_port() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    let native = vec!["http://127.0.0.1/cb".parse().unwrap(), "http://localhost:9000/cb".parse().unwrap()];
    let native = Description { redirect_uris: native, ..relying_party("native") };
    let rp = RelyingParty::with(&server, native).await;
    let browser = Browser::new(&server);
    let uri = "http://127.0.0.1:51004/cb";
    let page = rp.sign_in(&browser, &alice, &[("redirect_uri", uri)]).await;
    assert!(page.location().starts_with("http://127.0.0.1:51004/cb?code="), "{page:?}");
    let form = [("grant_type", "authorization_code"), ("code", &*page.told("code")), ("redirect_uri", uri)];
    rp.client.post("/token", &form).await.granted();
    for uri in ["http://127.0.0.1:51004/other", "http://localhost:9001/cb", "http://127.0.0.2:51004/cb"] {
        assert_is_shown(&browser.open(&rp.request(&[("redirect_uri", uri)])).await);
    }
}

/// A request stands in the URL until it is answered.
#[tokio::test]
async fn a_request_survives_a_wrong_password_a_reload_the_back_button_and_a_restart() {
    let server = Server::start().await;
    let (alice, request) = {
        let rp = RelyingParty::new(&server, "rp").await;
        (server.user("alice").await, rp.request(&[("state", "a b&c"), ("prompt", "login"), ("x", "y")]))
    };
    let server = server.restart().await;
    let browser = Browser::new(&server);
    let first = browser.open(&request).await;
    let wrong = browser.submit(&first, &[("username", "alice"), ("password", "not that one, sorry")]).await;
    assert_eq!(wrong.status, 400);
    let reloaded = browser.open(&first.path).await;
    let page = browser.sign_in(&reloaded, &alice).await;
    assert_eq!(page.told("state"), "a b&c");
    let code = page.told("code");

    let back = browser.open(&first.path).await;
    let again = browser.sign_in(&back, &alice).await;
    assert_eq!(again.told("state"), "a b&c");
    assert_ne!(again.told("code"), code);
}

/// Browsers send no `SameSite=Lax` cookies with a post of another site.
#[tokio::test]
async fn a_request_that_another_site_posts_finds_the_session() {
    let server = Server::start().await;
    let (rp, alice) = (RelyingParty::new(&server, "rp").await, server.user("alice").await);
    let browser = Browser::new(&server);
    rp.sign_in(&browser, &alice, &[]).await;

    let query = rp.request(&[]).replace("/authorize?", "");
    let stranger = Browser::new(&server);
    let post = |browser: &Browser<'_>| {
        let request = browser.request("POST", "/authorize").header("origin", "https://rp.example.com");
        request.header("content-type", "application/x-www-form-urlencoded").body(query.clone())
    };
    let without_cookies = stranger.step(post(&stranger), "/authorize").await;
    assert_eq!(without_cookies.status, 303);
    assert_eq!(without_cookies.headers["referrer-policy"], "no-referrer");
    assert!(without_cookies.cookies.is_empty(), "{without_cookies:?}");
    let next = without_cookies.location().strip_prefix(ISSUER).unwrap().to_owned();
    assert!(next.starts_with("/authorize?"), "{next}");
    assert!(!browser.open(&next).await.told("code").is_empty());

    let both = stranger.request("POST", "/authorize?state=x").form(&[("client_id", "rp")]);
    assert_is_shown(&stranger.step(both, "/authorize").await);
}

/// OAuth 2.0 Form Post Response Mode §2.
#[tokio::test]
async fn an_answer_may_come_in_a_form_that_passes_our_own_policy() {
    let server = Server::start().await;
    let (rp, alice) = (RelyingParty::new(&server, "rp").await, server.user("alice").await);
    let browser = Browser::new(&server);
    let params = [("response_mode", "form_post"), ("state", "a\"&<>é")];
    let page = browser.open(&rp.request(&params)).await;
    let page = browser.sign_in(&page, &alice).await;
    assert_eq!((page.status, &*page.action()), (200, REDIRECT_URI));
    assert_eq!((page.told("state"), page.told("iss")), ("a\"&<>é".to_owned(), ISSUER.to_owned()));
    assert_eq!(page.headers["cache-control"], "no-store");
    let policy = &page.headers["content-security-policy"];
    assert!(policy.contains("script-src 'self'") && !policy.contains("form-action"), "{policy}");
    rp.redeem(&page).await;

    let refused = [("response_mode", "form_post"), ("prompt", "none"), ("max_age", "0")];
    server.advance(std::time::Duration::from_secs(1)).await;
    let page = browser.open(&rp.request(&refused)).await;
    assert_eq!((page.told("error"), page.told("iss")), ("login_required".to_owned(), ISSUER.to_owned()));
    assert_eq!(page.action(), REDIRECT_URI);
}

/// RFC 8707 §2.
#[tokio::test]
async fn a_code_is_for_the_resource_that_was_asked_for() {
    let server = Server::start().await;
    let (alice, second) = (server.user("alice").await, "https://second.example.com");
    let scopes = [("items:read".parse().unwrap(), None)].into();
    admin::api::add(&server.app, second.parse().unwrap(), scopes, None).await.unwrap();
    let apis = [crate::server::API, second].map(|uri| uri.parse().unwrap()).into();
    let rp = RelyingParty::with(&server, Description { apis, ..relying_party("rp") }).await;
    let params = [("resource", second), ("scope", "openid items:read")];
    let tokens = rp.tokens(&Browser::new(&server), &alice, &params).await;
    assert_eq!(tokens.claims()["aud"], second);
    assert_eq!(tokens.claims()["scope"], "items:read openid");
}

/// RFC 9700 §4.12: no credentials are sent on, and none stand in an answer.
#[tokio::test]
async fn what_is_posted_is_followed_by_a_get() {
    let server = Server::start().await;
    let (rp, alice) = (RelyingParty::new(&server, "rp").await, server.user("alice").await);
    let browser = Browser::new(&server);
    let page = browser.open(&rp.request(&[])).await;
    let (request, action) = browser.form(&page, &[("username", &alice.name), ("password", PASSWORD)]);
    let next = browser.step(request, &action).await;
    assert_eq!(next.status, 303);
    assert!(next.location().starts_with("http://localhost:8080/authorize?"), "{next:?}");
}

/// Threat rule 29.
#[tokio::test]
async fn only_the_configured_issuer_says_where_we_are() {
    let server = Server::start().await;
    let rp = RelyingParty::new(&server, "rp").await;
    let browser = Browser::new(&server);
    let request = browser.request("GET", &rp.request(&[])).header("host", "evil.example.com");
    let request = request.header("x-forwarded-host", "evil.example.com");
    let page = browser.step(request, "/authorize").await;
    assert!(page.location().starts_with("http://localhost:8080/sign-in?"), "{page:?}");
}

/// OpenID Connect Core §3.1.2.2.
#[tokio::test]
async fn a_request_may_name_the_user_it_is_about() {
    let server = Server::start().await;
    let rp = RelyingParty::new(&server, "rp").await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let browser = Browser::new(&server);
    rp.sign_in(&browser, &alice, &[]).await;
    let about = |user: &User| serde_json::json!({ "id_token": { "sub": { "value": user.id } } }).to_string();
    assert!(!browser.open(&rp.request(&[("claims", &about(&alice))])).await.told("code").is_empty());
    let (claims, silent) = (about(&bob), ("prompt", "none"));
    assert_eq!(
        browser.open(&rp.request(&[("claims", &claims), silent])).await.told("error"),
        "login_required"
    );
    let page = browser.open(&rp.request(&[("claims", &claims)])).await;
    assert!(!browser.sign_in(&page, &bob).await.told("code").is_empty());
}

/// OpenID Connect Core §5.5.1.1.
#[tokio::test]
async fn an_authentication_that_cannot_be_given_is_refused() {
    let server = Server::start().await;
    let (rp, alice) = (RelyingParty::new(&server, "rp").await, server.user("alice").await);
    let browser = Browser::new(&server);
    let asked = |is_essential, values: &[&str]| {
        let acr = serde_json::json!({ "essential": is_essential, "values": values });
        serde_json::json!({ "id_token": { "acr": acr } }).to_string()
    };
    rp.sign_in(&browser, &alice, &[("claims", &asked(true, &["2", "1"]))]).await;
    let page = browser.open(&rp.request(&[("claims", &asked(true, &["2"]))])).await;
    assert_eq!(page.told("error"), "unmet_authentication_requirements");
    assert!(!browser.open(&rp.request(&[("claims", &asked(false, &["2"]))])).await.told("code").is_empty());
}

#[tokio::test]
async fn a_hint_that_another_client_was_given_is_refused() {
    let server = Server::start().await;
    let (one, other) = (RelyingParty::new(&server, "one").await, RelyingParty::new(&server, "other").await);
    let (alice, browser) = (server.user("alice").await, Browser::new(&server));
    let hint = one.tokens(&browser, &alice, &[]).await.text("id_token");
    let asked = |rp: &RelyingParty<'_>| rp.request(&[("id_token_hint", &*hint), ("prompt", "none")]);
    assert!(browser.open(&asked(&one)).await.answer().contains_key("code"));
    assert_eq!(browser.open(&asked(&other)).await.told("error"), "invalid_request");
}

/// Nobody types a password for a request that is lost behind it.
#[tokio::test]
async fn a_request_that_is_too_long_is_refused_on_a_page_before_anybody_signs_in() {
    let server = Server::start().await;
    let rp = RelyingParty::new(&server, "rp").await;
    let browser = Browser::new(&server);
    // Three bytes each, as we write it.
    let state = "'".repeat(2600);
    let request = rp.request(&[]).replace("the+state", &state);
    let page = browser.open(&request).await;
    assert!(page.status == 414 && page.body.contains("<html"), "{page:?}");
    let query = request.split_once('?').unwrap().1.to_owned();
    let posted = browser.request("POST", "/authorize").body(query);
    let posted = posted.header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(browser.step(posted, "/authorize").await.status, 414);
    let fits = rp.request(&[]).replace("the+state", &"'".repeat(2400));
    assert!(browser.open(&fits).await.is_at("/sign-in"));
}

#[tokio::test]
async fn a_person_is_refused_by_a_page_and_a_program_by_json() {
    let server = Server::start().await;
    let browser = Browser::new(&server);
    for path in ["/authorize", "/sign-in", "/consent", "/logout", "/account/profile"] {
        for (accept, kind) in [("text/html,*/*;q=0.8", "text/html"), ("*/*", "application/json")] {
            let request = |method| browser.request(method, path).header("accept", accept);
            let put = browser.step(request("PUT"), path).await;
            assert_eq!(put.status, 405);
            let json = request("POST").header("content-type", "application/json").body("{}");
            let json = browser.step(json, path).await;
            assert_eq!(json.status, 415);
            for page in [put, json] {
                assert!(page.headers["content-type"].starts_with(kind), "{page:?}");
                assert_eq!(page.body.contains("<html"), kind == "text/html");
            }
        }
    }
}
