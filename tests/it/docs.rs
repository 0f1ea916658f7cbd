//! The description of every endpoint, held against the routes; and the page that shows it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use claviger::admin;
use claviger::model::AuthMethod;
use serde_json::{Value, json};

use crate::browser::{Browser, ISSUER};
use crate::house::{code, source};
use crate::server::{Answer, Server, description};

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

async fn described(server: &Server) -> Value {
    server.get("/openapi.json").await.granted().body
}

/// The methods of each described path, in capitals.
fn operations(description: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let paths = description["paths"].as_object().unwrap().iter();
    let methods = |item: &Value| {
        let methods = item.as_object().unwrap().keys().filter(|key| METHODS.contains(&key.as_str()));
        methods.map(|method| method.to_uppercase()).collect()
    };
    paths.map(|(path, item)| (path.clone(), methods(item))).collect()
}

/// The paths that the code routes, as it writes them: `Route::new(app, …, "/users/me", …)`. Below one that ends in a slash
/// lie files, which are not described. Those by which an issuer for tests is told what to do are no server's.
fn routed() -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    let is_endpoint = |path: &Path| {
        path.starts_with("http") && !path.starts_with("http/server") && path != Path::new("http/control.rs")
    };
    for (_, text) in source().into_iter().filter(|(path, _)| is_endpoint(path)) {
        let text = code(&text).collect::<Vec<_>>().join("\n");
        let calls = ["Route::new(app, ", "publish(app, ", "page(app, "];
        for call in calls.into_iter().flat_map(|call| text.split(call).skip(1)) {
            let mut literals = call.split(')').next().unwrap().split('"').skip(1).step_by(2);
            let path = literals.find(|literal| literal.starts_with('/'));
            paths.extend(path.filter(|path| !path.ends_with('/')).map(str::to_owned));
        }
    }
    paths
}

#[tokio::test]
async fn what_is_routed_is_described_and_what_is_described_is_routed() {
    let server = Server::start().await;
    let browser = Browser::new(&server);
    let operations = operations(&described(&server).await);
    assert_eq!(operations.keys().cloned().collect::<BTreeSet<_>>(), routed());
    for (path, methods) in operations {
        let refused = Answer::of(server.request("DELETE", &path)).await;
        assert_eq!(refused.status, 405, "{path}");
        let allowed =
            refused.headers["allow"].split(", ").filter(|method| !["HEAD", "OPTIONS"].contains(method));
        assert_eq!(allowed.map(str::to_owned).collect::<BTreeSet<_>>(), methods, "{path}");
        for method in methods {
            let status = browser.step(browser.request(&method, &path), &path).await.status;
            assert!(![404, 405, 500].contains(&status), "{method} {path}: {status}");
        }
    }
}

#[tokio::test]
async fn the_readme_names_no_endpoint_that_is_not_described() {
    let server = Server::start().await;
    let operations = operations(&described(&server).await);
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let table = readme.split("## Endpoints").nth(1).unwrap().split("\n## ").next().unwrap();
    for row in table.lines().filter(|line| line.starts_with("| `/")) {
        let mut cells = row.trim_matches('|').split('|');
        let (paths, methods) = (cells.next().unwrap(), cells.next().unwrap());
        for path in paths.split('`').filter(|part| part.starts_with('/')) {
            let methods = methods.trim().split(", ").map(str::to_owned).collect();
            assert_eq!(operations.get(path), Some(&methods), "{path}");
        }
    }
}

/// RFC 8414 §2: what clients may use, and nothing else.
#[tokio::test]
async fn the_ways_to_sign_in_are_those_of_the_metadata() {
    let server = Server::start().await;
    let flows = async |server: &Server| {
        described(server).await["components"]["securitySchemes"]["oauth2"]["flows"].clone()
    };
    assert_eq!(flows(&server).await, json!({}));
    let metadata = server.get("/.well-known/oauth-authorization-server").await.body;
    assert_eq!(metadata["grant_types_supported"], json!([]));

    server.client("web").await;
    server
        .until("the password grant is described", async |server| {
            flows(server).await.get("password").is_some()
        })
        .await;
    let password = flows(&server).await;
    assert_eq!(password.get("authorizationCode"), None);
    assert_eq!(password["password"]["tokenUrl"], format!("{ISSUER}/token"));

    register(&server).await;
    server
        .until("the code grant is described", async |server| {
            flows(server).await.get("authorizationCode").is_some()
        })
        .await;
    let code = &flows(&server).await["authorizationCode"];
    let metadata = server.get("/.well-known/oauth-authorization-server").await.body;
    assert_eq!(
        (&code["authorizationUrl"], &code["tokenUrl"]),
        (&metadata["authorization_endpoint"], &metadata["token_endpoint"])
    );
    let scopes: Vec<_> = code["scopes"].as_object().unwrap().keys().collect();
    assert_eq!(json!(scopes), metadata["scopes_supported"]);
    assert_eq!(code["scopes"]["openid"], "Who you are, in an ID token and at userinfo.");
}

#[tokio::test]
async fn the_description_is_kept_and_read_by_whoever_wants_to() {
    let server = Server::start().await;
    let answer = server.get("/openapi.json").await;
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.headers["cache-control"], "public, max-age=300");
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    let again = server.request("GET", "/openapi.json").header("if-none-match", &answer.headers["etag"]);
    assert_eq!(Answer::of(again).await.status, 304);
}

/// The page as a client, by what registers it.
async fn register(server: &Server) {
    let docs = admin::client::Description {
        grants: vec!["authorization_code".to_owned()],
        scope: "openid profile".parse().unwrap(),
        apis: Vec::new(),
        auth_method: AuthMethod::None,
        first_party: false,
        redirect_uris: vec![format!("{ISSUER}/docs/oauth2-redirect.html").parse().unwrap()],
        origins: Vec::new(),
        ..description("docs")
    };
    server.client_with(docs).await;
}

#[tokio::test]
async fn the_page_is_a_client_once_it_is_registered() {
    let server = Server::start().await;
    let browser = Browser::new(&server);
    let page = browser.open("/docs").await;
    let command =
        format!("claviger client add docs --public --redirect-uri {ISSUER}/docs/oauth2-redirect.html");
    assert!(page.body.contains(&command) && !page.body.contains("data-client"), "{}", page.body);
    register(&server).await;
    let is_known = async |_: &Server| browser.open("/docs").await.body.contains("data-client=\"docs\"");
    server.until("the page knows its client", is_known).await;
    assert!(!browser.open("/docs").await.body.contains("claviger client add"));
}

/// The scripts are somebody else's, on the origin of the pages where people sign in.
#[tokio::test]
async fn the_page_has_no_inline_script_and_loads_and_asks_nobody_but_us() {
    let server = Server::start().await;
    let browser = Browser::new(&server);
    for path in ["/docs", "/docs/oauth2-redirect.html"] {
        let page = browser.open(path).await;
        assert_eq!((page.status, &*page.headers["cache-control"]), (200, "no-store"));
        assert_eq!(
            page.headers["content-security-policy"],
            "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; \
             script-src 'self'; connect-src 'self'; form-action 'none'"
        );
        assert_eq!(
            (&*page.headers["x-frame-options"], &*page.headers["x-content-type-options"]),
            ("DENY", "nosniff")
        );
        for part in ["<script>", "<style", " style=", " onload", " onclick", "javascript:"] {
            assert!(!page.body.contains(part), "{path} has `{part}`");
        }
        let files = page.body.split("\"/assets/").skip(1).map(|rest| rest.split('"').next().unwrap());
        for file in files {
            let asset = browser.open(&format!("/assets/{file}")).await;
            let is_compressed =
                asset.headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip");
            assert_eq!((asset.status, is_compressed), (200, file.starts_with("swagger_ui")), "{file}");
        }
        assert!(page.body.split("<script src=\"").skip(1).all(|rest| rest.starts_with("/assets/")), "{path}");
    }
}
