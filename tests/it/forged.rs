//! Access tokens that are not what `issue` signs: each is refused by our own endpoints (RFC 8725, RFC 9068 §4).
//!
//! Most are signed with the server's real key, so that nothing but the check in question can refuse them.

use claviger::check_api::forge::{Key, doubled, hs256, merged, text, unsigned};
use claviger::keys::record;
use serde_json::{Map, Value, json};

use crate::server::{START, Server};

/// The server's own key, and what it would sign.
struct Forge {
    key: Key,
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl Forge {
    async fn of(server: &Server) -> Self {
        let (web, alice) = (server.client("web").await, server.user("alice").await);
        let token = web.password(&alice, "profile").await;
        let stored = server.app.store.signing_keys().await.unwrap().remove(0);
        let key = Key::new(&record::open(&stored, &server.app.seal).unwrap()).unwrap();
        let object = |value: Value| value.as_object().unwrap().clone();
        Self { key, header: object(token.header()), claims: object(token.claims()) }
    }

    /// A token whose header and claims are changed by merging.
    fn with(&self, header: Value, claims: Value) -> String {
        self.key.sign(&text(&merged(&self.header, header)), &text(&merged(&self.claims, claims)))
    }
}

#[tokio::test]
async fn only_what_the_server_signs_is_believed() {
    let server = Server::start().await;
    let forge = Forge::of(&server).await;
    let unchanged = forge.with(json!({}), json!({}));
    assert_eq!(server.me(&unchanged).await.status, 200, "the forge makes good tokens");

    let headers = [
        json!({"typ": "JWT"}),
        json!({"typ": "at+JWT"}),
        json!({"typ": null}),
        json!({"typ": 1}),
        json!({"alg": "none"}),
        json!({"alg": "NONE"}),
        json!({"alg": "HS256"}),
        json!({"alg": "RS512"}),
        json!({"alg": "PS256"}),
        json!({"alg": null}),
        json!({"kid": null}),
        json!({"kid": ""}),
        json!({"kid": "unknown"}),
        json!({"kid": "../../keys/sealing-1.key"}),
        json!({"kid": "' OR '1'='1"}),
        json!({"kid": "x".repeat(10_000)}),
        json!({"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}}),
        json!({"jku": "http://127.0.0.1:1/jwks"}),
        json!({"x5u": "http://127.0.0.1:1"}),
        json!({"x5c": ["AA=="]}),
        json!({"crit": ["exp"]}),
        json!({"crit": []}),
        json!({"zip": "DEF"}),
        json!({"b64": false}),
        json!({"cty": "JWT"}),
    ];
    for header in headers {
        assert_eq!(server.me(&forge.with(header.clone(), json!({}))).await.status, 401, "{header}");
    }

    let claims = [
        json!({"iss": "http://localhost:8080/"}),
        json!({"iss": "https://localhost:8080"}),
        json!({"iss": null}),
        json!({"iss": 1}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": "alice"}),
        json!({"sub": "web"}),
        json!({"sub": 1}),
        json!({"sub": "00000000-0000-0000-0000-000000000000"}),
        json!({"aud": null}),
        json!({"aud": ["https://api.example.com"]}),
        json!({"aud": 1}),
        json!({"exp": null}),
        json!({"exp": START - 31}),
        json!({"exp": "never"}),
        json!({"exp": 1.5e300}),
        json!({"exp": i64::MIN}),
        json!({"iat": null}),
        json!({"iat": START + 31}),
        json!({"iat": "now"}),
        json!({"nbf": START + 31}),
        json!({"nbf": "now"}),
        json!({"jti": null}),
        json!({"jti": 1}),
        json!({"jti": "00000000000000000000000000000000.x"}),
        json!({"client_id": null}),
        json!({"client_id": "unknown"}),
        json!({"client_id": ""}),
        json!({"client_id": 1}),
        json!({"scope": null}),
        json!({"scope": ["profile"]}),
        json!({"scope": "profile  x"}),
    ];
    for claims in claims {
        assert_eq!(server.me(&forge.with(json!({}), claims.clone())).await.status, 401, "{claims}");
    }
    assert_eq!(server.me(&forge.with(json!({}), json!({"scope": "items:read"}))).await.status, 403);
}

#[tokio::test]
async fn doubled_members_and_other_forms_are_refused() {
    let server = Server::start().await;
    let forge = Forge::of(&server).await;
    let (header, claims) = (text(&forge.header), text(&forge.claims));

    let good = forge.key.sign(&header, &claims);
    let parts: Vec<_> = good.split('.').collect();
    let public = server.get("/.well-known/jwks.json").await.body["keys"][0]["n"].as_str().unwrap().to_owned();
    let of_alg = |alg: &str| text(&merged(&forge.header, json!({ "alg": alg })));
    let tokens = [
        forge.key.sign(&doubled(&header, "\"alg\":\"RS256\""), &claims),
        forge.key.sign(&header, &doubled(&claims, "\"exp\":9999999999")),
        forge.key.sign(&header, &doubled(&claims, "\"sub\":\"web\"")),
        forge.key.sign(&header, &doubled(&doubled(&claims, "\"nbf\":1"), "\"nbf\":1")),
        forge.key.sign(&header, "[]"),
        forge.key.sign("[]", &claims),
        forge.key.sign(&header, &claims[1..]),
        hs256(public.as_bytes(), &of_alg("HS256"), &claims),
        unsigned(&of_alg("none"), &claims),
        format!("{}.{}", parts[0], parts[1]),
        format!("{good}."),
        format!("{good}.x"),
        format!("{}.{}.{}=", parts[0], parts[1], parts[2]),
        format!("{}.{}.{}", parts[0], parts[1], &parts[2][1..]),
        json!({"payload": parts[1], "protected": parts[0], "signature": parts[2]}).to_string(),
        "..".to_owned(),
        ".".repeat(5000),
    ];
    for token in tokens {
        let answer = server.me(&token).await;
        assert_eq!((answer.status, answer.error()), (401, "invalid_token"), "{token}");
    }
    assert_eq!(server.me(&good).await.status, 200);
}

#[tokio::test]
async fn two_authorization_headers_are_no_token() {
    let server = Server::start().await;
    let forge = Forge::of(&server).await;
    let token = format!("Bearer {}", forge.with(json!({}), json!({})));
    let request =
        server.request("GET", "/users/me").header("authorization", &token).header("authorization", &token);
    let answer = crate::server::Answer::of(request).await;
    assert_eq!((answer.status, answer.headers.contains_key("www-authenticate")), (401, true));
}
