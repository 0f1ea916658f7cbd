//! Signing in on our page, the session that comes of it, and known devices.

use std::time::Duration;

use crate::browser::{Browser, ISSUER, Page};
use crate::relying_party::{REDIRECT_URI, RelyingParty};
use crate::server::{PASSWORD, Server, User, part};

const SESSION: &str = "claviger-session";
const DEVICE: &str = "claviger-device";
const HOUR: Duration = Duration::from_secs(3600);

/// Tries a password on `page`.
async fn attempt(browser: &Browser<'_>, page: &Page, username: &str, password: &str) -> Page {
    browser.submit(page, &[("username", username), ("password", password)]).await
}

/// Whether a request for which nothing may be asked is answered with a code.
async fn is_signed_in(rp: &RelyingParty<'_>, browser: &Browser<'_>) -> bool {
    browser.open(&rp.request(&[("prompt", "none")])).await.answer().contains_key("code")
}

/// Threat rule 20: what was typed stays, but for the password, and nothing says whether there is such a user.
#[tokio::test]
async fn every_failed_sign_in_shows_the_same_page_and_costs_the_same() {
    let server = Server::start().await;
    let (rp, disabled) = (RelyingParty::new(&server, "rp").await, server.user("disabled").await);
    server.user("alice").await;
    claviger::admin::user::disable(&server.app, &disabled.name.parse().unwrap()).await.unwrap();
    let browser = Browser::new(&server);
    let page = browser.open(&rp.request(&[])).await;
    let mut shown = Vec::new();
    let attempts = [
        ("alice", "a wrong password"),
        ("nobody", PASSWORD),
        ("disabled", PASSWORD),
        ("no such n\u{e4}me", PASSWORD),
        ("alice", ""),
        ("", ""),
    ];
    for (username, password) in attempts {
        let runs = server.app.hasher.runs();
        let again = attempt(&browser, &page, username, password).await;
        assert_eq!(server.app.hasher.runs(), runs + 1, "{username}");
        assert_eq!((again.status, again.field("username").as_deref()), (400, Some(username)));
        assert!(again.body.contains("The user name or the password is wrong."), "{again:?}");
        assert!(!again.body.contains(PASSWORD) && again.action() == page.action());
        let names: Vec<_> = again.headers.keys().cloned().collect();
        if !username.is_empty() {
            let body = again
                .body
                .replace(&again.field("csrf").unwrap(), "")
                .replace(&format!("value=\"{username}\""), "");
            shown.push((names, body.replace("value=\"no such n&#228;me\"", "")));
        }
    }
    assert!(shown.windows(2).all(|pair| pair[0] == pair[1]), "{shown:#?}");
    assert!(browser.cookie(SESSION).is_none() && browser.cookie(DEVICE).is_none());
}

/// Threat rules 20 and 23.
#[tokio::test]
async fn too_many_attempts_are_refused_on_a_page_that_says_for_how_long() {
    let server = Server::start().await;
    let (rp, web) = (RelyingParty::new(&server, "rp").await, server.client("web").await);
    let alice = server.user("alice").await;
    let browser = Browser::new(&server);
    let page = browser.open(&rp.request(&[])).await;
    for _ in 0..5 {
        assert_eq!(attempt(&browser, &page, "alice", "a wrong password").await.status, 400);
    }
    let runs = server.app.hasher.runs();
    let refused = attempt(&browser, &page, "alice", PASSWORD).await;
    assert_eq!((refused.status, &*refused.headers["retry-after"]), (429, "12"));
    assert!(refused.body.contains("Too many attempts. Please try again in 12 seconds."), "{refused:?}");
    assert_eq!(refused.field("username").as_deref(), Some("alice"));
    assert_eq!(server.app.hasher.runs(), runs);
    assert_eq!(
        web.try_password(&alice, PASSWORD, "").await.status,
        429,
        "the token endpoint shares the limit"
    );
    server.advance(Duration::from_secs(12)).await;
    assert_eq!(attempt(&browser, &page, "alice", PASSWORD).await.status, 303);
}

/// Threat rule 32, login included.
#[tokio::test]
async fn a_form_that_our_page_did_not_send_is_shown_again() {
    let server = Server::start().await;
    let (rp, _alice) = (RelyingParty::new(&server, "rp").await, server.user("alice").await);
    let browser = Browser::new(&server);
    let page = browser.open(&rp.request(&[])).await;
    let fields = [("username", "alice"), ("password", PASSWORD)];
    let csrf = page.field("csrf").unwrap();
    let post = |fields: &[(&str, &str)]| browser.request("POST", &page.action()).form(&fields);
    let other = Browser::new(&server).open(&rp.request(&[])).await.field("csrf").unwrap();
    let with = |csrf| [fields[0], fields[1], ("csrf", csrf)];
    let forged = [
        post(&fields),
        post(&with("")),
        post(&with(&other)),
        post(&with(&csrf)).header("origin", "https://evil.example.com"),
        post(&with(&csrf)).header("origin", "null"),
        post(&with(&csrf)).header("origin", ISSUER).header("sec-fetch-site", "cross-site"),
        post(&with(&csrf)).header("sec-fetch-site", "same-site"),
    ];
    let runs = server.app.hasher.runs();
    let elsewhere = Browser::new(&server);
    let without_cookies = elsewhere.request("POST", &page.action()).form(&with(&csrf));
    let forged = forged.into_iter().map(|request| (&browser, request)).chain([(&elsewhere, without_cookies)]);
    for (browser, request) in forged {
        let again = browser.step(request, &page.action()).await;
        assert_eq!((again.status, again.field("username").as_deref()), (400, Some("alice")), "{again:?}");
        assert!(again.body.contains("This page was out of date. Please try again."), "{again:?}");
        assert!(!again.body.contains(PASSWORD));
    }
    assert_eq!(server.app.hasher.runs(), runs);
    let own = post(&with(&csrf)).header("origin", ISSUER).header("sec-fetch-site", "same-origin");
    assert_eq!(browser.step(own, &page.action()).await.status, 303);
    assert_eq!(
        browser.step(post(&with(&csrf)), &page.action()).await.status,
        400,
        "it was bound to no session"
    );
}

/// Threat rule 32.
#[tokio::test]
async fn cookies_are_of_this_host_alone_and_unseen_by_scripts() {
    let server = Server::start().await;
    let (rp, alice) = (RelyingParty::new(&server, "rp").await, server.user("alice").await);
    let browser = Browser::new(&server);
    let page = browser.open(&rp.request(&[])).await;
    assert_eq!(page.cookies.len(), 1);
    assert!(page.cookies[0].starts_with("claviger-browser="), "{page:?}");
    let (request, action) = browser.form(&page, &[("username", &alice.name), ("password", PASSWORD)]);
    let signed_in = browser.step(request, &action).await;
    for cookie in page.cookies.iter().chain(&signed_in.cookies) {
        assert!(cookie.contains("; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
        assert!(!cookie.contains("Domain") && !cookie.contains("Secure"), "{cookie}");
        assert_eq!(cookie.contains("Max-Age=15552000"), cookie.starts_with(DEVICE), "{cookie}");
    }
    assert_eq!(signed_in.cookies.len(), 2);
    let session = browser.cookie(SESSION).unwrap();
    let mut database = server.database().await;
    assert_eq!(database.count("sessions WHERE length(digest) = 43").await, 1);
    assert_eq!(
        database.count(&format!("sessions WHERE digest = '{session}'")).await,
        0,
        "only a keyed hash is kept"
    );
}

#[tokio::test]
async fn who_signed_in_once_is_known_to_every_client() {
    let server = Server::start().await;
    let (one, other) = (RelyingParty::new(&server, "one").await, RelyingParty::new(&server, "other").await);
    let alice = server.user("alice").await;
    let browser = Browser::new(&server);
    let first = one.tokens(&browser, &alice, &[]).await;
    let second = other.redeem(&browser.open(&other.request(&[])).await).await;
    let (first, second) = (part(&first.text("id_token"), 1), part(&second.text("id_token"), 1));
    assert_eq!((&first["sid"], &first["auth_time"]), (&second["sid"], &second["auth_time"]));
}

/// Threat rule 32: a session cookie that somebody planted or kept is worth nothing after the next sign-in.
#[tokio::test]
async fn each_sign_in_has_a_new_cookie_and_the_same_user_the_same_session() {
    let server = Server::start().await;
    let (rp, alice) = (RelyingParty::new(&server, "rp").await, server.user("alice").await);
    let browser = Browser::new(&server);
    let first = rp.tokens(&browser, &alice, &[]).await;
    let cookie = browser.cookie(SESSION).unwrap();
    server.advance(Duration::from_secs(60)).await;
    let second = rp.tokens(&browser, &alice, &[("prompt", "login")]).await;
    assert_ne!(browser.cookie(SESSION).unwrap(), cookie);
    let sid = |tokens: &crate::server::Answer| part(&tokens.text("id_token"), 1)["sid"].clone();
    assert_eq!(sid(&first), sid(&second));
    rp.client.refresh(&first).await;

    let thief = Browser::new(&server);
    thief.set_cookie(SESSION, &cookie);
    assert!(!is_signed_in(&rp, &thief).await && is_signed_in(&rp, &browser).await);
    let planted = Browser::new(&server);
    planted.set_cookie(SESSION, "chosen-by-somebody-else");
    rp.sign_in(&planted, &alice, &[]).await;
    assert_ne!(planted.cookie(SESSION).unwrap(), "chosen-by-somebody-else");
}

#[tokio::test]
async fn another_user_s_sign_in_ends_the_session_before() {
    let server = Server::start().await;
    let rp = RelyingParty::new(&server, "rp").await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let browser = Browser::new(&server);
    let hers = rp.tokens(&browser, &alice, &[]).await;
    let his = rp.tokens(&browser, &bob, &[("prompt", "select_account")]).await;
    assert_eq!(part(&his.text("id_token"), 1)["sub"], bob.id.as_str());
    assert_eq!(rp.client.try_refresh(&hers).await.error(), "invalid_grant");
    rp.client.refresh(&his).await;
}

#[tokio::test]
async fn a_session_ends_unused_and_at_its_absolute_lifetime() {
    let server = Server::start_with("[sessions]\nidle = \"2h\"\nlifetime = \"5h\"").await;
    let (rp, alice) = (RelyingParty::new(&server, "rp").await, server.user("alice").await);
    let browser = Browser::new(&server);
    rp.sign_in(&browser, &alice, &[]).await;
    server.advance(2 * HOUR).await;
    assert!(!is_signed_in(&rp, &browser).await, "it lay unused");

    rp.sign_in(&browser, &alice, &[]).await;
    for _ in 0..4 {
        server.advance(HOUR).await;
        let now = server.app.clock.now();
        assert!(is_signed_in(&rp, &browser).await);
        let seen = format!("sessions WHERE seen_at = {now}");
        server
            .until("its use is written down", async |server| server.database().await.count(&seen).await == 1)
            .await;
    }
    server.advance(HOUR).await;
    assert!(!is_signed_in(&rp, &browser).await, "it was used all the time");
}

#[tokio::test]
async fn no_session_outlives_its_user_or_the_password() {
    let server = Server::start().await;
    let rp = RelyingParty::new(&server, "rp").await;
    for (name, is_disabled) in [("alice", true), ("bob", false)] {
        let user = server.user(name).await;
        let browser = Browser::new(&server);
        rp.sign_in(&browser, &user, &[]).await;
        assert!(is_signed_in(&rp, &browser).await);
        if is_disabled {
            claviger::admin::user::disable(&server.app, &name.parse().unwrap()).await.unwrap();
            claviger::admin::user::enable(&server.app, &name.parse().unwrap()).await.unwrap();
        } else {
            server.set_password(&user, "another-gravel-otter-plinth").await;
        }
        assert!(!is_signed_in(&rp, &browser).await, "{name}");
    }
}

#[tokio::test]
async fn who_comes_by_themself_goes_on_to_their_account() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    let browser = Browser::new(&server);
    let page = browser.open("/sign-in").await;
    let (request, action) = browser.form(&page, &[("username", &alice.name), ("password", PASSWORD)]);
    assert_eq!(browser.step(request, &action).await.location(), format!("{ISSUER}/account"));
}

#[tokio::test]
async fn a_weaker_hash_is_renewed_on_our_page_too() {
    let server = Server::start_with("[passwords]\nrounds = 600001").await;
    let (rp, alice) = (RelyingParty::new(&server, "rp").await, server.user("alice").await);
    let stored = async || server.app.store.credentials(&"alice".parse().unwrap()).await.unwrap().unwrap();
    let before = stored().await;
    // The hash of `password` as passlib makes it, with 8,000 rounds.
    let weak = "$pbkdf2-sha256$8000$XAuBMIYQQogxRg$tRRlz8hYn63B9LYiCd6PRo6FMiunY9ozmMMI3srxeRE";
    let sealed = server.app.seal.seal(&claviger::user::password_place(&alice.id), weak.as_bytes());
    server.app.store.rehash(before.user_id, before.generation, sealed.clone()).await.unwrap();
    let browser = Browser::new(&server);
    let page = browser.open(&rp.request(&[])).await;
    assert_eq!(attempt(&browser, &page, "alice", "password").await.status, 303);
    server.until("the hash is renewed", async |_| stored().await.password_hash.unwrap() != sealed).await;
}

/// Threat rule 24.
#[tokio::test]
async fn strangers_who_use_up_every_limit_do_not_keep_a_known_device_out() {
    let server = Server::start_with("[limits]\nprefix_per_minute = 8\nwide_per_minute = 8").await;
    let (rp, alice) = (RelyingParty::new(&server, "rp").await, server.user("alice").await);
    let known = Browser::new(&server);
    rp.sign_in(&known, &alice, &[]).await;
    known.drop_cookie(SESSION);

    let stranger = Browser::new(&server);
    let page = stranger.open(&rp.request(&[])).await;
    for _ in 0..8 {
        attempt(&stranger, &page, "alice", "a wrong password").await;
    }
    assert_eq!(attempt(&stranger, &page, "alice", PASSWORD).await.status, 429);
    let (account, id) = (server.app.hashes.account.text(b"alice\0"), alice.id.parse().unwrap());
    let network = claviger::limits::prefix(server.address.ip());
    let context = format!("alice\0{}", server.app.hashes.prefix.text(&network));
    for account in [account, server.app.hashes.account.text(context.as_bytes())] {
        for _ in 0..100 {
            let entry = server.app.audit(claviger::model::Event::SignInFailed);
            server.app.store.sign_in_failed(account.clone(), Some(id), entry).await.unwrap();
        }
    }
    rp.sign_in(&known, &alice, &[]).await;
}

/// Threat rule 24: a budget of its own, not an endless one, and for one user alone.
#[tokio::test]
async fn a_known_device_has_its_own_limit_for_its_own_user() {
    let server = Server::start().await;
    let rp = RelyingParty::new(&server, "rp").await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let known = Browser::new(&server);
    rp.sign_in(&known, &alice, &[]).await;
    known.drop_cookie(SESSION);
    let cookie = known.cookie(DEVICE).unwrap();

    let page = known.open(&rp.request(&[])).await;
    for _ in 0..5 {
        assert_eq!(attempt(&known, &page, "alice", "a wrong password").await.status, 400);
    }
    assert_eq!(
        attempt(&known, &page, "ALICE", PASSWORD).await.status,
        429,
        "another spelling is no other device"
    );
    let context = format!("alice\0{}", cookie.split('.').next().unwrap());
    let failures =
        server.app.store.failures(&server.app.hashes.account.text(context.as_bytes())).await.unwrap();
    assert_eq!(failures.0, 5, "counted in its own context");
    known.drop_cookie(DEVICE);
    assert_eq!(attempt(&known, &page, "alice", PASSWORD).await.status, 303, "the other limits are untouched");

    let account = async |user: &User| {
        let account = server.app.hashes.account.text(format!("{}\0", user.name).as_bytes());
        server.app.store.failures(&account).await.unwrap().0
    };
    let (parts, now): (Vec<_>, _) = (cookie.split('.').collect(), server.app.clock.now());
    let later = format!("{}.{}.{}", parts[0], now + 400 * 86_400, parts[2]);
    for (cookie, user) in [(&cookie, &bob), (&later, &bob), (&"a.b.c".to_owned(), &bob)] {
        let before = account(user).await;
        let browser = Browser::new(&server);
        browser.set_cookie(DEVICE, cookie);
        let page = browser.open(&rp.request(&[])).await;
        assert_eq!(attempt(&browser, &page, &user.name, "a wrong password").await.status, 400);
        assert_eq!(account(user).await, before + 1, "{cookie} is nothing to {}", user.name);
    }
}

/// Threat rule 23: who knows a password tries it no more often than who does not.
#[tokio::test]
async fn signing_in_again_makes_no_new_device_of_a_known_one() {
    let server = Server::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let browser = Browser::new(&server);
    let device = || browser.cookie(DEVICE).unwrap().split('.').next().unwrap().to_owned();
    let sign_in = async |user: &User| {
        let page = browser.open("/sign-in").await;
        let status = attempt(&browser, &page, &user.name, PASSWORD).await.status;
        (status, device())
    };
    let (_, first) = sign_in(&alice).await;
    for count in 0..5 {
        assert_eq!(sign_in(&alice).await, (200, first.clone()), "{count}");
    }
    assert_eq!(sign_in(&alice).await.0, 429);
    let (status, his) = sign_in(&bob).await;
    assert!(status == 200 && his != first, "another user's browser is another device");
}

#[tokio::test]
async fn a_device_is_known_for_half_a_year() {
    let server = Server::start().await;
    server.user("alice").await;
    let (name, app) = ("alice".parse().unwrap(), &server.app);
    let cookie = claviger::device::remember(app, &name, None);
    let is_known = || claviger::device::recognise(app, &name, &cookie).is_some();
    assert!(is_known());
    let longer = cookie.replacen(".1", ".2", 1);
    assert!(claviger::device::recognise(app, &name, &longer).is_none());
    server.advance(Duration::from_secs(180 * 86_400 - 1)).await;
    assert!(is_known());
    server.advance(Duration::from_secs(1)).await;
    assert!(!is_known());
}

#[tokio::test]
async fn the_pages_of_an_issuer_with_a_path_lie_below_it() {
    let server = Server::start_with("issuer = \"http://localhost:8080/id\"\n").await;
    let (rp, alice) = (RelyingParty::new(&server, "rp").await, server.user("alice").await);
    let browser = Browser::new(&server);
    let page = browser.open("/id/account").await;
    assert!(page.is_at("/id/sign-in"), "{page:?}");
    let page = browser.sign_in(&page, &alice).await;
    assert!(page.is_at("/id/account"), "{page:?}");
    for attribute in ["href=\"", "src=\"", "action=\""] {
        for target in page.body.split(attribute).skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(target.starts_with("/id/"), "{target}");
            assert_eq!(browser.open(target).await.status, 200, "{target}");
        }
    }
    assert_eq!(browser.open("/account").await.status, 404);

    let page = browser.open(&format!("/id{}", rp.request(&[]))).await;
    assert!(page.location().starts_with(REDIRECT_URI), "{page:?}");
    assert_eq!(page.told("iss"), "http://localhost:8080/id");
}

#[tokio::test]
async fn a_space_that_a_keyboard_left_around_a_name_is_no_part_of_it() {
    let server = Server::start().await;
    server.user("alice").await;
    let browser = Browser::new(&server);
    let page = browser.open("/account").await;
    assert!(attempt(&browser, &page, " alice ", PASSWORD).await.is_at("/account"));
}
