//! The account pages: what a person sees and changes of what is kept about them.

use serde_json::json;

use crate::browser::{Browser, Page};
use crate::consent_page::{ALLOW, asking};
use crate::relying_party::RelyingParty;
use crate::server::{Answer, PASSWORD, Server, User};

const NEW_PASSWORD: &str = "orchard-copper-violin-sled";

/// A browser with which `user` is signed in.
async fn signed_in<'s>(server: &'s Server, user: &User) -> Browser<'s> {
    let browser = Browser::new(server);
    let page = browser.sign_in(&browser.open("/account").await, user).await;
    assert!(page.is_at("/account"), "{page:?}");
    browser
}

async fn is_signed_in(browser: &Browser<'_>) -> bool {
    browser.open("/account").await.is_at("/account")
}

/// Sends the form of the page at `path` with `fields`.
async fn change(browser: &Browser<'_>, path: &str, fields: &[(&str, &str)]) -> Page {
    browser.submit(&browser.open(path).await, fields).await
}

fn password_form<'a>(current: &'a str, new: &'a str) -> [(&'static str, &'a str); 3] {
    [("current", current), ("new", new), ("again", new)]
}

/// The values of the buttons called `name`.
fn buttons(page: &Page, name: &str) -> Vec<String> {
    let opening = format!("name=\"{name}\" value=\"");
    page.body.split(&opening).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn whoever_is_not_signed_in_is_sent_to_do_so() {
    let server = Server::start().await;
    for path in
        ["/account", "/account/profile", "/account/password", "/account/sessions", "/account/applications"]
    {
        assert!(Browser::new(&server).open(path).await.is_at("/sign-in"), "{path}");
    }
}

#[tokio::test]
async fn what_a_person_writes_about_themself_is_kept_until_they_empty_it() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    let browser = signed_in(&server, &alice).await;
    let page = browser.open("/account/profile").await;
    assert_eq!(page.field("email").unwrap(), "alice@example.com");

    let fields = [
        ("name", " Alice Moreau "),
        ("email", "alice@example.com"),
        ("address.street_address", "Rue 1\r\nB"),
        ("phone_number", "+33 1 23 45 67 89"),
    ];
    let page = browser.submit(&page, &fields).await;
    assert_eq!((page.path.as_str(), page.status), ("/account/profile?done=profile", 200));
    assert!(page.body.contains("Your profile is saved."));
    assert_eq!(page.field("name").unwrap(), "Alice Moreau");
    assert_eq!(page.field("phone_number").unwrap(), "+33123456789");
    let claims = server.claims(&alice).await;
    assert_eq!(claims["address.street_address"], "Rue 1\nB");
    assert_eq!(claims["phone_number_verified"], false);

    change(&browser, "/account/profile", &[("name", "Alice Moreau")]).await;
    assert_eq!(server.claims(&alice).await, json!({"name": "Alice Moreau"}));
}

#[tokio::test]
async fn a_value_of_another_form_is_refused_beside_its_field_and_nothing_is_saved() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    let browser = signed_in(&server, &alice).await;
    let before = server.claims(&alice).await;
    let fields = [
        ("given_name", "Alice"),
        ("email", "alice@example.com"),
        ("birthdate", "29.2.1984"),
        ("website", "javascript:x"),
    ];
    let page = change(&browser, "/account/profile", &fields).await;
    assert_eq!(page.status, 400);
    for (field, problem) in [
        ("birthdate", "This is not a date. One looks like 1984-02-29."),
        ("website", "This is not a web address. One looks like https://example.com."),
    ] {
        assert!(page.body.contains(&format!("id=\"{field}-problem\">{problem}<")), "{}", page.body);
    }
    assert_eq!(page.field("given_name").unwrap(), "Alice");
    assert_eq!(server.claims(&alice).await, before);
}

/// Of two who change the same, the later one is shown that there was another.
#[tokio::test]
async fn a_profile_that_was_shown_before_another_change_is_shown_again_with_what_was_typed() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    let (here, there) = (signed_in(&server, &alice).await, signed_in(&server, &alice).await);
    let shown = here.open("/account/profile").await;
    let mail = |address| [("name", "ALICE"), ("email", address)];
    change(&there, "/account/profile", &mail("alice@example.org")).await;

    let page = here.submit(&shown, &mail("alice@example.net")).await;
    assert_eq!((page.path.as_str(), page.status), ("/account/profile", 400));
    assert!(page.body.contains("This page was out of date. Please try again."), "{}", page.body);
    assert_eq!(page.field("email").unwrap(), "alice@example.net");
    assert_eq!(server.claims(&alice).await["email"], "alice@example.org");
    assert_eq!(here.submit(&page, &mail("alice@example.net")).await.path, "/account/profile?done=profile");
    assert_eq!(server.claims(&alice).await["email"], "alice@example.net");
    let same = there.open("/account/profile").await;
    assert_eq!(here.submit(&same, &mail("x@example.net")).await.status, 400, "it is another browser's form");
}

#[tokio::test]
async fn nobody_vouches_for_themself() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    let browser = signed_in(&server, &alice).await;
    let fields = [("email", "alice@example.org"), ("email_verified", "true"), ("sub", "bob")];
    assert_eq!(change(&browser, "/account/profile", &fields).await.status, 200);
    let claims = server.claims(&alice).await;
    assert_eq!(claims, json!({"email": "alice@example.org", "email_verified": false}));
}

#[tokio::test]
async fn a_new_password_ends_all_that_the_old_one_began_but_this_browser() {
    let server = Server::start().await;
    let (app, alice) = (server.client("app").await, server.user("alice").await);
    let (here, elsewhere) = (signed_in(&server, &alice).await, signed_in(&server, &alice).await);
    let tokens = app.password(&alice, "items:read profile").await;
    let cookie = here.cookie("claviger-session").unwrap();

    let page = change(&here, "/account/password", &password_form(PASSWORD, NEW_PASSWORD)).await;
    assert_eq!((page.path.as_str(), page.status), ("/account?done=password", 200));
    assert!(page.body.contains("Your password is changed"));

    assert!(is_signed_in(&here).await && !is_signed_in(&elsewhere).await);
    assert_ne!(here.cookie("claviger-session").unwrap(), cookie);
    let stolen = Browser::new(&server);
    stolen.set_cookie("claviger-session", &cookie);
    assert!(!is_signed_in(&stolen).await);
    assert_eq!(app.try_refresh(&tokens).await.error(), "invalid_grant");
    assert_eq!(server.me(&tokens.access_token()).await.status, 401);
    assert_eq!(app.try_password(&alice, PASSWORD, "profile").await.error(), "invalid_grant");
    assert_eq!(app.try_password(&alice, NEW_PASSWORD, "profile").await.status, 200);
    assert_eq!(buttons(&here.open("/account/sessions").await, "end"), Vec::<String>::new());
}

/// Who is told that it failed has the password that they had, and all else.
#[tokio::test]
async fn a_password_is_changed_with_the_session_that_follows_or_not_at_all() {
    let server = Server::start().await;
    let (app, alice) = (server.client("app").await, server.user("alice").await);
    let (here, elsewhere) = (signed_in(&server, &alice).await, signed_in(&server, &alice).await);
    let tokens = app.password(&alice, "items:read profile").await;
    let mut database = server.database().await;
    database.fail("INSERT", "sessions", None).await;
    let page = change(&here, "/account/password", &password_form(PASSWORD, NEW_PASSWORD)).await;
    assert_eq!(page.status, 503, "{page:?}");
    database.mend("sessions").await;

    assert!(is_signed_in(&here).await && is_signed_in(&elsewhere).await);
    let tokens = app.refresh(&tokens).await;
    let page = change(&here, "/account/password", &password_form(PASSWORD, NEW_PASSWORD)).await;
    assert_eq!(page.path, "/account?done=password");
    assert!(is_signed_in(&here).await && !is_signed_in(&elsewhere).await);
    assert_eq!(app.try_refresh(&tokens).await.error(), "invalid_grant");
    assert_eq!(database.count("audit WHERE event = 'user.password_set'").await, 1);
}

#[tokio::test]
async fn the_current_password_is_guessed_no_faster_here_than_at_sign_in() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    let browser = signed_in(&server, &alice).await;
    for _ in 0..5 {
        let form = password_form("not-the-current-password", NEW_PASSWORD);
        let page = change(&browser, "/account/password", &form).await;
        assert_eq!(page.status, 400);
        assert!(
            page.body.contains("id=\"current-problem\">This is not your current password.<"),
            "{}",
            page.body
        );
    }
    let page = change(&browser, "/account/password", &password_form(PASSWORD, NEW_PASSWORD)).await;
    assert_eq!(page.status, 429);
    assert!(page.body.contains("Too many attempts."));
    assert!(is_signed_in(&browser).await);
}

#[tokio::test]
async fn what_is_wrong_with_a_new_password_is_said_beside_it_and_costs_no_attempt() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    let browser = signed_in(&server, &alice).await;
    let runs = server.app.hasher.runs();
    for (new, again, problem) in [
        ("short", "short", "id=\"new-problem\">This is too short: it takes at least 15 characters.<"),
        ("passwordpassword", "passwordpassword", "id=\"new-problem\">This repeats one short piece."),
        ("", "", "id=\"new-problem\">This is too short"),
        (NEW_PASSWORD, "orchard", "id=\"again-problem\">This is not the same as the new password above.<"),
    ] {
        let form = [("current", PASSWORD), ("new", new), ("again", again)];
        let page = change(&browser, "/account/password", &form).await;
        assert_eq!(page.status, 400);
        assert!(page.body.contains(problem), "{}", page.body);
        assert!(!page.body.contains(NEW_PASSWORD) && !page.body.contains(PASSWORD));
    }
    assert_eq!(server.app.hasher.runs(), runs);
}

#[tokio::test]
async fn sessions_are_ended_from_another_browser_one_by_one_or_all() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    let here = signed_in(&server, &alice).await;
    let others = [
        signed_in(&server, &alice).await,
        signed_in(&server, &alice).await,
        signed_in(&server, &alice).await,
    ];

    let ends = buttons(&here.open("/account/sessions").await, "end");
    assert_eq!((ends.len(), ends[3].as_str()), (4, "others"), "{ends:?}");
    let page = change(&here, "/account/sessions", &[("end", &ends[0])]).await;
    assert_eq!(page.path, "/account/sessions?done=session");
    assert!(page.body.contains("That browser is signed out."));
    let mut left = 0;
    for other in &others {
        left += usize::from(is_signed_in(other).await);
    }
    assert_eq!(left, 2);

    let page = change(&here, "/account/sessions", &[("end", "others")]).await;
    assert_eq!(page.path, "/account/sessions?done=sessions");
    for other in &others {
        assert!(!is_signed_in(other).await);
    }
    assert!(is_signed_in(&here).await);
}

#[tokio::test]
async fn nobody_ends_the_session_of_another() {
    let server = Server::start().await;
    let (alice, mallory) = (server.user("alice").await, server.user("mallory").await);
    let (of_alice, also_alice) = (signed_in(&server, &alice).await, signed_in(&server, &alice).await);
    let of_mallory = signed_in(&server, &mallory).await;
    let ends = buttons(&of_alice.open("/account/sessions").await, "end");
    change(&of_mallory, "/account/sessions", &[("end", &ends[0])]).await;
    change(&of_mallory, "/account/sessions", &[("end", "nonsense")]).await;
    assert!(is_signed_in(&of_alice).await && is_signed_in(&also_alice).await);
}

/// Signs in for `rp`, and lets it have what it asks for.
async fn allowed(
    rp: &RelyingParty<'_>,
    browser: &Browser<'_>,
    user: &User,
    params: &[(&str, &str)],
) -> Answer {
    let page = browser.open(&rp.request(params)).await;
    let page = browser.sign_in(&page, user).await;
    rp.redeem(&browser.submit(&page, &ALLOW).await).await
}

#[tokio::test]
async fn what_is_withdrawn_from_a_client_ends_and_is_asked_again() {
    let server = Server::start().await;
    let (rp, alice) = (asking(&server, "rp").await, server.user("alice").await);
    let browser = Browser::new(&server);
    let params = [("scope", "openid profile items:read")];
    let tokens = allowed(&rp, &browser, &alice, &params).await;

    let page = browser.open("/account/applications").await;
    assert!(page.body.contains("see your name and the rest of your profile"), "{}", page.body);
    assert_eq!(buttons(&page, "withdraw"), ["rp"]);
    let page = browser.submit(&page, &[("withdraw", "rp")]).await;
    assert_eq!(page.path, "/account/applications?done=application");
    assert!(page.body.contains("You have not allowed anything"));
    assert_eq!(rp.client.try_refresh(&tokens).await.error(), "invalid_grant");
    assert!(browser.open(&rp.request(&params)).await.is_at("/consent"));
}

#[tokio::test]
async fn a_form_of_another_page_or_browser_changes_nothing() {
    let server = Server::start().await;
    let (rp, alice) = (asking(&server, "rp").await, server.user("alice").await);
    let (here, elsewhere) = (Browser::new(&server), signed_in(&server, &alice).await);
    allowed(&rp, &here, &alice, &[]).await;
    let before = server.claims(&alice).await;
    let foreign = elsewhere.open("/account/profile").await.hidden();
    let of_another_page = here.open("/account").await.hidden();
    for (path, field) in [
        ("/account/profile", ("name", "Mallory")),
        ("/account/password", ("new", NEW_PASSWORD)),
        ("/account/sessions", ("end", "others")),
        ("/account/applications", ("withdraw", "rp")),
    ] {
        for hidden in [&foreign, &of_another_page, &Vec::new()] {
            let mut form = hidden.clone();
            form.extend(
                [field, ("current", PASSWORD), ("again", NEW_PASSWORD)].map(|(n, v)| (n.into(), v.into())),
            );
            let page = here.send(here.request("POST", path).form(&form), path).await;
            assert_eq!((page.path.as_str(), page.status), (path, 400));
            assert!(page.body.contains("This page was out of date. Please try again."), "{}", page.body);
        }
    }
    assert_eq!(server.claims(&alice).await, before);
    assert!(is_signed_in(&elsewhere).await);
    assert_eq!(buttons(&here.open("/account/applications").await, "withdraw"), ["rp"]);
}

#[tokio::test]
async fn no_link_puts_its_own_words_on_a_page() {
    let server = Server::start().await;
    let browser = signed_in(&server, &server.user("alice").await).await;
    let page = browser.open("/account?done=%3Cb%3Ehello").await;
    assert!(page.is_at("/account") && !page.body.contains("hello") && !page.body.contains("role=\"status\""));
}

/// A logo, a name, a language.
#[tokio::test]
async fn pages_look_as_the_operator_wants_and_speak_as_the_reader_does() {
    let folder = tempfile::tempdir().unwrap();
    let logo = folder.path().join("logo.svg");
    std::fs::write(&logo, "<svg xmlns=\"http://www.w3.org/2000/svg\"/>").unwrap();
    let settings =
        format!("[pages]\nname = \"Acme\"\nlogo = \"{}\"\naccent_color = \"#7a1fa2\"", logo.display());
    let server = Server::start_with(&settings).await;
    let browser = Browser::new(&server);
    let page = browser.open("/sign-in").await;
    assert!(page.body.contains("<title>Sign in · Acme</title>"), "{}", page.body);
    let request = browser.request("GET", "/sign-in").header("accept-language", "fr, de;q=0.8, en;q=0.7");
    let german = browser.send(request, "/sign-in").await;
    assert!(german.body.contains("<html lang=\"de\">") && german.body.contains("<h1>Anmelden</h1>"));
    assert!(browser.open("/sign-in?ui_locales=de-AT").await.body.contains("<h1>Anmelden</h1>"));

    let paths = page.body.split("\"/assets/").skip(1).map(|rest| rest.split('"').next().unwrap());
    let paths: Vec<_> = paths.map(|name| format!("/assets/{name}")).collect();
    let types: Vec<_> = ["image/svg+xml", "text/css; charset=utf-8", "image/svg+xml"].into();
    assert_eq!(paths.len(), types.len());
    for (path, kind) in paths.iter().zip(types) {
        let asset = browser.open(path).await;
        assert_eq!((asset.status, asset.headers["content-type"].as_str()), (200, kind));
        assert_eq!(asset.headers["cache-control"], "public, max-age=31536000, immutable");
        let (kind, _) = path.split_once('-').unwrap();
        let of_another_release = browser.open(&format!("{kind}-0.css")).await;
        assert_eq!((of_another_release.status, &of_another_release.body), (200, &asset.body));
        assert_eq!(of_another_release.headers["cache-control"], "no-store");
    }
    assert!(browser.open(&paths[1]).await.body.contains("--accent:#7a1fa2"));
    assert_eq!(browser.open("/assets/other-0.css").await.status, 404);
}
