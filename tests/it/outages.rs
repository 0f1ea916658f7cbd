//! Three real servers on one PostgreSQL, under load, through one fault after the other (threats, faults we test):
//! what was acknowledged holds, and service returns by itself (R1 to R6, R9).

use std::sync::Arc;
use std::time::Duration;

use claviger::admin;
use claviger::model::AuthMethod;
use claviger::protocol::Secret;
use claviger::rotate;
use claviger::vault::Vault;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::database::is_postgres;
use crate::journal::{Count, Journal, verified};
use crate::postgres::Postgres;
use crate::process::{Api, Place, Process};
use crate::redis::Redis;
use crate::server::{API, PASSWORD, description};

/// How often PostgreSQL is restarted.
const RESTARTS: u32 = 20;

/// How long all nodes may take to answer refreshes again: the targets, and room for a busy machine.
const AFTER_A_RESTART: Duration = Duration::from_secs(3 * 5);
const AFTER_A_PROMOTION: Duration = Duration::from_secs(3 * 15);

/// How long a node that thaws may go on with the keys that it knew.
const AFTER_A_THAW: Duration = Duration::from_secs(10);

/// How many requests a busy machine leaves without an answer.
const FEW: usize = 20;

/// Every node.
const ALL: [usize; 3] = [0, 1, 2];

/// More than the clients ask.
const QUOTAS: &str = "account_per_minute = 1000000\nprefix_per_minute = 1000000\nwide_per_minute = 1000000\n\
                      client_per_minute = 1000000\n[log]\nlevel = \"off\"\n";

struct Nodes {
    places: Vec<Place>,
    processes: Vec<Option<Process>>,
    apis: Vec<Api>,
    /// By node, a refresh token that is presented there alone.
    probes: Vec<String>,
    journal: Arc<Journal>,
}

impl Nodes {
    async fn start(database: &Postgres, redis: &Redis) -> Self {
        let settings = redis.settings() + "\n" + QUOTAS;
        let first = Place::on(tempfile::tempdir().unwrap(), &database.both(), &settings);
        first.populate().await;
        let places = vec![first.another(), first.another(), first];
        let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
        let apis: Vec<_> = places.iter().map(|place| place.api(http.clone())).collect();
        let mut processes = Vec::new();
        let mut probes = Vec::new();
        for (place, api) in places.iter().zip(&apis) {
            processes.push(Some(place.start().await));
            until("it serves", async || api.get("/readyz").await.is_some_and(|(status, _)| status == 200))
                .await;
            probes.push(api.sign_in().await);
        }
        Self { journal: Arc::new(Journal::new(apis.clone())), places, processes, apis, probes }
    }

    /// Waits until each of `nodes` answers a refresh; how long that took since `began`.
    async fn are_back<const N: usize>(
        &mut self,
        nodes: [usize; N],
        began: Instant,
        within: Duration,
    ) -> Duration {
        let probes = self.apis.iter().zip(&mut self.probes).enumerate();
        let asked = probes.filter(|(node, _)| nodes.contains(node)).map(|(_, asked)| asked);
        let back = asked.map(|(api, probe)| async move {
            loop {
                match api.refresh(probe).await {
                    Some((200, body)) => return *probe = body["refresh_token"].as_str().unwrap().to_owned(),
                    Some((status, body)) if status != 503 => panic!("R2, R9: {status} {body}"),
                    _ => {}
                }
                assert!(began.elapsed() < within, "R6: {} has not come back", api.url);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        futures_util::future::join_all(back).await;
        began.elapsed()
    }

    /// Lets the load go on for a moment, then looks into the journal.
    async fn look(&self, load: &mut Load) {
        self.go_on(load).await;
        self.journal.look().await;
    }

    /// Waits until the load has gone on.
    async fn go_on(&self, load: &mut Load) {
        let before = self.journal.count(Count::Refreshes);
        for _ in 0..1500 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            if self.journal.count(Count::Refreshes) > before + 20 {
                return load.is_well();
            }
        }
        panic!("R6: the load did not go on");
    }

    /// Kills one node; the others go on.
    async fn kill_one(&mut self, load: &mut Load) {
        self.journal.take_unanswered();
        self.processes[0].take().unwrap().kill();
        self.go_on(load).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut unanswered = self.journal.take_unanswered();
        unanswered.retain(|(node, _)| *node != 0);
        assert!(unanswered.len() < FEW, "a node that died kept others from answering: {unanswered:#?}");
        let began = Instant::now();
        self.processes[0] = Some(self.places[0].start().await);
        let took = self.are_back(ALL, began, AFTER_A_RESTART).await;
        self.look(load).await;
        println!("one node killed: the others went on; started again, it served after {took:.1?}");
    }

    /// Freezes one node while the keys are rotated twice on another.
    async fn freeze_one(&mut self, vault: &Vault, load: &mut Load) {
        self.processes[1].as_ref().unwrap().freeze(true);
        let known = self.kids(0).await;
        for _ in 0..2 {
            assert_eq!(rotate::request(vault, 2048, true).await.unwrap(), Some(true));
        }
        for node in [0, 2] {
            until("the others know the new keys", async || self.kids(node).await.len() == known.len() + 2)
                .await;
        }
        // Somebody loses patience with the frozen node, and goes on at another.
        let form =
            [("grant_type", "refresh_token"), ("client_id", "web"), ("refresh_token", &*self.probes[2])];
        let stale = self.apis[1].http.post(format!("{}/token", self.apis[1].url)).form(&form);
        assert!(stale.timeout(Duration::from_millis(500)).send().await.is_err());
        for _ in 0..2 {
            self.are_back([2], Instant::now(), AFTER_A_RESTART).await;
        }

        // At once, before it can have looked at the keys: each of its tokens is good everywhere, or there is none.
        let began = Instant::now();
        self.processes[1].as_ref().unwrap().freeze(false);
        let mut tokens = Vec::new();
        while tokens.len() < 20 {
            match self.apis[1].refresh(&self.probes[1]).await {
                Some((200, body)) => {
                    self.probes[1] = body["refresh_token"].as_str().unwrap().to_owned();
                    tokens.push(body["access_token"].as_str().unwrap().to_owned());
                }
                Some((status, body)) if status != 503 => panic!("R2, R9: {status} {body}"),
                _ => {}
            }
        }
        for node in [0, 2] {
            let (_, jwks) = self.apis[node].get("/.well-known/jwks.json").await.unwrap();
            let jwks = serde_json::from_value(jwks).unwrap();
            for token in &tokens {
                verified(token, &jwks).unwrap_or_else(|cause| panic!("R4: node {node}: {cause}"));
            }
        }
        until("it publishes what the others do", async || self.kids(1).await == self.kids(0).await).await;
        let took = began.elapsed();
        assert!(took < AFTER_A_THAW, "{took:?}");
        // What it had been asked before does not count any more: nobody waits for the answer.
        self.are_back(ALL, began, AFTER_A_RESTART).await;
        self.look(load).await;
        println!(
            "one node frozen across two rotations: it published the new keys {took:.1?} after it thawed"
        );
    }

    async fn kids(&self, node: usize) -> Vec<String> {
        let (_, jwks) = self.apis[node].get("/.well-known/jwks.json").await.unwrap();
        let keys = jwks["keys"].as_array().unwrap();
        keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }
}

async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    for _ in 0..3000 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not come about that {what}");
}

/// The clients at work.
struct Load {
    sessions: JoinSet<(String, Option<String>)>,
    others: JoinSet<()>,
}

impl Load {
    async fn start(nodes: &Nodes) -> Self {
        let place = &nodes.places[0];
        let (vault, config) = (place.vault().await, place.config());
        let kiosk = admin::client::Description { ..description("kiosk") };
        admin::client::add(&vault, kiosk, None).await.unwrap();
        let machine = admin::client::Description {
            grants: ["client_credentials"].map(str::to_owned).into(),
            auth_method: AuthMethod::ClientSecretPost,
            first_party: false,
            apis: vec![API.parse().unwrap()],
            ..description("machine")
        };
        let (_, secret) = admin::client::add(&vault, machine, None).await.unwrap();
        let rounds = config.passwords.rounds;
        let rules = admin::user::PasswordRules { issuer: &config.issuer, rounds };
        let username = "bob".parse().unwrap();
        let bob = admin::user::Description { username, email: None, full_name: None, roles: Vec::new() };
        admin::user::add(&vault, rules, bob, Secret::new(PASSWORD.to_owned())).await.unwrap();

        let mut sessions = JoinSet::new();
        for number in 0..6 {
            let journal = nodes.journal.clone();
            sessions.spawn(async move { journal.session(number).await });
        }
        let mut others = JoinSet::new();
        let journal = nodes.journal.clone();
        others.spawn(async move { journal.visitor().await });
        let journal = nodes.journal.clone();
        others.spawn(async move { journal.machine(secret.unwrap().expose()).await });
        let journal = nodes.journal.clone();
        others.spawn(async move {
            let rules = admin::user::PasswordRules { issuer: &config.issuer, rounds };
            journal.operator(&vault, rules).await;
        });
        Self { sessions, others }
    }

    /// That nobody has gone home.
    fn is_well(&mut self) {
        assert!(self.sessions.try_join_next().is_none() && self.others.try_join_next().is_none());
    }

    async fn end(self) -> Vec<(String, Option<String>)> {
        self.others.join_all().await;
        self.sessions.join_all().await
    }
}

/// PostgreSQL is gone for a moment, twenty times.
async fn restart_the_database(database: &Postgres, nodes: &mut Nodes, load: &mut Load) {
    let mut times = Vec::new();
    for _ in 0..RESTARTS {
        database.restart();
        times.push(nodes.are_back(ALL, Instant::now(), AFTER_A_RESTART).await);
        nodes.look(load).await;
    }
    let longest = times.iter().max().unwrap();
    let mean = times.iter().sum::<Duration>() / RESTARTS;
    println!(
        "PostgreSQL restarted {RESTARTS} times: all nodes refresh {mean:.1?} after it is back, {longest:.1?} at most"
    );
}

/// The primary takes no writes for a moment; keys are published all the time.
async fn make_the_primary_read_only(database: &Postgres, nodes: &mut Nodes, load: &mut Load) {
    database.read_only(true).await;
    for api in &nodes.apis {
        until("it is not ready", async || api.get("/readyz").await.is_some_and(|(status, _)| status == 503))
            .await;
        assert_eq!(api.get("/.well-known/jwks.json").await.unwrap().0, 200);
    }
    database.read_only(false).await;
    let took = nodes.are_back(ALL, Instant::now(), AFTER_A_RESTART).await;
    nodes.look(load).await;
    println!("PostgreSQL made read-only: all nodes refresh {took:.1?} after it takes writes again");
}

/// The standby takes over; the old primary goes on and takes no writes.
async fn promote_away(database: &Postgres, nodes: &mut Nodes, load: &mut Load) {
    database.follow();
    nodes.look(load).await;
    database.read_only(true).await;
    let began = Instant::now();
    database.promote().await;
    let took = nodes.are_back(ALL, began, AFTER_A_PROMOTION).await;
    nodes.look(load).await;
    println!("PostgreSQL promoted away: all nodes refresh at the new primary after {took:.1?}");
}

/// Limits are counted in memory meanwhile.
async fn kill_redis(redis: &mut Redis, nodes: &Nodes, load: &mut Load) {
    let sign_ins = nodes.journal.count(Count::SignIns);
    nodes.journal.take_unanswered();
    redis.kill();
    nodes.look(load).await;
    until("people sign in", async || nodes.journal.count(Count::SignIns) > sign_ins + 5).await;
    redis.start_again().await;
    nodes.look(load).await;
    let unanswered = nodes.journal.take_unanswered();
    assert!(unanswered.len() < FEW, "Redis kept nodes from answering: {unanswered:#?}");
    println!("Redis killed and started again: people signed in meanwhile");
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_under_load_outlive_every_fault() {
    if !is_postgres() {
        return;
    }
    let database = Postgres::start("outages");
    let mut redis = Redis::start().await;
    let mut nodes = Nodes::start(&database, &redis).await;
    let mut load = Load::start(&nodes).await;
    nodes.look(&mut load).await;

    restart_the_database(&database, &mut nodes, &mut load).await;
    make_the_primary_read_only(&database, &mut nodes, &mut load).await;
    nodes.kill_one(&mut load).await;
    let vault = nodes.places[0].vault().await;
    nodes.freeze_one(&vault, &mut load).await;
    kill_redis(&mut redis, &nodes, &mut load).await;
    promote_away(&database, &mut nodes, &mut load).await;

    nodes.journal.end();
    let sessions = load.end().await;
    nodes.journal.look_at_sessions(&sessions).await;
    println!("{}", nodes.journal);
}
