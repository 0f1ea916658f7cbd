//! What the work itself costs on one core, without a server around it: the anchors that `scripts/bench` compares with.
//!
//! `hello PORT` serves until it is ended. The others work for so many seconds on one thread, and print how often they
//! did in each.
#![expect(clippy::disallowed_methods, reason = "a measurement reads the system's clock")]

use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use aws_lc_rs::pbkdf2::{PBKDF2_HMAC_SHA256, derive};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use pbkdf2::{Algorithm, Params, pbkdf2_hmac_with_params};
use tokio::net::TcpListener;
use warp::{Filter as _, Reply as _};

/// As long as what is signed of an access token with the usual claims.
const MESSAGE: &[u8] = &[b'x'; 512];

/// Rounds of PBKDF2, as for a password.
const ROUNDS: u32 = 600_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [work, number] = &arguments[..] else { panic!("the name of an anchor, and the seconds to work for") };
    if work == "hello" {
        return hello(number.parse().expect("a port"));
    }
    let seconds = Duration::from_secs_f64(number.parse().expect("seconds"));
    let rate = match work.as_str() {
        "signatures" => signatures(seconds),
        "verifications" => verifications(seconds),
        "pbkdf2" => hashes(seconds),
        "pbkdf2-aws-lc" => hashes_by_aws_lc(seconds),
        _ => panic!("`{work}` is none of the anchors"),
    };
    println!("{rate}");
}

/// How often `work` was done a second.
fn rate(seconds: Duration, mut work: impl FnMut()) -> f64 {
    let (began, mut done) = (Instant::now(), 0.0);
    loop {
        work();
        done += 1.0;
        let took = began.elapsed();
        if took >= seconds {
            return done / took.as_secs_f64();
        }
    }
}

fn key() -> KeyPair {
    KeyPair::generate(KeySize::Rsa2048).expect("there is chance")
}

/// Signatures by a key that is kept parsed.
fn signatures(seconds: Duration) -> f64 {
    let (key, random, mut signature) = (key(), SystemRandom::new(), [0; 256]);
    rate(seconds, || {
        key.sign(&RSA_PKCS1_SHA256, &random, MESSAGE, &mut signature).expect("a key signs");
        black_box(&signature);
    })
}

/// Verifications by a key that is kept parsed.
fn verifications(seconds: Duration) -> f64 {
    let (key, mut signature) = (key(), [0; 256]);
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), MESSAGE, &mut signature).expect("a key signs");
    let public = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key()).expect("it is a key");
    rate(seconds, || public.verify_sig(black_box(MESSAGE), &signature).expect("it was signed so"))
}

/// Hashes of passwords by the library that the server uses.
fn hashes(seconds: Duration) -> f64 {
    let (params, mut output) = (Params::new(ROUNDS).expect("enough rounds"), [0; 32]);
    rate(seconds, || {
        pbkdf2_hmac_with_params(b"password", &[7; 16], Algorithm::Pbkdf2Sha256, params, &mut output);
        black_box(&output);
    })
}

/// The same by the other one in reach.
fn hashes_by_aws_lc(seconds: Duration) -> f64 {
    let (rounds, mut output) = (NonZeroU32::new(ROUNDS).expect("some rounds"), [0; 32]);
    rate(seconds, || {
        derive(PBKDF2_HMAC_SHA256, rounds, &[7; 16], b"password", &mut output);
        black_box(&output);
    })
}

/// A bare handler of warp, on connections without Nagle's delay.
#[tokio::main]
async fn hello(port: u16) {
    let hello = warp::path!("hello").map(|| "hello".into_response());
    let hello = TowerToHyperService::new(warp::service(hello));
    let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
    while let Ok((socket, _)) = listener.accept().await {
        socket.set_nodelay(true).expect("a socket has the option");
        tokio::spawn(async move {
            let server = auto::Builder::new(TokioExecutor::new());
            let _ = server.serve_connection(TokioIo::new(socket), hello).await;
        });
    }
}
