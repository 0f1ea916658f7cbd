//! `oidcc-basic-certification-test-plan` and `oidcc-formpost-basic-certification-test-plan`.

use std::time::Duration;

use claviger::admin::client::Description;
use claviger::model::AuthMethod;
use serde_json::json;

use super::{Run, id_token};
use crate::browser::ISSUER;
use crate::relying_party::{REDIRECT_URI, relying_party};
use crate::server::{Answer, Server, part};

/// Runs a module in each response mode.
async fn run(module: impl AsyncFn(&Run<'_>)) {
    let server = Server::start().await;
    for mode in ["query", "form_post"] {
        module(&Run::new(&server, mode, relying_party(mode)).await).await;
    }
}

const PROFILE: [&str; 14] = [
    "birthdate",
    "family_name",
    "gender",
    "given_name",
    "locale",
    "middle_name",
    "name",
    "nickname",
    "picture",
    "preferred_username",
    "profile",
    "updated_at",
    "website",
    "zoneinfo",
];

/// `oidcc-server`: the plain flow; state and issuer come back, and the ID token is for this client and this request.
#[tokio::test]
async fn oidcc_server() {
    run(async |run| {
        let page = run.authorize(&[]).await;
        assert_eq!((page.told("state"), page.told("iss")), ("the state".to_owned(), ISSUER.to_owned()));
        let tokens = run.rp.redeem(&page).await;
        assert_eq!(
            (tokens.text("token_type"), &*tokens.headers["cache-control"]),
            ("Bearer".to_owned(), "no-store")
        );
        let claims = id_token(&tokens);
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(ISSUER), &json!(run.rp.client.id)));
        assert_eq!((&claims["sub"], &claims["nonce"]), (&json!(run.user.id), &json!("the nonce")));
        assert_eq!(
            (&claims["iat"], &claims["auth_time"]),
            (&json!(run.server.app.clock.now()), &json!(run.server.app.clock.now()))
        );
        assert!(claims["exp"].as_i64() > claims["iat"].as_i64() && claims["at_hash"].is_string());
    })
    .await;
}

/// `oidcc-response-type-missing`: an error, told to the client or shown.
#[tokio::test]
async fn oidcc_response_type_missing() {
    run(async |run| {
        let page = run.open(&[("response_type", "")]).await;
        assert_eq!(
            (page.told("error"), page.told("state")),
            ("invalid_request".to_owned(), "the state".to_owned())
        );
    })
    .await;
}

/// `oidcc-idtoken-signature`: RS256, by a key of the JWKS, which the header names if there are several.
#[tokio::test]
async fn oidcc_idtoken_signature() {
    run(async |run| {
        let token = run.tokens(&[]).await.text("id_token");
        let header = part(&token, 0);
        let jwks = run.server.get("/.well-known/jwks.json").await.body;
        let key = jwks["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]).unwrap();
        let key = jsonwebtoken::DecodingKey::from_rsa_components(
            key["n"].as_str().unwrap(),
            key["e"].as_str().unwrap(),
        );
        let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
        validation.set_audience(&[&run.rp.client.id]);
        validation.validate_exp = false;
        jsonwebtoken::decode::<serde_json::Value>(&token, &key.unwrap(), &validation).unwrap();
    })
    .await;
}

/// `oidcc-userinfo-get`: the access token in the header of a GET.
#[tokio::test]
async fn oidcc_userinfo_get() {
    run(async |run| {
        let told = run.userinfo(&run.tokens(&[]).await).await.granted();
        assert_eq!(told.body, json!({ "sub": run.user.id }));
        assert_eq!(told.headers["content-type"], "application/json");
    })
    .await;
}

/// `oidcc-userinfo-post-header`: the access token in the header of a POST.
#[tokio::test]
async fn oidcc_userinfo_post_header() {
    run(async |run| {
        let request =
            run.server.request("POST", "/userinfo").bearer_auth(run.tokens(&[]).await.access_token());
        assert_eq!(Answer::of(request).await.granted().body["sub"], json!(run.user.id));
    })
    .await;
}

/// `oidcc-userinfo-post-body`: the access token in the form of a POST.
#[tokio::test]
async fn oidcc_userinfo_post_body() {
    run(async |run| {
        let form = [("access_token", run.tokens(&[]).await.access_token())];
        let request = run.server.request("POST", "/userinfo").form(&form);
        assert_eq!(Answer::of(request).await.granted().body["sub"], json!(run.user.id));
    })
    .await;
}

/// `oidcc-ensure-request-without-nonce-succeeds-for-code-flow`: no nonce is needed, and none is invented.
#[tokio::test]
async fn oidcc_ensure_request_without_nonce_succeeds_for_code_flow() {
    run(async |run| assert!(id_token(&run.tokens(&[("nonce", "")]).await).get("nonce").is_none())).await;
}

/// `oidcc-scope-profile`: the claims of the profile at the userinfo endpoint.
#[tokio::test]
async fn oidcc_scope_profile() {
    run(async |run| run.check_scope("openid profile", &PROFILE).await).await;
}

/// `oidcc-scope-email`.
#[tokio::test]
async fn oidcc_scope_email() {
    run(async |run| run.check_scope("openid email", &["email", "email_verified"]).await).await;
}

/// `oidcc-scope-address`.
#[tokio::test]
async fn oidcc_scope_address() {
    run(async |run| run.check_scope("openid address", &["address"]).await).await;
}

/// `oidcc-scope-phone`.
#[tokio::test]
async fn oidcc_scope_phone() {
    run(async |run| run.check_scope("openid phone", &["phone_number", "phone_number_verified"]).await).await;
}

/// `oidcc-scope-all`: all of them at once.
#[tokio::test]
async fn oidcc_scope_all() {
    run(async |run| {
        let others = ["address", "email", "email_verified", "phone_number", "phone_number_verified"];
        let mut all = [&PROFILE[..], &others].concat();
        all.sort_unstable();
        run.check_scope("openid profile email address phone", &all).await;
    })
    .await;
}

/// `oidcc-ensure-other-scope-order-succeeds`: `openid` need not come first.
#[tokio::test]
async fn oidcc_ensure_other_scope_order_succeeds() {
    run(async |run| run.check_scope("email openid", &["email", "email_verified"]).await).await;
}

/// `oidcc-display-page`: accepted.
#[tokio::test]
async fn oidcc_display_page() {
    run(async |run| drop(run.tokens(&[("display", "page")]).await)).await;
}

/// `oidcc-display-popup`: accepted.
#[tokio::test]
async fn oidcc_display_popup() {
    run(async |run| drop(run.tokens(&[("display", "popup")]).await)).await;
}

/// `oidcc-prompt-login`: who is signed in signs in again, and the second ID token says so.
#[tokio::test]
async fn oidcc_prompt_login() {
    run(async |run| {
        let first = id_token(&run.tokens(&[]).await);
        run.server.advance(Duration::from_secs(2)).await;
        assert!(run.open(&[("prompt", "login")]).await.is_at("/sign-in"));
        let second = id_token(&run.tokens(&[("prompt", "login")]).await);
        assert_eq!(first["sub"], second["sub"]);
        assert_eq!(second["auth_time"].as_i64(), first["auth_time"].as_i64().map(|first| first + 2));
    })
    .await;
}

/// `oidcc-prompt-none-not-logged-in`: `login_required`, and no page.
#[tokio::test]
async fn oidcc_prompt_none_not_logged_in() {
    run(async |run| {
        let page = run.open(&[("prompt", "none")]).await;
        assert_eq!(
            (page.told("error"), page.told("state")),
            ("login_required".to_owned(), "the state".to_owned())
        );
    })
    .await;
}

/// `oidcc-prompt-none-logged-in`: the same user, who signed in when they did.
#[tokio::test]
async fn oidcc_prompt_none_logged_in() {
    run(async |run| {
        let first = id_token(&run.tokens(&[]).await);
        run.server.advance(Duration::from_secs(2)).await;
        let page = run.open(&[("prompt", "none"), ("nonce", "another")]).await;
        let second = id_token(&run.rp.redeem(&page).await);
        assert_eq!((&first["sub"], &first["auth_time"]), (&second["sub"], &second["auth_time"]));
        assert_eq!(second["nonce"], "another");
    })
    .await;
}

/// `oidcc-max-age-1`: who signed in more than a second ago signs in again.
#[tokio::test]
async fn oidcc_max_age_1() {
    run(async |run| {
        let first = id_token(&run.tokens(&[]).await);
        run.server.advance(Duration::from_secs(2)).await;
        assert!(run.open(&[("max_age", "1")]).await.is_at("/sign-in"));
        let second = id_token(&run.tokens(&[("max_age", "1")]).await);
        assert!(second["auth_time"].as_i64() > first["auth_time"].as_i64());
    })
    .await;
}

/// `oidcc-max-age-10000`: who signed in a moment ago does not.
#[tokio::test]
async fn oidcc_max_age_10000() {
    run(async |run| {
        let first = id_token(&run.tokens(&[]).await);
        run.server.advance(Duration::from_secs(2)).await;
        let second = id_token(&run.rp.redeem(&run.open(&[("max_age", "10000")]).await).await);
        assert!(first["auth_time"].is_i64() && first["auth_time"] == second["auth_time"]);
    })
    .await;
}

/// `oidcc-ensure-request-with-unknown-parameter-succeeds`: it is ignored.
#[tokio::test]
async fn oidcc_ensure_request_with_unknown_parameter_succeeds() {
    run(async |run| drop(run.tokens(&[("extra", "foobar")]).await)).await;
}

/// `oidcc-id-token-hint`: together with `prompt=none`, the user whom it is about and who is signed in.
#[tokio::test]
async fn oidcc_id_token_hint() {
    run(async |run| {
        let first = run.tokens(&[]).await;
        let hint = first.text("id_token");
        let page = run.open(&[("prompt", "none"), ("id_token_hint", &hint)]).await;
        assert_eq!(id_token(&run.rp.redeem(&page).await)["sub"], id_token(&first)["sub"]);

        let other = run.server.user(&format!("other-{}", run.mode)).await;
        let page = run.open(&[("prompt", "select_account")]).await;
        run.browser.sign_in(&page, &other).await;
        let page = run.open(&[("prompt", "none"), ("id_token_hint", &hint)]).await;
        assert_eq!(page.told("error"), "login_required");
        let page = run.open(&[("id_token_hint", &hint)]).await;
        assert!(page.is_at("/sign-in"), "{page:?}");
        assert_eq!(run.browser.sign_in(&page, &other).await.told("error"), "login_required");
        let page = run.open(&[("id_token_hint", &hint)]).await;
        assert!(!run.browser.sign_in(&page, &run.user).await.told("code").is_empty());
    })
    .await;
}

/// `oidcc-login-hint`: no error; the name stands in the form.
#[tokio::test]
async fn oidcc_login_hint() {
    run(async |run| {
        let page = run.open(&[("login_hint", "buffy@example.com")]).await;
        assert_eq!(page.field("username").as_deref(), Some("buffy@example.com"));
        run.tokens(&[("login_hint", "buffy@example.com")]).await;
    })
    .await;
}

/// `oidcc-ui-locales`: no error; the first language of ours that is named is spoken.
#[tokio::test]
async fn oidcc_ui_locales() {
    run(async |run| {
        let page = run.open(&[("ui_locales", "se de")]).await;
        assert!(page.body.contains("<html lang=\"de\">"), "{page:?}");
        run.tokens(&[("ui_locales", "se")]).await;
    })
    .await;
}

/// `oidcc-claims-locales`: no error.
#[tokio::test]
async fn oidcc_claims_locales() {
    run(async |run| drop(run.tokens(&[("claims_locales", "se")]).await)).await;
}

/// `oidcc-ensure-request-with-acr-values-succeeds`: no error, and the ID token says what it came to.
#[tokio::test]
async fn oidcc_ensure_request_with_acr_values_succeeds() {
    run(async |run| assert_eq!(id_token(&run.tokens(&[("acr_values", "1 2")]).await)["acr"], "1")).await;
}

/// `oidcc-codereuse`: the second use of a code is refused.
#[tokio::test]
async fn oidcc_codereuse() {
    run(async |run| {
        let page = run.authorize(&[]).await;
        run.rp.redeem(&page).await;
        let again = run.rp.try_redeem(&page).await;
        assert_eq!((again.status, again.error()), (400, "invalid_grant"));
    })
    .await;
}

/// `oidcc-codereuse-30seconds`: the same 30 seconds later, when what the first use gave must be dead.
#[tokio::test]
async fn oidcc_codereuse_30seconds() {
    run(async |run| {
        let page = run.authorize(&[]).await;
        let tokens = run.rp.redeem(&page).await;
        run.server.advance(Duration::from_secs(30)).await;
        assert_eq!(run.rp.try_redeem(&page).await.error(), "invalid_grant");
        assert_eq!(run.userinfo(&tokens).await.status, 401);
        assert_eq!(run.rp.client.try_refresh(&tokens).await.error(), "invalid_grant");
    })
    .await;
}

/// `oidcc-ensure-registered-redirect-uri`: an error page, and nothing is sent to the URI.
#[tokio::test]
async fn oidcc_ensure_registered_redirect_uri() {
    run(async |run| {
        let page = run.open(&[("redirect_uri", &format!("{REDIRECT_URI}/xyz"))]).await;
        assert!(page.status == 400 && !page.headers.contains_key("location"), "{page:?}");
        assert!(page.body.contains("redirect_uri") && !page.body.contains("<form"), "{page:?}");
    })
    .await;
}

/// `oidcc-redirect-uri-query-OK`: a registered query is kept.
#[tokio::test]
async fn oidcc_redirect_uri_query_ok() {
    let server = Server::start().await;
    let uri = "https://rp.example.com/cb?foo=bar";
    let with_query = Description { redirect_uris: vec![uri.parse().unwrap()], ..relying_party("rp") };
    let run = Run::new(&server, "query", with_query).await;
    let page = run.authorize(&[("redirect_uri", uri)]).await;
    assert!(page.location().starts_with("https://rp.example.com/cb?foo=bar&code="), "{page:?}");
}

/// `oidcc-redirect-uri-query-mismatch`: another query than the registered one is an error page.
#[tokio::test]
async fn oidcc_redirect_uri_query_mismatch() {
    let server = Server::start().await;
    let uri = "https://rp.example.com/cb?foo=bar".parse().unwrap();
    let with_query = Description { redirect_uris: vec![uri], ..relying_party("rp") };
    let run = Run::new(&server, "query", with_query).await;
    for other in ["https://rp.example.com/cb?foo=baz", "https://rp.example.com/cb"] {
        let page = run.open(&[("redirect_uri", other)]).await;
        assert!(page.status == 400 && !page.headers.contains_key("location"), "{page:?}");
    }
}

/// `oidcc-redirect-uri-query-added`: a query where none is registered is an error page.
#[tokio::test]
async fn oidcc_redirect_uri_query_added() {
    run(async |run| {
        let page = run.open(&[("redirect_uri", &format!("{REDIRECT_URI}?foo=bar"))]).await;
        assert!(page.status == 400 && !page.headers.contains_key("location"), "{page:?}");
    })
    .await;
}

/// `oidcc-ensure-post-request-succeeds`: the request comes in a form.
#[tokio::test]
async fn oidcc_ensure_post_request_succeeds() {
    run(async |run| {
        let request = run.rp.request(&[("response_mode", run.mode)]);
        let form = request.split_once('?').unwrap().1.to_owned();
        let post = run.browser.request("POST", "/authorize").header("origin", "https://rp.example.com");
        let post = post.header("content-type", "application/x-www-form-urlencoded").body(form);
        let page = run.browser.send(post, "/authorize").await;
        let page = run.browser.sign_in(&page, &run.user).await;
        assert_eq!(page.told("state"), "the state");
        run.rp.redeem(&page).await;
    })
    .await;
}

/// `oidcc-server-client-secret-post`: the client authenticates in the form.
#[tokio::test]
async fn oidcc_server_client_secret_post() {
    let server = Server::start().await;
    for mode in ["query", "form_post"] {
        let post = Description { auth_method: AuthMethod::ClientSecretPost, ..relying_party(mode) };
        let run = Run::new(&server, mode, post).await;
        let code = run.authorize(&[]).await.told("code");
        let secret = run.rp.client.secret.clone().unwrap();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", REDIRECT_URI),
            ("client_id", mode),
            ("client_secret", &secret),
        ];
        let tokens = Answer::of(server.request("POST", "/token").form(&form)).await.granted();
        assert_eq!(id_token(&tokens)["aud"], mode);
    }
}

/// `oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported`: rejected, by its own code.
#[tokio::test]
async fn oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported() {
    run(async |run| {
        let page = run.open(&[("request_uri", "https://rp.example.com/request.jwt")]).await;
        assert_eq!(page.told("error"), "request_uri_not_supported");
        assert_eq!(super::metadata(run.server).await["request_uri_parameter_supported"], false);
    })
    .await;
}

/// `oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported`: rejected, by its own code.
#[tokio::test]
async fn oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported() {
    run(async |run| {
        let page = run.open(&[("request", "eyJhbGciOiJub25lIn0.e30.")]).await;
        assert_eq!(
            (page.told("error"), page.told("state")),
            ("request_not_supported".to_owned(), "the state".to_owned())
        );
        assert_eq!(super::metadata(run.server).await["request_parameter_supported"], false);
    })
    .await;
}

/// `oidcc-ensure-request-object-with-redirect-uri`: what a request object says counts, or it is refused. It is, and a
/// redirect URI beside it that is not registered is not followed for that.
#[tokio::test]
async fn oidcc_ensure_request_object_with_redirect_uri() {
    run(async |run| {
        let request = ("request", "eyJhbGciOiJub25lIn0.e30.");
        assert_eq!(run.open(&[request]).await.told("error"), "request_not_supported");
        let page = run.open(&[request, ("redirect_uri", "https://rp.example.com/not-registered")]).await;
        assert!(page.status == 400 && !page.headers.contains_key("location"), "{page:?}");
    })
    .await;
}

/// `oidcc-claims-essential`: a claim that is asked for by name is told where it was asked for, and nowhere else.
#[tokio::test]
async fn oidcc_claims_essential() {
    run(async |run| {
        let claims = json!({ "userinfo": { "name": { "essential": true } } }).to_string();
        let tokens = run.tokens(&[("claims", &claims)]).await;
        assert_eq!(run.userinfo(&tokens).await.body["name"], "Ann Example");
        assert!(id_token(&tokens).get("name").is_none());

        let claims = json!({ "id_token": { "name": { "essential": true } } }).to_string();
        assert_eq!(id_token(&run.tokens(&[("claims", &claims)]).await)["name"], "Ann Example");
    })
    .await;
}

/// `oidcc-refresh-token`: a refresh gives new tokens about the same user, to the client that was given it alone.
#[tokio::test]
async fn oidcc_refresh_token() {
    run(async |run| {
        let first = run.tokens(&[("scope", "openid offline_access"), ("prompt", "login")]).await;
        run.server.advance(Duration::from_secs(60)).await;
        let second = run.rp.client.refresh(&first).await;
        assert_ne!(first.access_token(), second.access_token());
        let (before, after) = (id_token(&first), id_token(&second));
        for same in ["iss", "sub", "aud", "auth_time"] {
            assert_eq!(before[same], after[same], "{same}");
        }
        assert!(after["iat"].as_i64() > before["iat"].as_i64() && after.get("nonce").is_none());
        assert_eq!(run.userinfo(&second).await.granted().body["sub"], before["sub"]);

        let other = format!("other-{}", run.mode);
        let other = crate::relying_party::RelyingParty::new(run.server, &other).await;
        assert_eq!(other.client.try_refresh(&second).await.error(), "invalid_grant");
    })
    .await;
}

/// `oidcc-ensure-request-with-valid-pkce-succeeds`: by S256, also for a client that need not.
#[tokio::test]
async fn oidcc_ensure_request_with_valid_pkce_succeeds() {
    run(async |run| {
        let challenge = [
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
        ];
        let code = run.authorize(&challenge).await.told("code");
        let form = |verifier| {
            [
                ("grant_type", "authorization_code"),
                ("code", &*code),
                ("redirect_uri", REDIRECT_URI),
                ("code_verifier", verifier),
            ]
        };
        let wrong =
            run.rp.client.post("/token", &form("another-verifier-that-is-as-long-as-it-must-be")).await;
        assert_eq!(wrong.error(), "invalid_grant");
        run.rp.client.post("/token", &form("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")).await.granted();
    })
    .await;
}
