//! An API that checks tokens by code of its own, with a switch for each way in which it can be careless.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claviger::clock::Clock;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use rsa::pkcs8::{EncodePublicKey as _, LineEnding};
use rsa::{BigUint, RsaPublicKey};
use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::http::{HeaderMap, Response};

use crate::server::{API, Answer, Server};

/// Serves on a loopback port for as long as the test runs; the URL of `items` there.
pub async fn serve<R: warp::Reply + 'static>(routes: BoxedFilter<(R,)>) -> String {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(warp::serve(routes).incoming(listener).run());
    format!("http://{address}/items")
}

/// The API, which is careless in one way, named as what it lets in or does wrong; careful if that is no such name.
#[derive(Clone)]
pub struct Careless {
    lax: &'static str,
    issuer: String,
    /// The JWKS as it was served.
    jwks: String,
    clock: Clock,
    /// The id of a key that it knew once.
    gone: String,
    /// Where, and as whom, it asks about tokens.
    asks: Option<(SocketAddr, String, String)>,
    /// The tokens that it saw.
    pub seen: Arc<Mutex<Vec<String>>>,
}

/// Why a request is refused.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refusal {
    NoToken,
    Invalid,
    Scope,
}

impl Careless {
    /// An API of `server` that knows its keys.
    pub async fn new(server: &Server, lax: &'static str, gone: &str) -> Self {
        let jwks = server.request("GET", "/.well-known/jwks.json").send().await.unwrap();
        let (issuer, clock) = (server.app.issuer().as_str(), server.app.clock.clone());
        Self::knowing(issuer, &jwks.text().await.unwrap(), clock, lax, gone)
    }

    /// An API that knows these keys.
    pub fn knowing(issuer: &str, jwks: &str, clock: Clock, lax: &'static str, gone: &str) -> Self {
        let (issuer, jwks, gone) = (issuer.to_owned(), jwks.to_owned(), gone.to_owned());
        Self { lax, issuer, jwks, clock, gone, asks: None, seen: Arc::default() }
    }

    /// The same, which asks the server at `address` about each token.
    pub fn asking(self, address: SocketAddr, id: &str, secret: &str) -> Self {
        Self { asks: Some((address, id.to_owned(), secret.to_owned())), ..self }
    }

    /// Serves it.
    pub async fn serve(self) -> String {
        let query = warp::query::raw().or(warp::any().map(String::new)).unify();
        let answer = warp::path!("items").and(warp::header::headers_cloned()).and(query);
        let routes = answer.then(move |headers: HeaderMap, query: String| {
            let api = self.clone();
            async move { api.answer(&headers, &query).await }
        });
        serve(routes.boxed()).await
    }

    fn is_lax(&self, name: &str) -> bool {
        self.lax == name
    }

    async fn answer(&self, headers: &HeaderMap, query: &str) -> Response<String> {
        let header =
            headers.get("authorization").and_then(|value| value.to_str().unwrap().strip_prefix("Bearer "));
        let in_query = query.strip_prefix("access_token=");
        self.seen.lock().unwrap().extend(header.or(in_query).map(str::to_owned));
        let Err(refusal) = self.admit(header.or(in_query.filter(|_| self.is_lax("in-query")))).await else {
            return Response::builder().status(200).body(String::new()).unwrap();
        };
        let (status, challenge) = match refusal {
            Refusal::NoToken if self.is_lax("error-without-token") => {
                (401, "Bearer error=\"invalid_request\"")
            }
            Refusal::NoToken => (401, "Bearer"),
            Refusal::Scope => match self.lax {
                "insufficient-scope" => (403, "Bearer error=\"denied\", scope=\"items:read\""),
                "no-scope" => (403, "Bearer error=\"insufficient_scope\", scope=\"items:reader\""),
                _ => (403, "Bearer error=\"insufficient_scope\", scope=\"other items:read\""),
            },
            Refusal::Invalid => match self.lax {
                "no-challenge" => (401, ""),
                "other-challenge" => (401, "Basic realm=\"items\""),
                "malformed-challenge" => (401, "Bearer error=\"invalid_token"),
                "status" => (403, "Bearer error=\"invalid_token\""),
                "invalid-token" => (401, "Bearer realm=\"items\""),
                "breaks" => (500, ""),
                "no-answer" => (429, ""),
                _ => (401, "Bearer realm=\"items\", error=\"invalid_token\""),
            },
        };
        let response = Response::builder().status(status);
        let response =
            if challenge.is_empty() { response } else { response.header("www-authenticate", challenge) };
        response.body(String::new()).unwrap()
    }

    async fn admit(&self, token: Option<&str>) -> Result<(), Refusal> {
        let Some(token) = token else {
            return if self.is_lax("no-token") { Ok(()) } else { Err(Refusal::NoToken) };
        };
        if self.is_lax("good") {
            return Err(Refusal::Invalid);
        }
        if self.is_lax("refresh-token") && token.starts_with("cvr_") {
            return Ok(());
        }
        let ([header, claims, signature], message) = (parts(token)?, token.rsplit_once('.').unwrap().0);
        let (header, text) = (object(header)?, decoded(claims)?);
        if self.is_lax("empty") && header.is_empty() {
            return Ok(());
        }
        if !self.is_signed(&header, message, signature).await {
            return Err(Refusal::Invalid);
        }
        self.judge(&header, &text)?;
        match self.is_active(token).await {
            true => Ok(()),
            false => Err(Refusal::Invalid),
        }
    }

    async fn is_active(&self, token: &str) -> bool {
        let Some((address, id, secret)) = &self.asks else { return true };
        let request = reqwest::Client::new().post(format!("http://{address}/introspect"));
        Answer::of(request.basic_auth(id, Some(secret)).form(&[("token", token)])).await.body["active"]
            == true
    }

    /// What the token says.
    fn judge(&self, header: &Map<String, Value>, text: &str) -> Result<(), Refusal> {
        let mut claims: Map<String, Value> = serde_json::from_str(text).map_err(|_| Refusal::Invalid)?;
        for claim in ["exp", "aud"].into_iter().filter(|claim| self.lax == format!("doubled-{claim}")) {
            claims.insert(claim.to_owned(), first(text, claim));
        }
        let say = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
        let number = |name: &str| claims.get(name).and_then(Value::as_i64);
        if self.is_lax("id-token") && header["typ"] == "JWT" && claims.contains_key("nonce") {
            return Ok(());
        }
        let now = self.clock.now();
        let is_good = [
            header["typ"] == "at+jwt" || self.is_lax("wrong-typ"),
            self.is_right("issuer", say("iss"), &self.issuer),
            self.is_right("audience", say("aud"), API),
            number("exp").is_some_and(|exp| exp > now) || self.is_lax("expired"),
            number("nbf").is_none_or(|nbf| nbf <= now) || self.is_lax("not-yet-valid"),
        ];
        if is_good.contains(&false) {
            return Err(Refusal::Invalid);
        }
        let is_in_scope = say("scope").split(' ').any(|word| word == "items:read")
            || (self.is_lax("similar-scope") && say("scope").contains("items:read"))
            || self.is_lax("missing-scope");
        if is_in_scope { Ok(()) } else { Err(Refusal::Scope) }
    }

    /// Whether a claim is what it must be: or begins so, or is anything at all.
    fn is_right(&self, claim: &str, said: &str, right: &str) -> bool {
        said == right
            || (self.lax == format!("similar-{claim}") && said.starts_with(right))
            || self.lax == format!("other-{claim}")
    }

    async fn is_signed(&self, header: &Map<String, Value>, message: &str, signature: &str) -> bool {
        let say = |name: &str| header.get(name).and_then(Value::as_str).unwrap_or_default();
        let keys: Value = serde_json::from_str(&self.jwks).unwrap();
        let known = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == say("kid"));
        let verify =
            |key: &DecodingKey, alg| crypto::verify(signature, message.as_bytes(), key, alg).unwrap_or(false);
        match say("alg") {
            "HS256" => {
                let secret = self.secret(say("kid")).await;
                secret.is_some_and(|secret| verify(&DecodingKey::from_secret(&secret), Algorithm::HS256))
            }
            "RS256" => match (known, header.get("jwk")) {
                (_, Some(jwk)) if self.is_lax("embedded-jwk") => verify(&key(jwk), Algorithm::RS256),
                (Some(_), _) if self.is_lax("other-key") && !signature.is_empty() => true,
                (Some(_), _) if self.is_lax("no-signature") && signature.is_empty() => true,
                (Some(known), _) => verify(&key(known), Algorithm::RS256),
                (None, _) => {
                    self.is_lax("unknown-kid") || (self.is_lax("retired-key") && say("kid") == self.gone)
                }
            },
            none => self.lax == format!("alg-{none}"),
        }
    }

    /// The secret by which an HMAC would be right.
    async fn secret(&self, kid: &str) -> Option<Vec<u8>> {
        match self.lax {
            "hs256-pem" => Some(pem(&self.jwks).into_bytes()),
            "hs256-jwk" => Some(first_jwk(&self.jwks).to_owned().into_bytes()),
            "kid-path" => std::fs::read(format!("{}/keys/{kid}", env!("CARGO_MANIFEST_DIR"))).ok(),
            "kid-sql" => {
                let mut database = SqliteConnection::connect("sqlite::memory:").await.unwrap();
                sqlx::raw_sql("CREATE TABLE keys (kid TEXT, secret TEXT)")
                    .execute(&mut database)
                    .await
                    .unwrap();
                let sql = AssertSqlSafe(format!("SELECT secret FROM keys WHERE kid = '{kid}'"));
                let found = sqlx::query_scalar::<_, String>(sql).fetch_optional(&mut database).await;
                found.ok().flatten().map(String::into_bytes)
            }
            _ => None,
        }
    }
}

fn parts(token: &str) -> Result<[&str; 3], Refusal> {
    token.split('.').collect::<Vec<_>>().try_into().map_err(|_| Refusal::Invalid)
}

fn decoded(part: &str) -> Result<String, Refusal> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::Invalid)?;
    String::from_utf8(bytes).map_err(|_| Refusal::Invalid)
}

fn object(part: &str) -> Result<Map<String, Value>, Refusal> {
    serde_json::from_str(&decoded(part)?).map_err(|_| Refusal::Invalid)
}

/// The value of a claim where it stands first.
fn first(text: &str, claim: &str) -> Value {
    let name = format!("\"{claim}\":");
    let Some((_, rest)) = text.split_once(&name) else { return json!(null) };
    serde_json::Deserializer::from_str(rest).into_iter().next().unwrap().unwrap()
}

fn key(jwk: &Value) -> DecodingKey {
    DecodingKey::from_rsa_components(jwk["n"].as_str().unwrap(), jwk["e"].as_str().unwrap()).unwrap()
}

/// The first key of a JWKS, as it stands there.
fn first_jwk(jwks: &str) -> &str {
    let begin = jwks.rfind('{').unwrap();
    &jwks[begin..=begin + jwks[begin..].find('}').unwrap()]
}

/// The key of a JWKS in PEM, by another library than ours.
fn pem(jwks: &str) -> String {
    let jwk: Value = serde_json::from_str(first_jwk(jwks)).unwrap();
    let number =
        |name: &str| BigUint::from_bytes_be(&URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap());
    RsaPublicKey::new(number("n"), number("e")).unwrap().to_public_key_pem(LineEnding::LF).unwrap()
}
