//! A hundred rotations on three nodes, before the eyes of third-party libraries that keep the JWKS as long as they
//! may (R4).
//!
//! Nodes and libraries go by clocks that this test moves, so a lead of ten minutes is over at once. The libraries are
//! told the time with each token, and which node a load balancer would send them to.

use std::collections::{HashSet, VecDeque};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use claviger::rotate;
use serde_json::json;

use crate::server::{API, Client, Server};

const ROTATIONS: usize = 100;

/// How far the clocks move at once. A JWKS is fetched at every third step, and so at another step of each rotation.
const STEP: Duration = Duration::from_secs(101);

/// A lead, and then some: after so many steps the next key signs everywhere.
const STEPS: usize = 7;

/// In how many steps a token is good: it lives ten minutes, by the clock of the node that issued it.
const LIFETIME: usize = 6;

/// How far a clock may be from the true time, on either side.
const SKEW: Duration = Duration::from_secs(40);

/// A library that keeps the JWKS, in a process of its own, killed when dropped.
struct Verifier {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Verifier {
    fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|error| {
            panic!("{command:?} cannot be run: {error}\nhint: run `scripts/install python` and `scripts/install node`")
        });
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, input, output }
    }

    fn pyjwt(root: &Path) -> Self {
        let python = root.join("target/venv/bin/python");
        Self::start(Command::new(python).arg("-B").arg(root.join("tests/clients/python/verifier.py")))
    }

    /// Beside `node_modules`, where Node looks for the packages that a file imports.
    fn jose(root: &Path) -> Self {
        let there = root.join("target/npm/verifier.mjs");
        std::fs::copy(root.join("tests/clients/node/verifier.mjs"), &there)
            .unwrap_or_else(|error| panic!("{error}\nhint: run `scripts/install node`"));
        Self::start(Command::new("node").arg(there))
    }

    /// What it says of `token` at the time `now`, when it is sent to `node` for the JWKS.
    fn judge(&mut self, now: i64, node: &Server, token: &str) -> String {
        let question = json!({
            "now": now,
            "jwks": format!("http://{}/.well-known/jwks.json", node.address),
            "issuer": node.app.issuer().as_str(),
            "audience": API,
            "token": token,
        });
        writeln!(self.input, "{question}").unwrap();
        let mut verdict = String::new();
        self.output.read_line(&mut verdict).unwrap();
        verdict.trim().to_owned()
    }
}

impl Drop for Verifier {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_rotations_fail_no_token_at_a_verifier_that_keeps_the_jwks() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut verifiers = [Verifier::pyjwt(root), Verifier::jose(root)];
    let one = Server::start().await;
    let secret = one.confidential("machine").await.secret;
    let (two, three) = (one.another().await, one.another().await);
    let nodes = [&one, &two, &three];
    let machines = nodes.map(|node| Client::known(node, "machine", secret.clone()));
    // The clocks are as far apart as they may be, the verifiers go by the one in the middle.
    one.advance(2 * SKEW).await;
    two.advance(SKEW).await;

    let (mut verdicts, mut failures, mut kids) = (0, Vec::new(), HashSet::new());
    // The tokens of each step that may still be alive, the newest last.
    let mut alive: VecDeque<[String; 3]> = VecDeque::new();
    for rotation in 0..ROTATIONS {
        let made = rotate::request(&nodes[rotation % 3].app, 2048, false).await.unwrap();
        assert_eq!(made, Some(true), "rotation {rotation}: the one before is not over");
        for step in 0..STEPS {
            for node in nodes {
                node.advance(STEP).await;
            }
            let answers = machines.each_ref().map(async |machine| {
                machine.post("/token", &[("grant_type", "client_credentials")]).await.granted()
            });
            let answers = futures_util::future::join_all(answers).await;
            kids.extend(answers.iter().map(|answer| answer.header()["kid"].to_string()));
            alive.push_back(std::array::from_fn(|node| answers[node].access_token()));
            if alive.len() > LIFETIME {
                alive.pop_front();
            }
            for (number, verifier) in verifiers.iter_mut().enumerate() {
                for token in alive.iter().flatten() {
                    let verdict = verifier.judge(two.app.clock.now(), nodes[(step + number) % 3], token);
                    verdicts += 1;
                    if verdict != "good" {
                        failures.push(format!("rotation {rotation}, step {step}: {verdict}"));
                    }
                }
            }
        }
    }
    println!(
        "{ROTATIONS} rotations on three nodes: {} keys signed; of {verdicts} verdicts by PyJWT and jose, which keep the \
         JWKS for five minutes, {} were failures",
        kids.len(),
        failures.len()
    );
    assert!(failures.is_empty(), "R4: {failures:#?}");
    assert!(kids.len() >= ROTATIONS, "{} keys signed", kids.len());
}
