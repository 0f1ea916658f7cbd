//! What people let clients have, and are asked about.

use claviger::admin;
use claviger::admin::client::Description;
use claviger::model::{AuthMethod, Client, ConsentPolicy, Pkce, Profile};
use serde_json::{Value, json};

use crate::authorize::{CHALLENGE, VERIFIER};
use crate::browser::{Browser, Page};
use crate::relying_party::{REDIRECT_URI, RelyingParty, relying_party};
use crate::server::{API, Answer, Server, User, part};

/// A client that asks.
pub async fn asking<'s>(server: &'s Server, id: &str) -> RelyingParty<'s> {
    let profile = Profile { consent: ConsentPolicy::Ask, ..relying_party(id).profile };
    let name = Some("Notes & More".to_owned());
    RelyingParty::with(server, Description { profile, name, ..relying_party(id) }).await
}

/// Comes to the page on which `user` is asked about `scope`.
async fn asked(rp: &RelyingParty<'_>, browser: &Browser<'_>, user: &User, scope: &str) -> Page {
    let page = browser.open(&rp.request(&[("scope", scope)])).await;
    let page = browser.sign_in(&page, user).await;
    assert!(page.is_at("/consent"), "{page:?}");
    page
}

/// What the button says that lets the client have it.
pub const ALLOW: [(&str, &str); 1] = [("decision", "allow")];

/// OpenID Connect Core §3.1.2.4.
#[tokio::test]
async fn a_person_is_asked_once_for_each_scope_and_told_only_what_is_new() {
    let server = Server::start().await;
    let (rp, alice) = (asking(&server, "rp").await, server.user("alice").await);
    let browser = Browser::new(&server);
    let page = asked(&rp, &browser, &alice, "openid email").await;
    for shown in
        ["Notes &#38; More asks for access", "<code>rp</code>", "<code>rp.example.com</code>", "alice"]
    {
        assert!(page.body.contains(shown), "no {shown} in {page:?}");
    }
    assert!(page.body.contains("see your e-mail address") && !page.body.contains("only what is new"));
    let answer = browser.submit(&page, &ALLOW).await;
    assert_eq!(rp.redeem(&answer).await.text("scope"), "email openid");

    assert!(!browser.open(&rp.request(&[("scope", "openid email")])).await.told("code").is_empty());
    assert!(
        !browser.open(&rp.request(&[("scope", "openid"), ("prompt", "none")])).await.told("code").is_empty()
    );
    let page = browser.open(&rp.request(&[("scope", "openid email items:read")])).await;
    assert!(page.body.contains("items:read") && page.body.contains("only what is new"), "{page:?}");
    assert!(!page.body.contains("see your e-mail address"), "{page:?}");
    let page = browser.open(&rp.request(&[("scope", "openid email"), ("prompt", "consent")])).await;
    assert!(
        page.body.contains("see your e-mail address") && !page.body.contains("only what is new"),
        "{page:?}"
    );
    let silent = [("scope", "openid phone"), ("prompt", "none")];
    assert_eq!(browser.open(&rp.request(&silent)).await.told("error"), "consent_required");

    let other = asking(&server, "other").await;
    assert!(
        browser.open(&other.request(&[])).await.is_at("/consent"),
        "it was another client that was allowed"
    );
}

/// OpenID Connect Core §5.5: by another name it is still the e-mail address.
#[tokio::test]
async fn a_claim_that_is_asked_for_by_name_is_asked_about_as_its_scope_and_only_the_client_s_own_is_told() {
    let server = Server::start().await;
    let (rp, alice) = (asking(&server, "rp").await, server.user("alice").await);
    let profile = Profile { consent: ConsentPolicy::Ask, ..relying_party("poor").profile };
    let poor = Description { profile, scope: "openid".parse().unwrap(), ..relying_party("poor") };
    let poor = RelyingParty::with(&server, poor).await;
    let claims =
        |userinfo: &str| format!(r#"{{"userinfo":{{"{userinfo}":null}},"id_token":{{"email":null}}}}"#);
    let told = async |tokens: &Answer| {
        let token = tokens.access_token();
        let userinfo = Answer::of(server.request("GET", "/userinfo").bearer_auth(token)).await.granted();
        (userinfo.body["preferred_username"].clone(), part(&tokens.text("id_token"), 1)["email"].clone())
    };
    let all = (json!("alice"), json!("alice@example.com"));
    let asked = claims("preferred_username");
    let request = [("claims", &*asked)];

    let browser = Browser::new(&server);
    let page = browser.sign_in(&browser.open(&poor.request(&request)).await, &alice).await;
    let shown = ["see your e-mail address", "see your name and the rest of your profile"];
    assert!(page.is_at("/consent") && shown.iter().all(|words| !page.body.contains(words)), "{page:?}");
    let tokens = poor.redeem(&browser.submit(&page, &ALLOW).await).await;
    assert_eq!(told(&tokens).await, (Value::Null, Value::Null));

    let page = browser.open(&rp.request(&request)).await;
    assert!(page.is_at("/consent") && shown.iter().all(|words| page.body.contains(words)), "{page:?}");
    let tokens = rp.redeem(&browser.submit(&page, &ALLOW).await).await;
    assert_eq!(tokens.text("scope"), "openid");
    assert_eq!(told(&tokens).await, all);
    assert!(!browser.open(&rp.request(&request)).await.told("code").is_empty());
    let more = claims("phone_number");
    let answer = browser.open(&rp.request(&[("claims", &*more), ("prompt", "none")])).await;
    assert_eq!(answer.told("error"), "consent_required");

    let tokens = rp.client.refresh(&tokens).await;
    assert_eq!(told(&tokens).await, all);
    let narrow = |client: &mut Client| client.scope = "openid offline_access".parse().unwrap();
    admin::client::change(&server.app, &"rp".parse().unwrap(), narrow).await.unwrap();
    assert_eq!(told(&rp.client.refresh(&tokens).await).await, (Value::Null, Value::Null));
}

/// RFC 8707 §2: the same word of two APIs means two things.
#[tokio::test]
async fn consent_is_to_one_api_and_what_concerns_the_person_is_the_same_for_all() {
    const SECOND: &str = "https://second.example.com";
    let server = Server::start().await;
    server.add_api_at(SECOND).await;
    let alice = server.user("alice").await;
    let apis = [API, SECOND].map(|uri| uri.parse().unwrap()).into();
    let profile = Profile { consent: ConsentPolicy::Ask, ..relying_party("rp").profile };
    let rp = RelyingParty::with(&server, Description { apis, profile, ..relying_party("rp") }).await;
    let at = |api| [("scope", "openid email items:read"), ("resource", api)];

    let browser = Browser::new(&server);
    let page = browser.sign_in(&browser.open(&rp.request(&at(API))).await, &alice).await;
    assert!(page.is_at("/consent") && page.body.contains(&format!("<code>{API}</code>")), "{page:?}");
    let swapped = page.path.replace("api.example.com", "second.example.com");
    let of_the_first = [("csrf", page.field("csrf").unwrap()), ("decision", "allow".to_owned())];
    let refused = browser.step(browser.request("POST", &swapped).form(&of_the_first), &swapped).await;
    assert_eq!(refused.status, 400, "the form was about the other API");
    rp.redeem(&browser.submit(&page, &ALLOW).await).await;

    let silent = |api| at(api).into_iter().chain([("prompt", "none")]).collect::<Vec<_>>();
    assert!(!browser.open(&rp.request(&silent(API))).await.told("code").is_empty());
    assert_eq!(browser.open(&rp.request(&silent(SECOND))).await.told("error"), "consent_required");
    let page = browser.open(&rp.request(&at(SECOND))).await;
    assert!(
        page.body.contains(&format!("<code>{SECOND}</code>")) && page.body.contains("items:read"),
        "{page:?}"
    );
    assert!(
        !page.body.contains("see your e-mail address") && page.body.contains("only what is new"),
        "{page:?}"
    );
    let tokens = rp.redeem(&browser.submit(&page, &ALLOW).await).await;
    assert_eq!(tokens.claims()["aud"], SECOND);

    let page = browser.open("/account/applications").await;
    assert_eq!(page.body.matches("items:read").count(), 2, "{page:?}");
    let page = browser.submit(&page, &[("withdraw", "rp")]).await;
    assert!(page.body.contains("You have not allowed anything"), "{page:?}");
    for api in [API, SECOND] {
        assert_eq!(browser.open(&rp.request(&silent(api))).await.told("error"), "consent_required");
    }
}

/// RFC 6749 §4.1.2.1.
#[tokio::test]
async fn a_refusal_is_told_to_the_client_and_asked_about_again() {
    let server = Server::start().await;
    let (rp, alice) = (asking(&server, "rp").await, server.user("alice").await);
    let browser = Browser::new(&server);
    let page = asked(&rp, &browser, &alice, "openid").await;
    for decision in ["deny", "", "ALLOW"] {
        let answer = browser.submit(&page, &[("decision", decision)]).await;
        assert_eq!(
            (answer.told("error"), answer.told("state")),
            ("access_denied".to_owned(), "the state".to_owned())
        );
    }
    assert!(browser.open(&rp.request(&[])).await.is_at("/consent"));
}

#[tokio::test]
async fn what_is_consented_to_is_what_was_shown() {
    let server = Server::start().await;
    let (rp, alice) = (asking(&server, "rp").await, server.user_with_roles("alice", &["reader"]).await);
    let browser = Browser::new(&server);
    let page = asked(&rp, &browser, &alice, "openid items:read items:write").await;
    assert!(page.body.contains("items:read") && !page.body.contains("items:write"), "{page:?}");

    server.change_roles(&alice, &["writer"], &[]).await;
    let again = browser.submit(&page, &ALLOW).await;
    assert!(again.status == 400 && again.body.contains("This page was out of date"), "{again:?}");
    assert!(again.body.contains("items:write"));
    let answer = browser.submit(&again, &ALLOW).await;
    assert_eq!(rp.redeem(&answer).await.text("scope"), "items:read items:write openid");

    let other = asking(&server, "other").await;
    let page = browser.open(&other.request(&[])).await;
    let (request, _) = browser.form(&page, &ALLOW);
    drop(request);
    let csrf = page.field("csrf").unwrap();
    let swapped = other.request(&[("scope", "openid email")]).replace("/authorize", "/consent");
    let form = browser.request("POST", &swapped).form(&[("csrf", &*csrf), ("decision", "allow")]);
    assert_eq!(browser.step(form, &swapped).await.status, 400, "the form was about less");
}

#[tokio::test]
async fn a_client_of_our_own_need_not_ask_unless_it_says_so() {
    let server = Server::start().await;
    let (rp, alice) = (RelyingParty::new(&server, "rp").await, server.user("alice").await);
    let browser = Browser::new(&server);
    rp.sign_in(&browser, &alice, &[("scope", "openid items:read")]).await;
    let page = browser.open(&rp.request(&[("prompt", "consent"), ("scope", "openid items:read")])).await;
    assert!(page.is_at("/consent"), "{page:?}");
    assert!(!browser.submit(&page, &ALLOW).await.told("code").is_empty());
}

/// RFC 8252 §8.6, RFC 6749 §10.2: another program of the device may say that it is the one that was allowed.
#[tokio::test]
async fn a_public_client_that_anybody_could_pose_as_is_asked_about_each_time() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    let uris = ["http://127.0.0.1/cb", "com.example.app:/cb", REDIRECT_URI].map(|uri| uri.parse().unwrap());
    let profile = Profile { pkce: Pkce::Required, consent: ConsentPolicy::Ask, ..Profile::default() };
    let of = |id| Description {
        redirect_uris: uris.clone().into(),
        profile: profile.clone(),
        ..relying_party(id)
    };
    let app = Description { auth_method: AuthMethod::None, ..of("app") };
    let (app, site) = (RelyingParty::with(&server, app).await, RelyingParty::with(&server, of("site")).await);
    // No operator can register such a client.
    let own = RelyingParty::with(&server, Description { auth_method: AuthMethod::None, ..of("own") }).await;
    server.database().await.run("UPDATE clients SET consent = 'skip' WHERE id = 'own'").await;

    for (rp, uri, is_asked) in [
        (&app, "http://127.0.0.1:51004/cb", true),
        (&app, "com.example.app:/cb", true),
        (&app, REDIRECT_URI, false),
        (&own, "http://127.0.0.1:51004/cb", true),
        (&site, "http://127.0.0.1:51004/cb", false),
    ] {
        let browser = Browser::new(&server);
        let params = [CHALLENGE[0], CHALLENGE[1], ("redirect_uri", uri), ("scope", "openid email")];
        let page = browser.sign_in(&browser.open(&rp.request(&params)).await, &alice).await;
        if page.is_at("/consent") {
            let answer = browser.submit(&page, &ALLOW).await;
            assert!(answer.location().starts_with(&format!("{uri}?code=")), "{answer:?}");
        }
        let page = browser.open(&rp.request(&params)).await;
        assert_eq!(page.is_at("/consent"), is_asked, "{uri}: {page:?}");
        let silent: Vec<_> = params.into_iter().chain([("prompt", "none")]).collect();
        let answer = browser.open(&rp.request(&silent)).await.answer();
        assert_eq!(answer.get("error").map(String::as_str), is_asked.then_some("consent_required"), "{uri}");
        if is_asked {
            assert!(page.body.contains("see your e-mail address") && !page.body.contains("only what is new"));
            let form_post: Vec<_> = params.into_iter().chain([("response_mode", "form_post")]).collect();
            let page = browser.open(&rp.request(&form_post)).await;
            let answer = browser.submit(&page, &ALLOW).await;
            assert_eq!((answer.status, &*answer.action()), (200, uri));
            let form = [
                ("grant_type", "authorization_code"),
                ("code", &*answer.told("code")),
                ("redirect_uri", uri),
                ("code_verifier", VERIFIER),
            ];
            rp.client.post("/token", &form).await.granted();
        }
    }
}

/// The consent page is for who is signed in, and for a request that needs it.
#[tokio::test]
async fn where_nothing_is_to_be_decided_the_way_goes_on() {
    let server = Server::start().await;
    let (rp, alice) = (RelyingParty::new(&server, "rp").await, server.user("alice").await);
    let browser = Browser::new(&server);
    let consent = rp.request(&[]).replace("/authorize", "/consent");
    assert!(browser.open(&consent).await.is_at("/sign-in"));
    rp.sign_in(&browser, &alice, &[]).await;
    assert!(!browser.open(&consent).await.told("code").is_empty());
}

#[tokio::test]
async fn another_account_can_be_chosen_before_consenting() {
    let server = Server::start().await;
    let (rp, alice) = (asking(&server, "rp").await, server.user("alice").await);
    let bob = server.user("bob").await;
    let browser = Browser::new(&server);
    let page = asked(&rp, &browser, &alice, "openid").await;
    let other = browser.open(&page.path.replace("/consent", "/sign-in")).await;
    let page = browser.sign_in(&other, &bob).await;
    assert!(page.is_at("/consent") && page.body.contains("You are signed in as bob."), "{page:?}");
}

#[tokio::test]
async fn nothing_is_asked_when_nothing_can_be_given() {
    let server = Server::start().await;
    let (rp, alice) = (asking(&server, "rp").await, server.user_with_roles("alice", &[]).await);
    let browser = Browser::new(&server);
    let page = browser.open(&rp.request(&[("scope", "items:read")])).await;
    assert_eq!(browser.sign_in(&page, &alice).await.told("error"), "invalid_scope");
}
