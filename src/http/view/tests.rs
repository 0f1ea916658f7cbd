//! Laws that every page keeps, in every language.

use askama::Template;

use super::*;
use crate::model::Claim;
use crate::password::policy::Refused;

const FORM: Form<'_> = Form { action: "/sign-in?client_id=notes&state=%22", csrf: "c2lnbmVk" };
const NOW: i64 = 1_800_000_000;
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                      Version/18.5 Mobile/15E148 Safari/604.1";

fn config() -> Config {
    "issuer = \"https://id.example.com\"\n[pages]\nname = \"Example Notes\"".parse().unwrap()
}

fn render(page: &impl Template) -> String {
    page.render().unwrap()
}

/// Every page with something in each of its places; `evil` is what strangers may have written where they can.
fn pages(frame: &Frame, evil: Option<&str>) -> Vec<(&'static str, String)> {
    let or = |text| evil.unwrap_or(text);
    let (client, username) = (or("Atlas Field Notes"), or("alice"));
    let wrong = Error::invalid_grant("the user name or the password is wrong");
    let (many, busy) = (Error::too_many_requests("too many attempts", 40), Error::unavailable(2));
    let stale =
        Error::invalid_request(format!("`redirect_uri` is not registered: {}", or("https://example.org/")));

    let sign_in = |username, refusal| SignIn { frame, form: FORM, client: Some(client), username, refusal };
    let scopes = ["openid", "profile", "offline_access", "notes:read", "notes:write"];
    let scopes = scopes.map(|scope| scope.parse().unwrap());
    let allowances = |description| {
        let described = scopes.iter().zip([None, None, None, Some(description), None]);
        described.map(|(token, description)| Allowance { token, description }).collect::<Vec<_>>()
    };
    let consent = |is_addition: bool, refusal| Consent {
        frame,
        form: FORM,
        client,
        client_id: "atlas-web",
        api: is_addition.then_some("https://api.example.com/notes"),
        redirect_host: "notes.example.com",
        username,
        other_account: "/sign-in?client_id=atlas-web",
        allowances: allowances(or("read your notes")),
        is_addition,
        refusal,
    };
    let sign_out = |refusal| SignOut { frame, form: FORM, username, refusal };
    let not_found = Error::not_found("there is nothing at this path");
    let params = [("code", "x"), ("state", or("y"))];
    let form_post = FormPost { frame, action: "https://app.example.com/?a", params: &params };

    let account = |done| Account { frame, sign_out: FORM, username, done };
    let texts =
        [("name", or("Alice Moreau")), ("email", or("alice")), ("address.street_address", or("a\nb"))];
    let values = texts.map(|(name, text)| (name, text.to_owned())).into();
    let malformed = ["email", "zoneinfo"].map(|name| Claim::named(name).unwrap());
    let profile =
        |malformed, done, refusal| Profile { frame, form: FORM, values: &values, malformed, done, refusal };
    let too_large = Error::too_large("the claims take too much room");
    let password = |refusal, weakness| ChangePassword { frame, form: FORM, username, refusal, weakness };
    let common = Weakness::Refused(Refused::Common);
    let session = |id, agent, is_own, age| Session {
        id,
        agent,
        is_own,
        auth_time: NOW - age - 90_000,
        seen_at: NOW - age,
    };
    let sessions = |done, refusal| Sessions {
        frame,
        form: FORM,
        sessions: vec![
            session("a", Some(FIREFOX), true, 0),
            session("b", Some(IPHONE), false, 3_700),
            session("c", evil, false, 200_000),
        ],
        now: NOW,
        done,
        refusal,
    };
    let application = |id, name, description| Application {
        id,
        name,
        allowances: allowances(description),
        granted_at: NOW - 40 * 86_400,
    };
    let applications =
        |applications, done| Applications { frame, form: FORM, applications, done, refusal: None };
    let both =
        vec![application("atlas-web", client, or("read your notes")), application("b", "Drawings", "draw")];
    vec![
        ("sign_in", render(&sign_in("", None))),
        ("sign_in_wrong", render(&sign_in(username, Some(&wrong)))),
        ("sign_in_many", render(&sign_in(username, Some(&many)))),
        ("sign_in_busy", render(&sign_in(username, Some(&busy)))),
        ("sign_in_stale", render(&sign_in(username, Some(&stale)))),
        ("sign_in_alone", render(&SignIn { client: None, ..sign_in("", None) })),
        ("consent", render(&consent(false, None))),
        ("consent_more", render(&consent(true, Some(&stale)))),
        ("sign_out", render(&sign_out(None))),
        ("sign_out_stale", render(&sign_out(Some(&stale)))),
        ("signed_out", render(&SignedOut { frame })),
        ("error", render(&Failed { frame, refusal: &stale, reference: "1f2e3d4c-5b" })),
        ("error_not_found", render(&Failed { frame, refusal: &not_found, reference: "1f2e3d4c-5b" })),
        ("error_busy", render(&Failed { frame, refusal: &busy, reference: "1f2e3d4c-5b" })),
        ("form_post", render(&form_post)),
        ("account", render(&account(None))),
        ("account_done", render(&account(Some(Done::Password)))),
        ("profile", render(&profile(&[], Some(Done::Profile), None))),
        ("profile_malformed", render(&profile(&malformed, None, Some(&stale)))),
        ("profile_too_large", render(&profile(&[], None, Some(&too_large)))),
        ("password", render(&password(None, None))),
        ("password_wrong", render(&password(Some(&wrong), None))),
        ("password_differs", render(&password(Some(&stale), Some(Weakness::Differs)))),
        ("password_weak", render(&password(Some(&stale), Some(common)))),
        ("sessions", render(&sessions(None, None))),
        ("sessions_done", render(&sessions(Some(Done::Session), Some(&stale)))),
        ("applications", render(&applications(both, None))),
        ("applications_none", render(&applications(vec![], Some(Done::Application)))),
    ]
}

/// Every page in every language, with its language.
fn all(evil: Option<&str>) -> Vec<(Language, &'static str, String)> {
    let in_language = |language| {
        let pages = pages(&Frame::of(&config(), language), evil);
        pages.into_iter().map(move |(name, html)| (language, name, html))
    };
    Language::ALL.into_iter().flat_map(in_language).collect()
}

/// Also leaves the pages below `target/pages`, to be looked at.
#[test]
fn every_page_says_its_language_its_title_and_one_heading() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pages");
    std::fs::create_dir_all(&folder).unwrap();
    for (language, name, html) in all(None) {
        std::fs::write(folder.join(format!("{name}.{language}.html")), &html).unwrap();
        let count = |part: &str| html.matches(part).count();
        assert!(html.starts_with(&format!("<!doctype html>\n<html lang=\"{language}\">")), "{name}");
        assert_eq!(
            (count("<title>"), count("<h1"), count("<main>"), count("<header>")),
            (1, 1, 1, 1),
            "{name}"
        );
        assert!(html.contains(" · Example Notes</title>") && !html.contains("<title> "), "{name}");
        assert!(count("autofocus") <= 1, "{name}");
        assert!(!html.contains("{{") && !html.contains("{%"), "{name}");
    }
    for asset in [Asset::stylesheet(&config().pages), Asset::icon(&config().pages), Asset::script()] {
        std::fs::create_dir_all(folder.join("assets")).unwrap();
        std::fs::write(folder.join(&asset.path()[1..]), &asset.bytes).unwrap();
    }
}

#[test]
fn what_strangers_wrote_stays_text() {
    for (_, name, html) in all(Some("<script>alert(\"'&\")</script>")) {
        assert!(!html.contains("<script>") && !html.contains("alert(\""), "{name}: {html}");
    }
}

#[test]
fn no_page_has_an_inline_script_or_style_or_loads_from_elsewhere() {
    for (_, name, html) in all(None) {
        let scripts: Vec<_> = html.split("<script").skip(1).collect();
        assert!(scripts.iter().all(|script| script.starts_with(" src=\"/assets/")), "{name}");
        assert_eq!(scripts.len(), usize::from(name == "form_post"), "{name}");
        for part in
            ["<style", " style=", "javascript:", " onclick", " onload", " onsubmit", "src=\"http", "@import"]
        {
            assert!(!html.contains(part), "{name} has `{part}`");
        }
        for link in html.split("<link").skip(1) {
            assert!(link.contains("href=\"/assets/"), "{name}: {link}");
        }
    }
}

#[test]
fn every_field_has_a_label_and_what_describes_it_is_there() {
    for (_, name, html) in all(None) {
        let ids: Vec<_> = html.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len(), "{name}");
        let tags = html.split("<input").skip(1).chain(html.split("<textarea").skip(1));
        for input in tags.map(|rest| rest.split('>').next().unwrap()) {
            let attribute = |name: &str| {
                let rest = input.split(&format!(" {name}=\"")).nth(1)?;
                rest.split('"').next()
            };
            if attribute("type") == Some("hidden") || input.contains(" hidden") {
                continue;
            }
            let id = attribute("id").unwrap();
            assert!(html.contains(&format!("<label for=\"{id}\">")), "{name}: {id}");
            assert!(attribute("autocomplete").is_some(), "{name}: {id}");
            let described = attribute("aria-describedby").unwrap_or_default();
            assert!(described.split(' ').all(|id| id.is_empty() || ids.contains(&id)), "{name}: {described}");
            assert_eq!(attribute("aria-invalid").is_some(), described.contains("-problem"), "{name}: {id}");
        }
    }
}

#[test]
fn pages_below_an_issuer_with_a_path_link_below_it() {
    let config: Config = "issuer = \"https://id.example.com/tenant\"".parse().unwrap();
    let frame = Frame::of(&config, Language::English);
    assert_eq!(frame.name, "id.example.com");
    for (name, html) in pages(&frame, None) {
        for part in ["href=\"/", "src=\"/"] {
            for rest in html.split(part).skip(1).filter(|rest| !rest.starts_with("sign-in?")) {
                assert!(rest.starts_with("tenant/"), "{name}: {rest}");
            }
        }
    }
}

#[test]
fn a_page_has_a_policy_that_lets_it_do_what_it_must_and_no_more() {
    let frame = Frame::of(&config(), Language::English);
    let policy = |response: Response| {
        let headers = response.headers();
        assert_eq!(headers["cache-control"], "no-store");
        assert_eq!(headers["referrer-policy"], "same-origin");
        assert_eq!(headers["x-frame-options"], "DENY");
        assert_eq!(headers["content-type"], "text/html; charset=utf-8");
        headers["content-security-policy"].to_str().unwrap().to_owned()
    };
    let sign_in = SignIn { frame: &frame, form: FORM, client: None, username: "", refusal: None };
    let base =
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'";
    assert_eq!(policy(sign_in.answer()), base);
    assert_eq!(policy(SignedOut { frame: &frame }.answer()), format!("{base}; form-action 'self'"));
    let form_post = FormPost { frame: &frame, action: "https://app.example.com", params: &[] };
    assert_eq!(policy(form_post.answer()), format!("{base}; script-src 'self'"));
}

#[test]
fn a_page_answers_with_the_status_of_its_refusal() {
    let frame = Frame::of(&config(), Language::English);
    let status = |refusal: Option<Error>| {
        let refusal = refusal.as_ref();
        let response = SignIn { frame: &frame, form: FORM, client: None, username: "", refusal }.answer();
        let retry_after =
            response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), retry_after)
    };
    assert_eq!(status(None), (200, None));
    assert_eq!(status(Some(Error::invalid_grant("wrong"))), (400, None));
    assert_eq!(status(Some(Error::too_many_requests("many", 40))), (429, Some("40".to_owned())));
    assert_eq!(status(Some(Error::unavailable(2))), (503, Some("2".to_owned())));
    // There is no challenge that a browser could answer.
    assert_eq!(status(Some(Error::invalid_client("unknown"))), (400, None));
}

#[test]
fn numbers_and_nouns_agree() {
    let [english, german] = Language::ALL.map(texts::texts);
    for (seconds, in_english, in_german) in [
        (0, "just now", "gerade eben"),
        (60, "1 minute ago", "vor 1 Minute"),
        (7_199, "1 hour ago", "vor 1 Stunde"),
        (86_399, "23 hours ago", "vor 23 Stunden"),
        (259_200, "3 days ago", "vor 3 Tagen"),
        (-5, "just now", "gerade eben"),
    ] {
        assert_eq!(
            ((english.ago)(seconds).as_str(), (german.ago)(seconds).as_str()),
            (in_english, in_german)
        );
    }
    assert_eq!((english.too_many_attempts)(1), "Too many attempts. Please try again in 1 second.");
    assert_eq!((english.too_many_attempts)(61), "Too many attempts. Please try again in 2 minutes.");
    assert_eq!(Frame::of(&config(), Language::German).moment(&NOW), "15. Januar 2027, 08:00 UTC");
    assert_eq!(Frame::of(&config(), Language::English).moment(&NOW), "15 January 2027, 08:00 UTC");
}

#[test]
fn the_stylesheet_and_the_contrast_check_mean_the_same_grounds() {
    let css = include_str!("page.css");
    assert!(css.contains(&format!("--ground: {};", crate::config::LIGHT_GROUND)));
    assert!(css.contains(&format!("--surface: {};", crate::config::DARK_GROUND)));
}
