//! The command line: the real binary, on a running server's database or a stopped one's.

mod api;
pub mod operator;
mod serve;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::database::is_postgres;
use crate::server::{API, Answer, PASSWORD};
use operator::{CONFIG, Operator};

const SERVICE: [&str; 7] =
    ["client", "add", "service", "--grant", "client_credentials", "--scope", "items:read"];

fn add_service(more: &[&'static str]) -> Vec<&'static str> {
    [&SERVICE, more].concat()
}

#[test]
fn a_fresh_machine_is_administered_before_a_server_ever_ran() {
    let operator = Operator::settled();
    assert_snapshot!(operator.does(&["user", "list"]).stdout, @"
    USERNAME  EMAIL  NAME  ROLES   DISABLED AT
    alice     -      -     writer  -
    ");
    assert_snapshot!(operator.does(&["api", "list"]).stdout, @"
    URI                      SCOPES                   TEST
    https://api.example.com  items:read, items:write  no
    ");
    let mode = |name: &str| std::fs::metadata(operator.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("keys/sealing-1.key"), mode("keys")), (0o600, 0o700));
    assert!(is_postgres() || mode("data") == 0o700);
    assert_eq!(operator.asks(&["seal", "verify"])["valid"], true);
    assert!(operator.does(&["keys", "list"]).stderr.contains("when the server starts"));
}

#[test]
fn what_is_added_is_shown_by_the_names_of_the_standards() {
    let operator = Operator::settled();
    let mut client = operator.asks(&["client", "show", "web"]);
    assert!(client["created_at"].take().as_str().unwrap().ends_with('Z'));
    assert_eq!(
        client,
        json!({
            "client_id": "web", "token_endpoint_auth_method": "none", "first_party": true,
            "grant_types": ["password", "refresh_token"], "scope": "items:read items:write profile", "apis": [API],
            "redirect_uris": [], "post_logout_redirect_uris": [], "origins": [], "access_token_lifetime": null,
            "client_name": null, "pkce": "required", "consent": "ask", "code_lifetime": null,
            "pairwise_sector": null, "backchannel_logout_uri": null,
            "created_at": null, "disabled_at": null,
        })
    );
    let mut user = operator.asks(&["user", "disable", "ALICE"]);
    for time in ["created_at", "updated_at", "disabled_at"] {
        assert!(user[time].take().is_string(), "{time}");
    }
    assert_eq!(user["sub"].take().as_str().unwrap().len(), 36);
    assert_eq!(
        user,
        json!({
            "sub": null, "username": "alice", "roles": ["writer"],
            "created_at": null, "updated_at": null, "disabled_at": null,
        })
    );
    assert_eq!(operator.asks(&["user", "remove", "alice"]), json!({ "username": "alice", "removed": true }));
    assert_eq!(operator.asks(&["user", "list"]), json!([]));
}

#[test]
fn a_list_can_be_repeated_or_separated_by_spaces() {
    let operator = Operator::new();
    let ways: [&[&str]; 3] = [
        &["--scope", "a:read", "--scope", "a:write=Change it all"],
        &["--scope", "a:read", "a:write=Change it all"],
        &["--scope", "a:write=Change it all", "--scope", "a:read a:read"],
    ];
    for way in ways {
        let added = operator.asks(&[&["api", "add", API], way].concat());
        assert_eq!(added["scopes"], json!({ "a:read": null, "a:write": "Change it all" }), "{way:?}");
        operator.does(&["api", "remove", API]);
    }
}

#[test]
fn roles_are_given_and_taken_and_the_others_stay() {
    let operator = Operator::settled();
    for role in ["reader", "clerk"] {
        operator.does(&["role", "add", role, "--scope", "items:read"]);
    }
    let roles =
        |change: &[&str]| operator.asks(&[&["user", "roles", "alice"], change].concat())["roles"].take();
    assert_eq!(roles(&["--add", "reader", "clerk", "--remove", "writer"]), json!(["clerk", "reader"]));
    assert_eq!(roles(&["--add", "reader"]), json!(["clerk", "reader"]));
    assert_eq!(roles(&[]), json!(["clerk", "reader"]));
    assert_snapshot!(operator.is_told(&["user", "roles", "alice", "--add", "clerk", "--remove", "clerk"]), @"
    error: the role `clerk` is to be given and to be taken
    hint: name `clerk` once
    ");
    assert!(operator.is_told(&["user", "roles", "alice", "--remove", "king"]).contains("no role `king`"));
}

/// OpenID Connect Core §5.1.
#[tokio::test]
async fn what_is_known_of_a_user_is_set_shown_and_removed() {
    let operator = Operator::settled();
    let set = |claims: &[&str]| operator.asks(&[&["user", "set", "ALICE"], claims].concat());
    let added = operator.asks(&["user", "show", "alice"]);
    assert_eq!(added["updated_at"], added["created_at"]);

    let user = set(&[
        "name=Alice Liddell",
        "email=alice@example.com",
        "email_verified=true",
        "address.street_address=1 Main Street\nFlat = 2",
        "address.locality=Oxford",
        "phone_number=+44 1865 270000",
        "birthdate=0000-05-04",
    ]);
    let address = json!({ "street_address": "1 Main Street\nFlat = 2", "locality": "Oxford" });
    assert_eq!((&user["name"], &user["address"]), (&json!("Alice Liddell"), &address));
    assert_eq!((&user["email_verified"], &user["phone_number"]), (&json!(true), &json!("+441865270000")));
    assert_eq!(operator.asks(&["user", "show", "alice"]), user);

    let user = set(&["email=liddell@example.com", "name=", "address.street_address="]);
    assert_eq!((&user["email_verified"], user.get("name")), (&json!(false), None));
    let shown = operator.does(&["user", "show", "alice"]).stdout;
    let shown: Vec<_> =
        shown.lines().filter(|line| !line.contains("sub:") && !line.contains(" at:")).collect();
    assert_snapshot!(shown.join("\n"), @"
    username:              alice
    email:                 liddell@example.com
    email verified:        no
    birthdate:             0000-05-04
    phone number:          +441865270000
    phone number verified: no
    address:               locality=Oxford
    roles:                 writer
    ");

    assert_snapshot!(operator.is_told(&["user", "set", "alice", "gender=x", "birthday=1984-02-29"]), @"
    error: there is no claim `birthday`
    hint: did you mean `birthdate`?
    ");
    assert_eq!(operator.asks(&["user", "show", "alice"]).get("gender"), None, "all or nothing");
    let trail = "audit WHERE event = 'user.changed' AND detail = 'address.street_address email name'";
    assert_eq!(operator.database.connect().await.count(trail).await, 1);
}

#[test]
fn a_client_secret_is_shown_once_and_never_again() {
    let operator = Operator::settled();
    let made = operator.asks(&SERVICE)["client_secret"].as_str().unwrap().to_owned();
    let next =
        operator.asks(&["client", "rotate-secret", "service"])["client_secret"].as_str().unwrap().to_owned();
    assert_ne!(made, next);
    for secret in [&made, &next] {
        for arguments in
            [&["client", "show", "service"][..], &["client", "list"], &["client", "disable", "service"]]
        {
            let (people, program) = (operator.does(arguments).stdout, operator.asks(arguments).to_string());
            assert!(!people.contains(secret) && !program.contains(secret), "{arguments:?}");
        }
        assert!(!operator.keeps(secret), "neither the database nor a file has it");
    }
}

#[test]
fn a_secret_that_was_given_is_not_shown() {
    let operator = Operator::settled();
    let secret = "tarpaulin-0451-osprey";
    let added = operator.tries_with(&add_service(&["--secret-stdin", "--json"]), secret);
    assert_eq!(added.code, 0, "{added:?}");
    assert!(!added.stdout.contains("secret\"") && !added.stdout.contains(secret), "{added:?}");
    operator.write("next", "tarpaulin-0452-osprey\n");
    let rotated = operator.does(&["client", "rotate-secret", "service", "--secret-file", "next"]);
    assert!(!rotated.stdout.contains("0452") && rotated.stderr.contains("stays good for 1d"), "{rotated:?}");
}

#[test]
fn no_secret_is_taken_from_the_command_line() {
    let operator = Operator::new();
    for arguments in [
        vec!["user", "add", "alice", "--password", PASSWORD],
        vec!["user", "set-password", "alice", "--password", PASSWORD],
        vec!["user", "add", "alice", PASSWORD],
        add_service(&["--secret", PASSWORD]),
        vec!["client", "rotate-secret", "service", "--secret", PASSWORD],
    ] {
        let ended = operator.tries(&arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{arguments:?}: {ended:?}");
    }
    assert!(operator.is_told(&["user", "add", "alice"]).contains("add `--password-stdin`"));
}

#[test]
fn a_fault_is_told_with_its_way_out() {
    let operator = Operator::settled();
    assert_snapshot!(operator.is_told(&["user", "show", "bob"]), @"
    error: there is no user `bob`
    hint: `claviger user list` shows all
    ");
    let told = operator.is_told(&["user", "show", "bob", "--json"]);
    let fault: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(fault, json!({ "error": "there is no user `bob`", "hint": "`claviger user list` shows all" }));

    let weak = operator.tries_with(&["user", "set-password", "alice", "--password-stdin"], "password");
    assert_eq!(weak.code, 1);
    assert!(weak.stderr.starts_with("error: the password is too short") && weak.stderr.contains("hint: "));
    let twice = operator.tries_with(&["user", "add", "Alice", "--password-stdin"], PASSWORD);
    assert!(twice.stderr.starts_with("error: there is a user `alice` already\n"), "{twice:?}");
}

#[test]
fn an_unknown_name_is_told_with_the_nearest() {
    let operator = Operator::settled();
    let hint = |arguments: &[&str]| {
        let told = operator.is_told(arguments);
        told.lines().find_map(|line| line.strip_prefix("hint: ")).unwrap().to_owned()
    };
    for (arguments, nearest) in [
        (&["user", "show", "alcie"][..], "alice"),
        (&["user", "set", "alic", "gender=x"], "alice"),
        (&["user", "roles", "alice", "--add", "writter"], "writer"),
        (&["role", "remove", "wrtier"], "writer"),
        (&["role", "add", "reader", "--scope", "item:read"], "items:read"),
        (&["client", "show", "wbe"], "web"),
        (&["client", "remove", "webb"], "web"),
        (&["api", "show", "https://api.example.co"], API),
        (&["client", "set", "web", "--api", "https://api.example.org"], API),
    ] {
        assert_eq!(hint(arguments), format!("did you mean `{nearest}`?"), "{arguments:?}");
    }
    assert_eq!(hint(&["client", "show", "service"]), "`claviger client list` shows all");
}

/// RFC 7591 §2 names what is changed.
#[tokio::test]
async fn a_client_is_changed_where_it_is_told_and_nowhere_else() {
    let operator = Operator::settled();
    let before = operator.asks(&["client", "show", "web"]);
    let after = operator.asks(&[
        "client",
        "set",
        "web",
        "--origin",
        "https://a.example.com https://b.example.com",
        "--scope",
        "items:read",
        "--name",
        "The web",
        "--skip-consent",
        "--access-token-lifetime",
        "5m",
    ]);
    assert_eq!(operator.asks(&["client", "show", "web"]), after);
    let mut expected = before.clone();
    expected["origins"] = json!(["https://a.example.com", "https://b.example.com"]);
    expected["scope"] = json!("items:read");
    expected["client_name"] = json!("The web");
    expected["consent"] = json!("skip");
    expected["access_token_lifetime"] = json!(300);
    assert_eq!(after, expected);

    let taken = ["client", "set", "web", "--origin", "--name", "--access-token-lifetime", "--ask-consent"];
    expected["origins"] = json!([]);
    expected["client_name"] = Value::Null;
    expected["access_token_lifetime"] = Value::Null;
    expected["consent"] = json!("ask");
    assert_eq!(operator.asks(&taken), expected);

    assert_snapshot!(operator.is_told(&["client", "set", "web", "--pkce-optional"]), @"
    error: `web` is public, so it cannot do without PKCE
    hint: leave out `--pkce-optional`: nothing else keeps its codes from being used by others
    ");
    let unknown = ["client", "set", "web", "--scope", "items:raed", "--name", "Another"];
    assert!(operator.is_told(&unknown).contains("the scope `items:raed` is not one of"));
    assert_eq!(operator.asks(&["client", "show", "web"]), expected, "all or nothing");
    let trail = "audit WHERE event = 'client.changed' AND detail = 'client_name scope origins access_token_lifetime consent'";
    assert_eq!(operator.database.connect().await.count(trail).await, 1);
}

#[test]
fn what_the_configuration_names_and_the_database_has_not_is_warned_of() {
    let operator = Operator::new();
    let config = format!("{CONFIG}[clients]\ndefault = \"wbe\"\n[users]\ndefault_role = \"wirter\"\n");
    operator.write("claviger.toml", &config);
    let warned = |operator: &Operator| operator.asks(&["config", "check"])["warnings"].take();
    assert_eq!(warned(&operator), json!([]), "there is no database yet");
    assert!(is_postgres() || !operator.path("data").exists(), "and none is made");

    let operator = Operator::settled();
    operator.write("claviger.toml", &config);
    assert_snapshot!(operator.does(&["config", "check"]).stderr, @"
    warning: `clients.default` is `wbe`, which is no enabled public first-party client: requests that name no client are refused
    hint: did you mean `web`?
    warning: `users.default_role` is `wirter`, and there is no such role: users without a role have `profile` alone
    hint: did you mean `writer`?
    ");
    operator.write("claviger.toml", &config.replace("wbe", "web").replace("wirter", "writer"));
    assert_eq!(warned(&operator), json!([]));
}

#[test]
fn an_unknown_key_names_the_nearest() {
    let operator = Operator::new();
    operator.write("claviger.toml", &format!("{CONFIG}[tokens]\nacces_token_lifetime = \"5m\"\n"));
    assert_snapshot!(operator.is_told_alike(&[&["config", "check"][..], &["serve"], &["user", "list"]]), @"
    error: `tokens.acces_token_lifetime` is not a key
    hint: did you mean `tokens.access_token_lifetime`? (`claviger.toml:4`)
    ");
}

#[test]
fn a_database_is_migrated_once() {
    let operator = Operator::new();
    if !is_postgres() {
        std::fs::create_dir(operator.path("data")).unwrap();
        operator.write("data/claviger.db", "");
    }
    let url = if is_postgres() { operator.database.url.as_str() } else { "data/claviger.db" };
    let statements = operator.does(&["migrate", "--dry-run"]).stdout;
    assert!(statements.contains("CREATE TABLE users ("), "{statements}");
    assert_snapshot!(operator.does(&["migrate"]).stdout, @r"
    step 1 (main) is taken
    step 2 (openid) is taken
    step 3 (test apis) is taken
    step 4 (refusals) is taken
    ");
    assert_eq!(
        operator.does(&["migrate", "--dry-run"]).stdout,
        "",
        "nothing is left to do, and nothing was done before"
    );
    assert_eq!(operator.does(&["migrate"]).stdout, format!("`{url}` is up to date\n"));
    assert_eq!(operator.asks(&["migrate"]), json!({ "database": url, "applied": [] }));
}

#[tokio::test]
async fn a_database_with_a_newer_schema_is_refused() {
    let operator = Operator::settled();
    let sql = "INSERT INTO schema_versions (version, name, oldest, applied_at) VALUES (99, 'later', 98, 0)";
    operator.database.connect().await.run(sql).await;
    let told = operator.is_told_alike(&[&["serve"][..], &["migrate"], &["user", "list"]]);
    assert_snapshot!(told.replace(&operator.database.url, "data/claviger.db"), @"
    error: `data/claviger.db` cannot be used: the database has schema 99, for releases that know 98 or newer: this one knows 4
    hint: run a newer release, or restore a backup from before the upgrade
    ");
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    let operator = Operator::settled();
    let key = operator.sealing_key(1);
    std::fs::set_permissions(&key, Permissions::from_mode(0o640)).unwrap();
    assert_snapshot!(operator.is_told_alike(&[&["serve"][..], &["user", "list"]]), @"
    error: `keys/sealing-1.key` can be read or written by others: its mode is 0640
    hint: `chmod 600 keys/sealing-1.key`, and rotate it with `claviger seal rotate` if somebody may have read it
    ");
}

#[test]
fn a_sealing_key_that_is_lost_or_another_is_never_replaced() {
    let operator = Operator::settled();
    let key = operator.sealing_key(1);
    std::fs::remove_file(&key).unwrap();
    assert!(operator.is_told(&["serve"]).starts_with("error: there is no sealing key in `keys`"));
    assert!(!key.exists());

    std::fs::copy(Operator::settled().sealing_key(1), &key).unwrap();
    assert_snapshot!(operator.is_told(&["serve"]), @"
    error: the root secret in the database does not open with the sealing key of generation 1: the value was altered or moved, or another key sealed it
    hint: use the sealing keys and the database of the same installation
    ");
}

#[tokio::test]
async fn what_does_not_open_is_named() {
    let operator = Operator::settled();
    let sql = "UPDATE users SET password_hash = (SELECT sealed FROM roots)";
    operator.database.connect().await.run(sql).await;

    let user = operator.asks(&["user", "show", "alice"]);
    let verified = operator.tries(&["seal", "verify", "--json"]);
    let verdict: Value = serde_json::from_str(&verified.stdout).unwrap();
    assert_eq!((verified.code, &verdict["valid"]), (1, &json!(false)));
    assert_eq!(
        (&verdict["unopened"][0]["table"], &verdict["unopened"][0]["row"]),
        (&json!("users"), &user["sub"])
    );
    assert!(verified.stderr.contains("the value in `users`, row `"), "{verified:?}");

    let rotated = operator.tries(&["seal", "rotate", "--json"]);
    let report: Value = serde_json::from_str(&rotated.stdout).unwrap();
    assert_eq!((rotated.code, &report["put_away"]), (1, &json!([])), "its key may still be needed");
}

#[test]
fn the_next_key_waits_until_verifiers_know_it() {
    let operator = Operator::settled();
    let first = operator.asks(&["keys", "rotate"]);
    assert_eq!(first["state"], "active", "nobody knows an older one");

    let next = operator.asks(&["keys", "rotate"]);
    assert_eq!((&next["state"], &next["next"]), (&json!("pending"), &json!("signs")));
    assert_eq!(operator.asks(&["keys", "rotate"])["kid"], next["kid"], "once is enough");
    let states = || {
        operator
            .asks(&["keys", "list"])
            .as_array()
            .unwrap()
            .iter()
            .map(|key| key["state"].clone())
            .collect::<Value>()
    };
    assert_eq!(states(), json!(["active", "pending"]));

    let now = operator.does(&["keys", "rotate", "--now"]);
    assert!(now.stdout.contains(next["kid"].as_str().unwrap()) && now.stdout.contains("signs from now on"));
    assert!(now.stderr.contains("until they look again, for up to 5m"), "{now:?}");
    assert_eq!(states(), json!(["retired", "active"]));

    let kid = next["kid"].as_str().unwrap();
    let revoked = operator.asks(&["keys", "revoke", kid]);
    assert_eq!((&revoked["kid"], &revoked["tokens_lost_seconds"]), (&json!(kid), &json!(600)));
    assert_eq!(states(), json!(["retired", "revoked", "active"]), "there is always a key that signs");
    assert!(operator.is_told(&["keys", "revoke", kid]).contains("was revoked before"));
    assert!(operator.is_told(&["keys", "revoke", "-unknown"]).contains("there is no key `-unknown`"));
}

#[tokio::test]
async fn a_sealing_rotation_is_obeyed_by_a_running_server_and_can_be_resumed() {
    let operator = Operator::settled();
    let server = operator.serves();

    let mut interrupted = operator.starts(&["seal", "rotate"]);
    while !operator.sealing_key(2).exists() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    interrupted.kill().unwrap();
    interrupted.wait().unwrap();
    assert_eq!(server.password().await.status, 200);

    let rotated = operator.asks(&["seal", "rotate"]);
    assert_eq!(rotated["generation"], 2, "what was begun is finished before the next is begun");
    assert_eq!(rotated["moved"], 3, "the root secret, a signing key, a password");
    assert_eq!(rotated["put_away"], json!(["keys/sealing-1.key"]));
    std::fs::remove_file(operator.sealing_key(1)).unwrap();

    let token = server.password().await.granted();
    assert_eq!(server.me(&token.access_token()).await.status, 200);
    drop(server);
    assert_eq!(operator.serves().me(&token.access_token()).await.status, 200);
    let verified = operator.asks(&["seal", "verify"]);
    assert_eq!(verified["generations"], json!([{ "generation": 2, "values": 3, "seals": true }]));
}

#[tokio::test]
async fn a_token_is_explained_from_standard_input_and_as_an_argument() {
    let operator = Operator::settled();
    let token = operator.serves().password().await.access_token();
    let explained =
        operator.tries_with(&["explain", "-", "--api", API, "--scope", "items:read"], &format!("{token}\n"));
    assert_eq!((explained.code, explained.stderr.as_str()), (0, ""));
    assert!(
        explained.stdout.starts_with("access token: accepted\n  because this server signed it"),
        "{explained:?}"
    );
    assert!(explained.stdout.contains("the user `alice`") && !explained.stdout.contains(&token));

    let explanation = operator.asks(&["explain", &token, "--scope", "profile items:delete"]);
    assert_eq!(explanation["because"], json!(["it lacks the scope `items:delete`"]));
    let nowhere = operator.is_told(&["explain", &token, "--api", "https://api.exmaple.com"]);
    assert!(nowhere.contains("did you mean `https://api.example.com`?"), "{nowhere}");
    assert_snapshot!(operator.does(&["explain", "a\u{1b}[2Jb"]).stdout, @"
    unknown: not accepted
      because it is not a token: neither a JWT nor a refresh token of a claviger server
    ");
    assert!(operator.does(&["explain", "--help"]).stdout.contains("Prefer `-`"));
}

#[tokio::test]
async fn a_reference_is_explained_to_the_operator() {
    let operator = Operator::settled();
    let server = operator.serves();
    let answer = Answer::of(server.request("POST", "/token").basic_auth("web", Some("x"))).await;
    let reference = answer.reference.unwrap();
    let mut explained = operator.tries(&["explain", &reference]);
    for _ in 0..200 {
        if explained.code == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        explained = operator.tries(&["explain", &reference]);
    }
    assert!(
        explained.stdout.contains("request:   POST /token\nerror:     invalid_request\n"),
        "{explained:?}"
    );
    assert_eq!(operator.asks(&["explain", &reference])["told"], answer.body["error_description"]);
    assert_snapshot!(operator.is_told(&["explain", "1f2e3d4c-5b"]), @"
    error: no refusal is kept as `1f2e3d4c-5b`
    hint: they are written within a second or two, and the newest 10,000 are kept for 7 days; in the log it is the `id` of the request
    ");
}
