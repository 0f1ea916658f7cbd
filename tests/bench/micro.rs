//! What the parts of a request cost by themselves: `cargo bench --package bench`.

use claviger::keys::jwk::{Jwk, jwks};
use claviger::keys::rsa_key::RsaKey;
use claviger::keys::signer::{Signer, Typ};
use claviger::keys::verify;
use claviger::model::{Narrowing, Role};
use claviger::protocol::{AccessClaims, Params, RefreshToken, Scope};
use divan::{Bencher, black_box};
use jsonwebtoken::DecodingKey;

const ISSUER: &str = "https://id.example";
const KID: &str = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
const NOW: i64 = 1_800_000_000;

fn main() {
    divan::main();
}

fn scope(text: &str) -> Scope {
    text.parse().expect("a scope")
}

fn claims() -> AccessClaims {
    AccessClaims {
        iss: ISSUER.to_owned(),
        sub: "018f0000-0000-7000-8000-000000000001".to_owned(),
        aud: "https://notes.example".to_owned(),
        exp: NOW + 600,
        iat: NOW,
        jti: "018f0001-0000-7000-8000-000000000001.AAAAAAAAAAAAAAAA".to_owned(),
        client_id: "notes-app".to_owned(),
        scope: "notes:read notes:write profile".to_owned(),
        auth_time: Some(NOW),
        roles: vec!["writer".to_owned()],
    }
}

fn key() -> RsaKey {
    RsaKey::generate(2048).expect("a size that there is")
}

#[divan::bench]
fn narrow_a_scope(bencher: Bencher) {
    let narrowing = Narrowing {
        requested: Some(scope("notes:read notes:write profile openid")),
        client: scope("notes:read notes:write profile openid email offline_access"),
        api: scope("notes:read notes:write notes:admin"),
    };
    let roles = ["reader", "writer"]
        .map(|name| Role { name: name.parse().expect("a name"), scope: scope("notes:read notes:write") });
    bencher.bench(|| black_box(&narrowing).for_user(black_box(&roles)));
}

#[divan::bench]
fn parse_a_token_request(bencher: Bencher) {
    let token = RefreshToken::new([7; 32]).to_text();
    let body = format!("grant_type=refresh_token&client_id=notes-app&refresh_token={token}");
    bencher.bench(|| {
        let params = Params::parse(black_box(body.as_bytes())).expect("a form");
        RefreshToken::parse(params.find("refresh_token").expect("it is there")).expect("well-formed")
    });
}

#[divan::bench]
fn mint_an_access_token(bencher: Bencher) {
    let signer = Signer::new(KID, &key().private).expect("a key");
    let claims = claims();
    bencher.bench(|| signer.sign(Typ::AccessToken, black_box(&claims)));
}

#[divan::bench]
fn verify_an_access_token(bencher: Bencher) {
    let key = key();
    let token = Signer::new(KID, &key.private).expect("a key").sign(Typ::AccessToken, &claims());
    let public = DecodingKey::from_rsa_components(&key.n, &key.e).expect("a key");
    bencher.bench(|| {
        verify::access_token(black_box(&token), ISSUER, NOW, |kid| (kid == KID).then_some(&public))
            .expect("it was signed so")
    });
}

#[divan::bench]
fn render_a_jwks_of_three_keys(bencher: Bencher) {
    let keys = [key(), key(), key()];
    bencher.bench(|| jwks(black_box(&keys).iter().map(|key| Jwk::new(KID, &key.n, &key.e))));
}
