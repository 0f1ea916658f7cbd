//! `oidcc-config-certification-test-plan`.

use serde_json::json;

use super::metadata;
use crate::browser::ISSUER;
use crate::relying_party::RelyingParty;
use crate::server::Server;

/// `oidcc-discovery-endpoint-verification`: what there must be is there and true, and every URL is https (or, here,
/// on loopback) and of this issuer.
#[tokio::test]
async fn oidcc_discovery_endpoint_verification() {
    let server = Server::start().await;
    RelyingParty::new(&server, "rp").await;
    let metadata = metadata(&server).await;
    assert_eq!(metadata["issuer"], ISSUER);
    for (name, path) in [
        ("authorization_endpoint", "/authorize"),
        ("token_endpoint", "/token"),
        ("userinfo_endpoint", "/userinfo"),
        ("end_session_endpoint", "/logout"),
        ("jwks_uri", "/.well-known/jwks.json"),
    ] {
        assert_eq!(metadata[name], format!("{ISSUER}{path}"));
    }
    assert_eq!(metadata["response_types_supported"], json!(["code"]));
    assert_eq!(metadata["response_modes_supported"], json!(["query", "form_post"]));
    assert_eq!(metadata["id_token_signing_alg_values_supported"], json!(["RS256"]));
    assert_eq!(metadata["claims_parameter_supported"], true);
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
    for (name, value) in [
        ("scopes_supported", "openid"),
        ("grant_types_supported", "authorization_code"),
        ("subject_types_supported", "public"),
        ("claims_supported", "sub"),
        ("prompt_values_supported", "none"),
        ("code_challenge_methods_supported", "S256"),
        ("token_endpoint_auth_methods_supported", "client_secret_basic"),
    ] {
        assert!(metadata[name].as_array().unwrap().contains(&json!(value)), "{name}: {}", metadata[name]);
    }
}

/// `oidcc-discovery-issuer-not-matching-config` is about relying parties; of a server it asks that the document and the
/// tokens name the one issuer, character for character.
#[tokio::test]
async fn oidcc_discovery_issuer_not_matching_config() {
    let server = Server::start().await;
    let (rp, alice) = (RelyingParty::new(&server, "rp").await, server.user("alice").await);
    let browser = crate::browser::Browser::new(&server);
    let page = rp.sign_in(&browser, &alice, &[]).await;
    let issuer = metadata(&server).await["issuer"].clone();
    assert_eq!(page.told("iss"), issuer);
    assert_eq!(super::id_token(&rp.redeem(&page).await)["iss"], issuer);
}

/// `oidcc-server-rotate-keys`, the part that needs no registration: each key of the JWKS is RSA for signatures, with an
/// id of its own, and nothing of the private part.
#[tokio::test]
async fn the_jwks_holds_public_signature_keys_with_ids() {
    let server = Server::start().await;
    let jwks = server.get("/.well-known/jwks.json").await.body;
    let keys = jwks["keys"].as_array().unwrap();
    assert!(!keys.is_empty());
    for key in keys {
        assert_eq!((&key["kty"], &key["use"], &key["alg"]), (&json!("RSA"), &json!("sig"), &json!("RS256")));
        assert!(
            key["kid"].is_string()
                && ["d", "p", "q", "dp", "dq", "qi"].iter().all(|part| key.get(part).is_none())
        );
    }
}
