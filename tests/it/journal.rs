//! Clients of several nodes, and a journal of what they were told: whatever was acknowledged must hold (threats,
//! R1 to R5), on whichever node they ask next. What was not acknowledged may have happened, and is asked again.

use std::collections::HashSet;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use claviger::admin;
use claviger::protocol::Secret;
use claviger::vault::Vault;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;
use tokio::time::Instant;

use crate::process::Api;
use crate::server::PASSWORD;

/// A lost answer can be fetched for thirty seconds; whoever asks later than this does not complain.
const WINDOW: Duration = Duration::from_secs(25);

/// How long a client rests between two requests.
const REST: Duration = Duration::from_millis(10);

/// How many of the tokens that ended are presented again at each look.
const LOOK: usize = 30;

/// What the clients were told.
pub struct Journal {
    nodes: Vec<Api>,
    is_over: AtomicBool,
    /// Access tokens that were not looked at yet.
    access: Mutex<Vec<String>>,
    /// Refresh tokens that nobody may renew any more, and whose they were.
    ended: Mutex<Vec<(&'static str, String)>>,
    violations: Mutex<Vec<String>>,
    counts: [AtomicU64; KINDS],
    /// Which node, and what for.
    unanswered: Mutex<Vec<(usize, String)>>,
}

/// What is counted.
#[derive(Clone, Copy)]
pub enum Count {
    SignIns,
    Refreshes,
    Races,
    Reuses,
    Machines,
    Ended,
    Verified,
    Unanswered,
    Late,
}

const KINDS: usize = Count::Late as usize + 1;

/// An answer.
enum Told {
    /// 200.
    Granted(Value),
    /// 400, or 401 to a client that was disabled.
    Refused(Value),
    /// None, or 503: it may have happened, or not.
    Unknown,
}

impl Journal {
    pub fn new(nodes: Vec<Api>) -> Self {
        Self {
            nodes,
            unanswered: Mutex::default(),
            is_over: AtomicBool::new(false),
            access: Mutex::default(),
            ended: Mutex::default(),
            violations: Mutex::default(),
            counts: Default::default(),
        }
    }

    /// Lets the clients go home.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    pub fn count(&self, count: Count) -> u64 {
        self.counts[count as usize].load(Ordering::Relaxed)
    }

    /// What had no answer, or 503, at which node; and is forgotten now.
    pub fn take_unanswered(&self) -> Vec<(usize, String)> {
        std::mem::take(&mut self.unanswered.lock().unwrap())
    }

    fn counted(&self, count: Count) {
        self.counts[count as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn violation(&self, text: impl Into<String>) {
        self.violations.lock().unwrap().push(text.into());
    }

    fn ended(&self, client: &'static str, tokens: [&str; 2]) {
        self.counted(Count::Ended);
        self.ended.lock().unwrap().extend(tokens.map(|token| (client, token.to_owned())));
    }

    async fn ask(&self, node: usize, path: &str, form: &[(&str, &str)]) -> Told {
        let node = node % self.nodes.len();
        match self.nodes[node].post(path, form).await {
            Some((200, body)) => {
                if let Some(token) = body["access_token"].as_str() {
                    self.access.lock().unwrap().push(token.to_owned());
                }
                Told::Granted(body)
            }
            Some((400 | 401, body)) => Told::Refused(body),
            other => {
                if let Some((status, body)) = other.as_ref().filter(|(status, _)| *status != 503) {
                    self.violation(format!("R9: {status} {body}"));
                }
                self.counted(Count::Unanswered);
                let grant = form.first().map_or("", |(_, value)| value);
                self.unanswered.lock().unwrap().push((node, format!("{path} {grant}: {other:?}")));
                Told::Unknown
            }
        }
    }

    async fn refresh(&self, node: usize, client: &str, token: &str) -> Told {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", client)];
        self.ask(node, "/token", &form).await
    }

    /// Signs in, again until it is granted.
    pub async fn sign_in(&self, mut node: usize, client: &str, user: &str, password: &str) -> String {
        let form = [
            ("grant_type", "password"),
            ("username", user),
            ("password", password),
            ("scope", "profile"),
            ("client_id", client),
        ];
        loop {
            match self.ask(node, "/token", &form).await {
                Told::Granted(body) => {
                    self.counted(Count::SignIns);
                    return refresh_token(&body);
                }
                Told::Refused(body) => self.violation(format!("the right password was refused: {body}")),
                Told::Unknown => {}
            }
            node += 1;
            tokio::time::sleep(5 * REST).await;
        }
    }

    /// Renews `token` at `at_once` nodes at once, from `node` on, again until one grants it; `None` when no answer
    /// came for so long that the token may be over.
    pub async fn renew(&self, mut node: usize, at_once: usize, token: &str) -> Option<String> {
        let began = Instant::now();
        loop {
            let uses = (0..at_once).map(|next| self.refresh(node + next, "web", token));
            let mut successors = HashSet::new();
            for told in futures_util::future::join_all(uses).await {
                match told {
                    Told::Granted(body) => drop(successors.insert(refresh_token(&body))),
                    Told::Refused(body) if began.elapsed() < WINDOW => {
                        self.violation(format!("R2: an acknowledged token is not known: {body}"));
                        return None;
                    }
                    Told::Refused(_) => {
                        self.counted(Count::Late);
                        return None;
                    }
                    Told::Unknown => {}
                }
            }
            if successors.len() > 1 {
                self.violation(format!("R3: {} successors of one token", successors.len()));
            }
            if let Some(successor) = successors.into_iter().next() {
                self.counted(if at_once > 1 { Count::Races } else { Count::Refreshes });
                return Some(successor);
            }
            node += 1;
            tokio::time::sleep(5 * REST).await;
        }
    }

    /// Presents a token that must not be renewed, at `node`; whether that answered.
    async fn present_ended(&self, law: &str, node: usize, token: &str) -> bool {
        match self.refresh(node, "web", token).await {
            Told::Granted(_) => self.violation(law),
            Told::Refused(_) => return true,
            Told::Unknown => {}
        }
        false
    }

    /// A session that is renewed all the time, now and then at two nodes at once; now and then a thief presents a
    /// token that was used, which ends it, and a new one begins. Gives the last token it was told, and the one before.
    pub async fn session(&self, number: usize) -> (String, Option<String>) {
        let mut token = self.sign_in(number, "web", "alice", PASSWORD).await;
        let mut used: Vec<String> = Vec::new();
        for turn in number.. {
            if self.is_over.load(Ordering::Relaxed) {
                break;
            }
            let renewed = self.renew(turn, if turn % 8 == 0 { 2 } else { 1 }, &token).await;
            let is_new = renewed.is_none();
            let next = match renewed {
                Some(next) => next,
                None => self.sign_in(turn, "web", "alice", PASSWORD).await,
            };
            used.push(std::mem::replace(&mut token, next));
            if is_new {
                used.clear();
            }
            if let [.., stolen, _] = &used[..]
                && turn % 40 == 39
            {
                self.counted(Count::Reuses);
                if self.present_ended("R1: a used token was accepted", turn, stolen).await {
                    self.ended("web", [stolen, &token]);
                }
                token = self.sign_in(turn, "web", "alice", PASSWORD).await;
                used.clear();
            }
            tokio::time::sleep(REST).await;
        }
        (token, used.pop())
    }

    /// Sessions that are begun, renewed once, and revoked.
    pub async fn visitor(&self) {
        for turn in 0.. {
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            let first = self.sign_in(turn, "web", "alice", PASSWORD).await;
            let second = self.renew(turn + 1, 1, &first).await.unwrap_or_else(|| first.clone());
            let revoke = [("token", &*second), ("client_id", "web")];
            while !matches!(self.ask(turn + 2, "/revoke", &revoke).await, Told::Granted(_)) {
                tokio::time::sleep(5 * REST).await;
            }
            self.ended("web", [&first, &second]);
            for node in 0..self.nodes.len() {
                self.present_ended("R5: renewed after its revocation", node, &second).await;
            }
            tokio::time::sleep(30 * REST).await;
        }
    }

    /// An operator who ends what `bob` was granted, while `bob` renews it.
    pub async fn operator(&self, vault: &Vault, rules: admin::user::PasswordRules<'_>) {
        let (bob, web) = ("bob".parse().unwrap(), "kiosk".parse().unwrap());
        let mut password = PASSWORD.to_owned();
        for turn in 0.. {
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            let token = self.sign_in(turn, "kiosk", "bob", &password).await;
            let other = format!("{PASSWORD}-{turn}");
            let ending = async {
                // Until it is acknowledged.
                while match turn % 3 {
                    0 => admin::user::disable(vault, &bob).await.is_err(),
                    1 => admin::client::disable(vault, &web).await.is_err(),
                    _ => {
                        let other = Secret::new(other.clone());
                        admin::user::set_password(vault, rules, &bob, other).await.is_err()
                    }
                } {
                    tokio::time::sleep(5 * REST).await;
                }
            };
            let (meanwhile, ()) = tokio::join!(self.refresh(turn, "kiosk", &token), ending);
            let mut last = token.clone();
            if let Told::Granted(body) = meanwhile {
                last = refresh_token(&body);
            }
            for node in 0..self.nodes.len() {
                if let Told::Granted(_) = self.refresh(node, "kiosk", &last).await {
                    self.violation(format!("R5: renewed after it had ended (turn {turn})"));
                }
            }
            match turn % 3 {
                0 => while admin::user::enable(vault, &bob).await.is_err() {},
                1 => while admin::client::enable(vault, &web).await.is_err() {},
                _ => password = other,
            }
            self.ended("kiosk", [&token, &last]);
            tokio::time::sleep(30 * REST).await;
        }
    }

    /// A machine that asks for tokens of its own.
    pub async fn machine(&self, secret: &str) {
        let form =
            [("grant_type", "client_credentials"), ("client_id", "machine"), ("client_secret", secret)];
        for turn in 0.. {
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            match self.ask(turn, "/token", &form).await {
                Told::Granted(_) => self.counted(Count::Machines),
                Told::Refused(body) => self.violation(format!("the machine was refused: {body}")),
                Told::Unknown => {}
            }
            tokio::time::sleep(3 * REST).await;
        }
    }

    /// Looks whether what was told holds, when all nodes answer.
    pub async fn look(&self) {
        let access = std::mem::take(&mut *self.access.lock().unwrap());
        for api in &self.nodes {
            let (_, jwks) = api.get("/.well-known/jwks.json").await.unwrap();
            let jwks: JwkSet = serde_json::from_value(jwks).unwrap();
            for token in &access {
                self.counted(Count::Verified);
                if let Err(cause) = verified(token, &jwks) {
                    self.violation(format!("R4: {} refuses a token: {cause}", api.url));
                }
            }
        }
        let ended: Vec<_> = self.ended.lock().unwrap().iter().rev().take(LOOK).cloned().collect();
        for (node, (client, token)) in ended.iter().enumerate() {
            if let Told::Granted(_) = self.refresh(node, client, token).await {
                self.violation(format!("R5: what had ended was renewed after a fault, by `{client}`"));
            }
        }
        let violations = self.violations.lock().unwrap();
        assert!(violations.is_empty(), "{violations:#?}");
    }

    /// The last look, at what the sessions were told last: it is known, and what was used is not accepted again.
    pub async fn look_at_sessions(&self, sessions: &[(String, Option<String>)]) {
        for (node, (token, used)) in sessions.iter().enumerate() {
            if self.renew(node, 1, token).await.is_some()
                && let Some(used) = used
            {
                self.present_ended("R1: a used token was accepted at the end", node, used).await;
            }
        }
        self.look().await;
    }
}

impl fmt::Display for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |count| self.count(count);
        write!(
            f,
            "{} sign-ins, {} refreshes, {} raced at two nodes, {} used tokens presented again, {} client tokens,\n\
             {} sessions ended by revocation, reuse, disabling or password; {} times a JWKS verified a token;\n\
             {} requests without an answer or with 503, {} answers that came too late to be fetched",
            of(Count::SignIns),
            of(Count::Refreshes),
            of(Count::Races),
            of(Count::Reuses),
            of(Count::Machines),
            of(Count::Ended),
            of(Count::Verified),
            of(Count::Unanswered),
            of(Count::Late),
        )
    }
}

fn refresh_token(body: &Value) -> String {
    body["refresh_token"].as_str().unwrap().to_owned()
}

/// Whether `token` is good by `jwks`, as an API checks it.
pub fn verified(token: &str, jwks: &JwkSet) -> Result<(), String> {
    let header = jsonwebtoken::decode_header(token).map_err(|error| error.to_string())?;
    let kid = header.kid.unwrap_or_default();
    let key = jwks.find(&kid).ok_or_else(|| format!("it does not publish the key `{kid}`"))?;
    let key = DecodingKey::from_jwk(key).map_err(|error| error.to_string())?;
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_aud = false;
    let checked = jsonwebtoken::decode::<Value>(token, &key, &validation);
    checked.map(|_| ()).map_err(|error| error.to_string())
}
