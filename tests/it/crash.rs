//! SIGKILL in the middle of refreshes: R1, R2, R3 and R5 by a journal of acknowledged answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::database::is_postgres;
use crate::process::{Api, Place};

/// What one client was told, in order: every refresh token that was acknowledged.
struct Journal {
    tokens: Vec<String>,
    /// Whether the last one was handed in, and no answer came.
    is_open: bool,
    revoked: Vec<String>,
}

/// Refreshes until it is told to stop, or nobody answers.
async fn work(
    api: Arc<Api>,
    mut journal: Journal,
    stop: Arc<AtomicBool>,
    refreshes: Arc<AtomicU64>,
) -> Journal {
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
        let workers: Vec<_> = journals
            .drain(..)
            .map(|journal| tokio::spawn(work(api.clone(), journal, stop.clone(), refreshes.clone())))
            .collect();
        // A different moment in each cycle, the same in each run.
        tokio::time::sleep(Duration::from_millis(20 + cycle * 37 % 90)).await;
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
