//! SIGKILL in the middle of refreshes and redemptions: R1, R2, R3 and R5 by a journal of acknowledged answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use claviger::admin;
use claviger::model::{AuthMethod, Authorization, ConsentPolicy, FamilyId, Profile};
use claviger::protocol::AuthorizationCode;
use claviger::vault::Vault;
use futures_util::StreamExt as _;
use tokio::sync::Semaphore;

use crate::code_flow::{REDIRECT_URI, VERIFIER, code_request, relying_party, sign_in};
use crate::database::is_postgres;
use crate::process::{Api, Place};

/// What one client was told, in order: every refresh token that was acknowledged.
struct Journal {
    tokens: Vec<String>,
    /// Whether the last one was handed in, and no answer came.
    is_open: bool,
    revoked: Vec<String>,
}

/// Refreshes until it is told to stop, or nobody answers; tells `answered` of its first answer.
async fn work(
    api: Arc<Api>,
    mut journal: Journal,
    stop: Arc<AtomicBool>,
    answered: Arc<Semaphore>,
    refreshes: Arc<AtomicU64>,
) -> Journal {
    let mut is_first = true;
    while !stop.load(Ordering::Relaxed) {
        let token = journal.tokens.last().unwrap().clone();
        journal.is_open = true;
        let Some((status, body)) = api.refresh(&token).await else { break };
        if status == 503 {
            continue;
        }
        assert_eq!(status, 200, "R2: an acknowledged token was lost: {body}");
        journal.tokens.push(body["refresh_token"].as_str().unwrap().to_owned());
        journal.is_open = false;
        refreshes.fetch_add(1, Ordering::Relaxed);
        if std::mem::take(&mut is_first) {
            answered.add_permits(1);
        }
    }
    journal
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_kills_lose_nothing_and_nothing_is_accepted_twice() {
    let cycles: u64 = std::env::var("TEST_KILLS").map_or(100, |cycles| cycles.parse().unwrap());
    let place = Place::new("[limits]\nlogin = \"off\"\n[log]\nlevel = \"error\"\n");
    place.populate().await;
    let http = reqwest::Client::builder()
        .timeout(Duration::from_secs(10))
        .pool_max_idle_per_host(0)
        .build()
        .unwrap();
    let api = Arc::new(place.api(http));
    let mut process = place.start().await;
    let mut journals = Vec::new();
    for _ in 0..8 {
        journals.push(Journal { tokens: vec![api.sign_in().await], is_open: false, revoked: Vec::new() });
    }

    let refreshes = Arc::new(AtomicU64::new(0));
    for cycle in 0..cycles {
        let stop = Arc::new(AtomicBool::new(false));
        let (answered, clients) = (Arc::new(Semaphore::new(0)), u32::try_from(journals.len()).unwrap());
        let workers: Vec<_> = journals
            .drain(..)
            .map(|journal| work(api.clone(), journal, stop.clone(), answered.clone(), refreshes.clone()))
            .map(tokio::spawn)
            .collect();
        // Whoever's answer was lost gets it now, before the time for that is over, also on a busy machine.
        let _ = tokio::time::timeout(Duration::from_secs(10), answered.acquire_many(clients)).await;
        // A different moment in each cycle, the same in each run.
        tokio::time::sleep(Duration::from_millis(cycle * 37 % 90)).await;
        process.kill();
        stop.store(true, Ordering::Relaxed);
        for worker in workers {
            journals.push(worker.await.unwrap());
        }
        process = place.start().await;

        // R5: what was revoked before the last kill stays so, and one more is revoked before the next.
        let index = usize::try_from(cycle).unwrap() % journals.len();
        for token in journals.iter().flat_map(|journal| journal.revoked.last()) {
            assert_eq!(api.refresh(token).await.unwrap().0, 400, "R5: a revocation was lost");
        }
        if cycle % 10 == 9 {
            let last = journals[index].tokens.last().unwrap().clone();
            assert_eq!(api.post("/revoke", &[("token", &last), ("client_id", "web")]).await.unwrap().0, 200);
            let revoked = vec![last];
            journals[index] = Journal { tokens: vec![api.sign_in().await], is_open: false, revoked };
        }
    }

    let refreshes = refreshes.load(Ordering::Relaxed);
    assert!(refreshes > cycles, "the server was killed before it did anything: {refreshes} refreshes");
    for journal in &journals {
        // R1, R3: whatever was acknowledged, only the last is good, and the successor of an open one is one.
        let last = journal.tokens.last().unwrap();
        let (status, body) = api.refresh(last).await.unwrap();
        assert_eq!(status, 200, "R2: {body} (open: {})", journal.is_open);
        if let [.., used, _] = &journal.tokens[..] {
            assert_eq!(api.refresh(used).await.unwrap().0, 400, "R1: a used token was accepted");
            assert_eq!(api.refresh(last).await.unwrap().0, 400, "its family is over");
        }
    }
    println!("{cycles} kills, {refreshes} acknowledged refreshes, none lost, none accepted twice");
}

/// A session of alice, and `count` codes in it that outlive the test, kept beside the server.
async fn codes(vault: &Vault, count: usize) -> Vec<String> {
    let session = sign_in(vault, "alice", None).await;
    let request = code_request("openid profile");
    let now = vault.clock.now();
    let mut codes = Vec::new();
    for _ in 0..count {
        let code = AuthorizationCode::new(vault.random.bytes());
        let authorization = Authorization {
            client_id: "app".parse().unwrap(),
            client_generation: 0,
            user_id: session.user().id,
            user_generation: session.user().generation,
            session_id: session.id(),
            family_id: FamilyId(vault.random.id(now)),
            redirect_uri: request.redirect_uri.clone(),
            code_challenge: request.code_challenge.clone(),
            nonce: request.nonce.clone(),
            api: request.target.uri.clone(),
            scope: request.scope.clone(),
            claims: None,
            expires_at: now + 3600,
        };
        let digest = vault.hashes.authorization_code.text(code.secret());
        assert!(vault.store.add_code(digest, authorization, now).await.unwrap());
        codes.push(code.to_text());
    }
    codes
}

/// R1, R2: between redemption and answer. A code whose answer was lost may have been redeemed or not, and it is
/// redeemed once in all; what was acknowledged is good until its code comes back.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_redemption_and_answer_leaves_no_code_good_twice() {
    let cycles: u64 = std::env::var("TEST_KILLS").map_or(100, |cycles| cycles.parse().unwrap());
    let place = Place::new("[limits]\nlogin = \"off\"\n[log]\nlevel = \"error\"\n");
    place.populate().await;
    let vault = place.vault().await;
    let public = admin::client::Description {
        auth_method: AuthMethod::None,
        grants: ["authorization_code", "refresh_token"].map(str::to_owned).into(),
        profile: Profile { consent: ConsentPolicy::Skip, ..Profile::default() },
        ..relying_party("app")
    };
    admin::client::add(&vault, public, None).await.unwrap();
    let http = reqwest::Client::builder()
        .timeout(Duration::from_secs(10))
        .pool_max_idle_per_host(0)
        .build()
        .unwrap();
    let api = Api { http, url: format!("http://{}", place.address) };
    let redeem = async |code: &str| {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
            ("client_id", "app"),
        ];
        api.post("/token", &form).await
    };
    let refresh = async |token: &str| {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "app")];
        api.post("/token", &form).await.unwrap()
    };

    let (mut acknowledged, mut lost, mut redeemed) = (0, 0, 0);
    for cycle in 0..cycles.div_ceil(10) {
        let codes = codes(&vault, 32).await;
        let process = place.start().await;
        let answered = AtomicU64::new(0);
        // A different moment in each cycle, while eight are under way.
        let killing = async {
            while answered.load(Ordering::Relaxed) < 1 + cycle * 7 % 30 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            process.kill();
        };
        let redeeming = futures_util::stream::iter(&codes).map(async |code| {
            let answer = redeem(code).await;
            answered.fetch_add(1, Ordering::Relaxed);
            answer
        });
        let redeeming = redeeming.buffered(8).collect::<Vec<_>>();
        let (answers, ()) = tokio::join!(redeeming, killing);

        let process = place.start().await;
        for (code, answer) in codes.iter().zip(answers) {
            let Some((status, body)) = answer else {
                lost += 1;
                let (again, _) = redeem(code).await.unwrap();
                assert!([200, 400].contains(&again), "{again}");
                redeemed += u64::from(again == 400);
                assert_eq!(redeem(code).await.unwrap().0, 400, "R1: a code was redeemed twice");
                continue;
            };
            assert_eq!(status, 200, "{body}");
            acknowledged += 1;
            let (status, body) = refresh(body["refresh_token"].as_str().unwrap()).await;
            assert_eq!(status, 200, "R2: an acknowledged token was lost: {body}");
            assert_eq!(redeem(code).await.unwrap().0, 400, "R1: a code was redeemed twice");
            let (status, _) = refresh(body["refresh_token"].as_str().unwrap()).await;
            assert_eq!(status, 400, "what a code gave is over when the code comes back");
        }
        process.kill();
    }
    assert!(acknowledged > 0 && lost > 0, "{acknowledged} acknowledged, {lost} lost");
    println!("{acknowledged} codes acknowledged, {lost} answers lost, of which {redeemed} had been redeemed");
}

/// R2, R6, R9: no room for the database (here: no file of the server may grow), and then room again.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_a_503_and_service_returns_with_room() {
    if is_postgres() {
        return; // Its disk is not the server's.
    }
    let place = Place::new("[limits]\nlogin = \"off\"\n[log]\nlevel = \"error\"\n");
    place.populate().await;
    // The limit stays liftable; the signal that goes with it would end the process, a full disk does not.
    let process = place.start_by("trap '' XFSZ; ulimit -S -f 600").await;
    let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
    let api = place.api(http);

    let mut token = api.sign_in().await;
    let mut refreshes = 0;
    let refused = loop {
        match api.refresh(&token).await.unwrap() {
            (200, body) => token = body["refresh_token"].as_str().unwrap().to_owned(),
            refused => break refused,
        }
        refreshes += 1;
        assert!(refreshes < 5_000, "the disk did not fill");
    };
    assert_eq!(
        (refused.0, &refused.1["error"]),
        (503, &"temporarily_unavailable".into()),
        "after {refreshes} refreshes"
    );
    for path in ["/.well-known/jwks.json", "/healthz"] {
        assert_eq!(api.http.get(format!("{}{path}", api.url)).send().await.unwrap().status(), 200, "{path}");
    }

    let pid = process.0.id().to_string();
    let lifted =
        std::process::Command::new("prlimit").args(["--fsize=unlimited", "--pid", &pid]).status().unwrap();
    assert!(lifted.success());
    assert_eq!(api.refresh(&token).await.unwrap().0, 200, "an acknowledged token is as good as before");
    assert_eq!(api.http.get(format!("{}/readyz", api.url)).send().await.unwrap().status().as_u16(), 200);
}
