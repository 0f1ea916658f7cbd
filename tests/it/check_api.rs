//! `check-api`, and the careless APIs that it must find out: for each bad token one that takes it.

mod careless;

use std::collections::{BTreeMap, BTreeSet};

use claviger::check_api::tokens::{Expect, KINDS};
use claviger::check_api::verdict::Weight;
use claviger::check_api::{Check, Report, run};
use claviger::clock::Clock;
use claviger::fetch::Fetcher;
use claviger::resource::{Caller, Resource, refusal};
use claviger::{admin, rotate, scope};
use http::Method;
use insta::assert_snapshot;
use serde_json::{Value, json};
use warp::Filter as _;

use crate::cli::operator::Operator;
use crate::server::{API, Server, part};
use careless::{Careless, serve};

impl Server {
    /// A server whose API is marked for tests.
    async fn with_test_api() -> Self {
        let server = Self::start().await;
        admin::api::set_test(&server.app, &API.parse().unwrap(), true).await.unwrap();
        server
    }

    /// The API that is at `url`, checked.
    async fn check(&self, url: &str, introspects: bool) -> Report {
        let scope = "items:read".parse().unwrap();
        let api = admin::api::find_test(&self.app, None, &scope).await.unwrap();
        let fetcher = Fetcher::of_operator(&self.app.config().fetch, Clock::system()).unwrap();
        let check = Check { url: url.parse().unwrap(), method: Method::GET, scope, introspects };
        run(&self.app, &fetcher, api, &check).await.unwrap()
    }

    /// An API as this crate protects it.
    async fn careful(&self) -> String {
        let jwks = self.get("/.well-known/jwks.json").await.body.to_string();
        let clock = self.app.clock.clone();
        let api = Resource::with_clock(self.app.issuer().as_str(), API, &jwks, clock).unwrap();
        let items = warp::path!("items").and(api.bearer(scope!("items:read")));
        serve(items.map(|caller: Caller| caller.claims.sub).recover(refusal).boxed()).await
    }
}

/// The names of what was found, and with which tokens.
fn found(report: &Report, weight: Weight) -> BTreeMap<&'static str, Vec<&'static str>> {
    let findings = report.findings.iter().filter(|finding| finding.problem.weight == weight);
    findings.map(|finding| (finding.problem.name, finding.tokens.clone())).collect()
}

/// The tokens that were wrongly taken.
fn taken(report: &Report) -> BTreeSet<&'static str> {
    let is_taken = |name: &&str| KINDS.iter().any(|kind| kind.name == *name);
    found(report, Weight::Fault)
        .into_iter()
        .filter(|(name, _)| is_taken(name))
        .flat_map(|(_, tokens)| tokens)
        .collect()
}

#[tokio::test]
async fn nothing_is_wrong_with_an_api_that_checks_as_this_crate_does() {
    let server = Server::with_test_api().await;
    let report = server.check(&server.careful().await, false).await;
    assert_eq!(report.answers.len(), KINDS.len());
    assert_eq!(found(&report, Weight::Fault), BTreeMap::new());
    assert_eq!(found(&report, Weight::Advice), BTreeMap::new());
    let notes = found(&report, Weight::Note);
    assert_eq!(notes.into_keys().collect::<Vec<_>>(), ["revoked"], "it does not ask about tokens");
}

/// The laxities of [`Careless`], and what each lets in: that of its own name, and what goes with it.
const LAX: &[(&str, &[&str])] = &[
    ("no-token", &["in-query"]),
    ("expired", &["doubled-exp"]),
    ("not-yet-valid", &[]),
    ("other-audience", &["similar-audience", "doubled-aud"]),
    ("similar-audience", &[]),
    ("other-issuer", &["similar-issuer"]),
    ("similar-issuer", &[]),
    ("id-token", &[]),
    ("refresh-token", &[]),
    ("wrong-typ", &[]),
    ("alg-none", &[]),
    ("alg-None", &[]),
    ("alg-NONE", &[]),
    ("alg-nOnE", &[]),
    ("no-signature", &[]),
    ("other-key", &[]),
    ("hs256-pem", &[]),
    ("hs256-jwk", &[]),
    ("unknown-kid", &["embedded-jwk", "retired-key"]),
    ("kid-path", &[]),
    ("kid-sql", &[]),
    ("embedded-jwk", &[]),
    ("retired-key", &[]),
    ("missing-scope", &["similar-scope"]),
    ("similar-scope", &[]),
    ("doubled-exp", &[]),
    ("doubled-aud", &[]),
    ("empty", &[]),
    ("in-query", &[]),
];

#[tokio::test]
async fn each_kind_of_bad_token_is_found_out_where_it_is_taken() {
    let server = Server::with_test_api().await;
    // So that there is a key that was published once.
    let gone = server.kids().await.remove(0);
    rotate::revoke(&server.app, 2048, &gone).await.unwrap();
    server.until("another key signs", async |server| !server.kids().await.contains(&gone)).await;

    // What is left is the API that does not ask about tokens, and the one that refuses good ones.
    let told = ["good", "revoked"];
    let untested = KINDS
        .iter()
        .find(|kind| LAX.iter().all(|(name, _)| *name != kind.name) && !told.contains(&kind.name));
    assert_eq!(untested.map(|kind| kind.name), None, "no API is careless about it");

    let checked = LAX.iter().map(async |(lax, along)| {
        let url = Careless::new(&server, lax, &gone).await.serve().await;
        let report = server.check(&url, false).await;
        let expected: BTreeSet<_> = [*lax].into_iter().chain(along.iter().copied()).collect();
        assert_eq!(taken(&report), expected, "{lax}");
    });
    futures_util::future::join_all(checked).await;
}

#[tokio::test]
async fn a_careful_api_of_the_same_code_is_found_careful() {
    let server = Server::with_test_api().await;
    let url = Careless::new(&server, "", "gone").await.serve().await;
    let report = server.check(&url, false).await;
    assert_eq!(
        (taken(&report), report.count(Weight::Fault), report.count(Weight::Advice)),
        (BTreeSet::new(), 0, 0)
    );
}

/// RFC 7662 §4.
#[tokio::test]
async fn a_revoked_token_is_refused_by_who_asks_and_only_noted_by_others() {
    let server = Server::with_test_api().await;
    let url = Careless::new(&server, "", "gone").await.serve().await;
    let report = server.check(&url, true).await;
    assert_eq!(taken(&report), ["revoked"].into());

    let api = server.confidential("the-api").await;
    let (secret, address) = (api.secret.clone().unwrap(), server.address);
    let asking = Careless::new(&server, "", "gone").await.asking(address, &api.id, &secret);
    let report = server.check(&asking.serve().await, true).await;
    assert_eq!(found(&report, Weight::Fault), BTreeMap::new());
    assert_eq!(found(&report, Weight::Note), BTreeMap::new());
}

/// RFC 6750 §3, §3.1.
#[tokio::test]
async fn each_flaw_of_a_refusal_is_named() {
    let server = Server::with_test_api().await;
    let invalid = KINDS.iter().filter(|kind| kind.expect == Expect::InvalidToken).count();
    for (lax, weight, count) in [
        ("no-challenge", Weight::Fault, invalid),
        ("other-challenge", Weight::Fault, invalid),
        ("malformed-challenge", Weight::Fault, invalid),
        ("breaks", Weight::Fault, invalid),
        ("no-answer", Weight::Fault, invalid),
        ("status", Weight::Advice, invalid),
        ("invalid-token", Weight::Advice, invalid),
        ("error-without-token", Weight::Advice, 1),
        ("insufficient-scope", Weight::Advice, 2),
        ("no-scope", Weight::Advice, 2),
    ] {
        let url = Careless::new(&server, lax, "gone").await.serve().await;
        let report = server.check(&url, false).await;
        let found = found(&report, weight);
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), [lax]);
        assert_eq!(found[lax].len(), count, "{lax}: {found:?}");
        let other = if weight == Weight::Fault { Weight::Advice } else { Weight::Fault };
        assert_eq!(report.count(other), 0, "{lax}");
    }
}

#[tokio::test]
async fn nothing_bad_is_sent_to_an_api_that_refuses_a_good_token_or_is_not_there() {
    let server = Server::with_test_api().await;
    let refusing = Careless::new(&server, "good", "gone").await.serve().await;
    for (url, name) in [(&*refusing, "good"), ("http://127.0.0.1:1/", "no-answer")] {
        let report = server.check(url, false).await;
        assert_eq!(found(&report, Weight::Fault), [(name, vec!["good"])].into());
        assert_eq!(report.answers.len(), 1);
    }
}

/// Threat rule 36; what a token for a check is worth elsewhere.
#[tokio::test]
async fn bad_tokens_are_audited_live_a_minute_and_are_worth_nothing_elsewhere() {
    let server = Server::with_test_api().await;
    let asker = server.confidential("the-api").await;
    let url = Careless::new(&server, "", "gone").await;
    let seen = url.seen.clone();
    server.check(&url.serve().await, false).await;

    let seen = seen.lock().unwrap().clone();
    let sent = KINDS.iter().filter(|kind| kind.name != "no-token").count();
    assert_eq!(seen.len(), sent);
    let mut database = server.database().await;
    let now = server.app.clock.now();
    for token in &seen {
        assert!([401, 403].contains(&server.me(token).await.status), "{token}");
        assert_eq!(asker.introspect(token).await["active"], false, "its client is gone");
        if token.starts_with("ey") {
            let claims = part(token, 1);
            assert!(claims["exp"].as_i64().unwrap() <= now + 60, "{claims}");
            let own = claims["aud"] == API && claims["iss"] == server.app.issuer().as_str();
            let nobody =
                ["aud", "iss"].iter().any(|claim| claims[claim].as_str().unwrap().ends_with(".invalid"));
            assert!(own != nobody, "{claims}");
            assert!(claims["sub"].as_str().unwrap().starts_with("check-api-"), "{claims}");
        }
    }
    assert_eq!(database.count("audit WHERE event = 'test_token.minted'").await, i64::try_from(sent).unwrap());
    let ids = "audit WHERE event = 'test_token.minted' AND detail LIKE '%, jti %'";
    assert!(database.count(ids).await >= 25);
    assert_eq!(database.count("clients").await, 1, "the client of the check is gone");
}

#[tokio::test]
async fn bad_tokens_are_made_only_for_an_api_that_is_marked() {
    let server = Server::start().await;
    let find = async |uri: Option<&str>, scope: &str| {
        let uri = uri.map(|uri| uri.parse().unwrap());
        let found = admin::api::find_test(&server.app, uri.as_ref(), &scope.parse().unwrap()).await;
        found.map(|api| api.uri.to_string()).unwrap_or_else(|fault| fault.to_string())
    };
    assert_snapshot!(find(None, "items:read").await, @"
    no API that is marked for tests has the scope `items:read`
    hint: mark one whose data is made for tests: `claviger api set URI --test`; `claviger api list` shows all
    ");
    assert_snapshot!(find(Some(API), "items:read").await, @"
    `https://api.example.com` is not marked as an API for tests, so no bad tokens are made for it
    hint: if its data is made for tests, mark it: `claviger api set https://api.example.com --test`
    ");
    let api = API.parse().unwrap();
    assert!(admin::api::set_test(&server.app, &api, true).await.unwrap().test_since.is_some());
    assert_eq!(find(None, "items:read").await, API);
    assert_eq!(find(Some(API), "items:read").await, API);
    assert_snapshot!(find(Some(API), "items:raed").await, @"
    the API `https://api.example.com` has no scope `items:raed`
    hint: did you mean `items:read`?
    ");
    assert_snapshot!(find(Some("https://api.example.org"), "items:read").await, @"
    there is no API `https://api.example.org`
    hint: did you mean `https://api.example.com`?
    ");

    let second = "https://second.example.com";
    let scopes = [("items:read".parse().unwrap(), None)].into();
    admin::api::add(&server.app, second.parse().unwrap(), scopes, None).await.unwrap();
    assert_eq!(find(None, "items:read").await, API);
    admin::api::set_test(&server.app, &second.parse().unwrap(), true).await.unwrap();
    assert_snapshot!(find(None, "items:read").await, @"
    several APIs that are marked for tests have the scope `items:read`
    hint: say which is meant: `--audience URI`
    ");
    assert_eq!(find(Some(second), "items:read").await, second);

    assert_eq!(admin::api::set_test(&server.app, &api, false).await.unwrap().test_since, None);
    assert_eq!(find(None, "items:read").await, second);
    assert_eq!(server.database().await.count("audit WHERE event = 'api.changed'").await, 3);
}

/// The command itself, on the database of a running server.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_tells_what_it_found_and_ends_accordingly() {
    let operator = Operator::settled();
    let check = |url: &str, more: &[&str]| {
        operator.tries(&[&["check-api", url, "--scope", "items:read"], more].concat())
    };
    assert!(check("http://127.0.0.1:1", &[]).stderr.starts_with("error: no API that is marked for tests"));
    operator.does(&["api", "set", API, "--test"]);
    assert_eq!(operator.asks(&["api", "show", API])["test"], true);
    assert!(check("http://127.0.0.1:1", &[]).stderr.starts_with("error: no key signs yet\n"));

    let served = operator.serves();
    let jwks = served.request("GET", "/.well-known/jwks.json").send().await.unwrap().text().await.unwrap();
    let api = Resource::new("http://localhost:8080", API, &jwks).unwrap();
    let items = warp::path!("items").and(warp::post()).and(api.bearer(scope!("items:read")));
    let careful = serve(items.map(|caller: Caller| caller.claims.sub).recover(refusal).boxed()).await;
    let ended = check(&careful, &["--method", "POST", "--json"]);
    assert_eq!((ended.code, &*ended.stderr), (0, ""), "{ended:?}");
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&report["passed"], &report["audience"]), (&json!(true), &json!(API)));
    assert_eq!(report["answers"].as_array().unwrap().len(), KINDS.len());
    let expired =
        report["answers"].as_array().unwrap().iter().find(|answer| answer["token"] == "expired").unwrap();
    assert_eq!((&expired["status"], &expired["verdict"]), (&json!(401), &json!("right")));
    assert_eq!(check(&careful, &["--method", "POST", "--introspects"]).code, 1, "it does not");
    assert_eq!(check(&careful, &[]).code, 1, "it takes no GET");

    let careless = async |lax| {
        Careless::knowing("http://localhost:8080", &jwks, Clock::system(), lax, "gone").serve().await
    };
    let url = careless("similar-audience").await;
    let ended = check(&url, &["--stack", "fastapi"]);
    assert_eq!(ended.code, 1);
    let lines = ended.stdout.lines().filter(|line| line.contains("TOKEN") || line.contains("aud"));
    assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r#"
       TOKEN             FLAW                                     EXPECTED                ANSWERED
    ✓  other-audience    `aud` is another API                     401 invalid_token       401 Bearer realm="items", error="invalid_token"
    ✗  similar-audience  `aud` only begins as it must             401 invalid_token       200
    ✓  doubled-aud       `aud` stands twice, the last is another  401 invalid_token       401 Bearer realm="items", error="invalid_token"
    fault: the API compares only a part of `aud` (RFC 7519 §4.1.3, RFC 9068 §4) (similar-audience)
      mend: take a token only if its `aud` is `https://api.example.com`, character for character; fastapi: `jwt.decode(…, audience="https://api.example.com")`
    "#);
    assert_snapshot!(ended.stderr.replace(&url, "URL"), @"
    error: 1 thing is wrong with the API at `URL`
    hint: each is told above, with the way to mend it
    ");

    let url = careless("no-scope").await;
    let codes = [&[][..], &["--strict"]].map(|more| check(&url, more).code);
    assert_eq!(codes, [0, 1], "a recommendation is a fault only where it is to be one");
    assert_eq!(operator.asks(&["client", "list"]).as_array().unwrap().len(), 1, "no client is left behind");
}
