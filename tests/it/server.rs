//! The server under test, and the actors who use it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use claviger::admin;
use claviger::app::App;
use claviger::clock::{Clock, Hand};
use claviger::config::Config;
use claviger::model::{AuthMethod, Profile, Role};
use claviger::protocol::Secret;
use claviger::service::Service;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::database::{Connection, Database};

/// When every test begins, in Unix seconds.
pub const START: i64 = 1_800_000_000;

/// The API that clients of tests ask for.
pub const API: &str = "https://api.example.com";

/// A password that the policy takes.
pub const PASSWORD: &str = "gravel-otter-plinth-umbra";

/// A server in this process, with a database of its own.
pub struct Server {
    /// Its handles.
    pub app: App,
    clock: Hand,
    /// Where it listens.
    pub address: SocketAddr,
    http: reqwest::Client,
    folder: Arc<TempDir>,
    database: Database,
    settings: String,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl Server {
    /// A server with the default configuration, an API with the scopes `items:read` and `items:write`, and a
    /// role for each.
    pub async fn start() -> Self {
        Self::start_with("").await
    }

    /// The same, with `settings` in its configuration; another issuer comes first.
    pub async fn start_with(settings: &str) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let database = Database::new(&folder.path().join("claviger.db"));
        Self::start_on(folder, database, settings).await
    }

    /// The same, on a database that is there.
    pub async fn start_on(folder: Arc<TempDir>, database: Database, settings: &str) -> Self {
        let server = Self::open(folder, database, settings.to_owned(), Clock::manual(START)).await;
        server.add_api().await;
        server
    }

    async fn open(
        folder: Arc<TempDir>,
        database: Database,
        settings: String,
        (clock, hand): (Clock, Hand),
    ) -> Self {
        let path = folder.path().display();
        let issuer = if settings.starts_with("issuer") { "" } else { "issuer = \"http://localhost:8080\"\n" };
        let text = format!(
            "{issuer}listen = [\"127.0.0.1:0\"]\n{settings}\n\
             [database]\nurl = \"{}\"\nstatement_timeout = \"5s\"\n[keys]\ndirectory = \"{path}/keys\"\n",
            database.url
        );
        let config: Config = text.parse().unwrap();
        let service = Service::open(config, clock).await.unwrap();
        let (app, address) = (service.app().clone(), service.addresses()[0]);
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(async move {
            service.run(async move { drop(stopped.await) }).await;
        });
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
        Self { app, clock: hand, address, http, folder, database, settings, stop, running }
    }

    /// A second server beside this one, on the same database, whose clock stands still.
    pub async fn another(&self) -> Self {
        let clock = Clock::manual(self.app.clock.now());
        Self::open(self.folder.clone(), self.database.clone(), self.settings.clone(), clock).await
    }

    /// Stops the server, and starts another on the same database, whose clock goes on.
    pub async fn restart(self) -> Self {
        let now = self.app.clock.now();
        let Self { app, folder, database, settings, stop, running, .. } = self;
        drop(app);
        stop.send(()).unwrap();
        running.await.unwrap();
        Self::open(folder, database, settings, Clock::manual(now)).await
    }

    /// A connection to the server's database beside its own.
    pub async fn database(&self) -> Connection {
        self.database.connect().await
    }

    /// Adds an API with the scopes of the first.
    pub async fn add_api_at(&self, uri: &str) {
        let scopes: BTreeMap<_, _> =
            ["items:read", "items:write"].map(|scope| (scope.parse().unwrap(), None)).into();
        admin::api::add(&self.app, uri.parse().unwrap(), scopes, None).await.unwrap();
    }

    async fn add_api(&self) {
        self.add_api_at(API).await;
        for (name, scope) in [("reader", "items:read"), ("writer", "items:read items:write")] {
            let role = Role { name: name.parse().unwrap(), scope: scope.parse().unwrap() };
            admin::role::add(&self.app, role).await.unwrap();
        }
    }

    /// Adds a public first-party client for the password and refresh grants.
    pub async fn client(&self, id: &str) -> Client<'_> {
        let (client, _) = admin::client::add(&self.app, description(id), None).await.unwrap();
        Client { server: self, id: client.id.to_string(), secret: None }
    }

    /// Adds a confidential client for every grant, which authenticates by HTTP Basic.
    pub async fn confidential(&self, id: &str) -> Client<'_> {
        self.client_with(admin::client::Description {
            grants: ["password", "refresh_token", "client_credentials"].map(str::to_owned).into(),
            auth_method: AuthMethod::ClientSecretBasic,
            ..description(id)
        })
        .await
    }

    /// Adds a client as described.
    pub async fn client_with(&self, description: admin::client::Description) -> Client<'_> {
        let (client, secret) = admin::client::add(&self.app, description, None).await.unwrap();
        Client {
            server: self,
            id: client.id.to_string(),
            secret: secret.map(|secret| secret.expose().clone()),
        }
    }

    /// Adds a user who may read and write.
    pub async fn user(&self, name: &str) -> User {
        self.user_with_roles(name, &["writer"]).await
    }

    /// Adds a user with these roles.
    pub async fn user_with_roles(&self, name: &str, roles: &[&str]) -> User {
        let description = admin::user::Description {
            username: name.parse().unwrap(),
            email: Some(format!("{name}@example.com")),
            full_name: Some(name.to_uppercase()),
            roles: roles.iter().map(|role| role.parse().unwrap()).collect(),
        };
        let config = self.app.config();
        let rules = admin::user::PasswordRules { issuer: &config.issuer, rounds: config.passwords.rounds };
        let user =
            admin::user::add(&self.app, rules, description, Secret::new(PASSWORD.to_owned())).await.unwrap();
        User { name: name.to_owned(), id: user.id.to_string() }
    }

    /// Gives and takes roles of `user`.
    pub async fn change_roles(&self, user: &User, add: &[&str], remove: &[&str]) {
        let names = |roles: &[&str]| roles.iter().map(|role| role.parse().unwrap()).collect::<Vec<_>>();
        let name = user.name.parse().unwrap();
        admin::user::change_roles(&self.app, &name, &names(add), &names(remove)).await.unwrap();
    }

    /// The claims of `user` that they or an operator set, by name.
    pub async fn claims(&self, user: &User) -> Value {
        let user = admin::user::find(&self.app, &user.name.parse().unwrap()).await.unwrap();
        let claims = claviger::model::CLAIMS.iter();
        claims.filter_map(|claim| Some((claim.name.to_owned(), user.claim(claim.name)?))).collect()
    }

    /// Sets the password of `user` to another.
    pub async fn set_password(&self, user: &User, password: &str) {
        let config = self.app.config();
        let rules = admin::user::PasswordRules { issuer: &config.issuer, rounds: config.passwords.rounds };
        let password = Secret::new(password.to_owned());
        admin::user::set_password(&self.app, rules, &user.name.parse().unwrap(), password).await.unwrap();
    }

    /// A request to `path`.
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method.parse().unwrap(), format!("http://{}{path}", self.address))
    }

    /// Reads `path`.
    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request("GET", path)).await
    }

    /// The profile of whom `token` acts for.
    pub async fn me(&self, token: &str) -> Answer {
        Answer::of(self.request("GET", "/users/me").bearer_auth(token)).await
    }

    /// The key ids of the JWKS.
    pub async fn kids(&self) -> Vec<String> {
        let jwks = self.get("/.well-known/jwks.json").await.body;
        jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }

    /// Lets time pass, and the server look at its keys once more.
    pub async fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.app.keys_changed.notify_one();
        let now = self.app.clock.now();
        self.until("the keys were looked at", async |server| {
            server.app.keys.current().confirmed().unix >= now
        })
        .await;
    }

    /// Waits until `condition` holds, for at most twenty seconds of the real world.
    pub async fn until(&self, what: &str, mut condition: impl AsyncFnMut(&Self) -> bool) {
        for _ in 0..2000 {
            if condition(self).await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it did not come about that {what}");
    }
}

/// A public first-party client, to be varied.
pub fn description(id: &str) -> admin::client::Description {
    admin::client::Description {
        id: id.parse().unwrap(),
        name: None,
        grants: ["password", "refresh_token"].map(str::to_owned).into(),
        scope: "items:read items:write profile".parse().unwrap(),
        apis: vec![API.parse().unwrap()],
        auth_method: AuthMethod::None,
        first_party: true,
        redirect_uris: Vec::new(),
        post_logout_redirect_uris: Vec::new(),
        origins: vec!["https://app.example.com".parse().unwrap()],
        access_token_lifetime: None,
        profile: Profile::default(),
        sector: None,
        backchannel_logout_uri: None,
    }
}

/// Somebody with a password.
pub struct User {
    /// The name.
    pub name: String,
    /// The `sub`.
    pub id: String,
}

/// An application that asks for tokens.
#[derive(Clone)]
pub struct Client<'s> {
    /// Where it asks.
    pub server: &'s Server,
    /// Its id.
    pub id: String,
    /// Its secret; a client that has one authenticates by HTTP Basic.
    pub secret: Option<String>,
}

impl<'s> Client<'s> {
    /// A client that was added before.
    pub fn known(server: &'s Server, id: &str, secret: Option<String>) -> Self {
        Self { server, id: id.to_owned(), secret }
    }

    /// Posts a form to `path`, as this client.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let request = self.server.request("POST", path);
        let mut form = form.to_vec();
        let request = match &self.secret {
            Some(secret) => request.basic_auth(&self.id, Some(secret)),
            None => {
                form.push(("client_id", &self.id));
                request
            }
        };
        Answer::of(request.form(&form)).await
    }

    /// Asks for a token by password.
    pub async fn try_password(&self, user: &User, password: &str, scope: &str) -> Answer {
        let form =
            [("grant_type", "password"), ("username", &user.name), ("password", password), ("scope", scope)];
        self.post("/token", &form).await
    }

    /// A token by password.
    pub async fn password(&self, user: &User, scope: &str) -> Answer {
        self.try_password(user, PASSWORD, scope).await.granted()
    }

    /// Asks for a token by the refresh token of `answer`.
    pub async fn try_refresh(&self, answer: &Answer) -> Answer {
        let token = answer.text("refresh_token");
        self.post("/token", &[("grant_type", "refresh_token"), ("refresh_token", &token)]).await
    }

    /// A token by the refresh token of `answer`.
    pub async fn refresh(&self, answer: &Answer) -> Answer {
        self.try_refresh(answer).await.granted()
    }

    /// What `token` means.
    pub async fn introspect(&self, token: &str) -> Value {
        self.post("/introspect", &[("token", token)]).await.body
    }
}

/// An answer, whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, by name.
    pub headers: BTreeMap<String, String>,
    /// The body as JSON, or null, without the reference of a refusal.
    pub body: Value,
    /// The `error_ref` of a refusal, which is never the same twice.
    pub reference: Option<String>,
}

impl Answer {
    /// Sends `request`.
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let headers = response.headers().iter();
        let headers =
            headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        let mut body = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null);
        let reference = body.as_object_mut().and_then(|body| body.remove("error_ref"));
        let reference = reference.map(|reference| reference.as_str().unwrap().to_owned());
        Self { status, headers, body, reference }
    }

    /// The same, which must be a success.
    #[track_caller]
    pub fn granted(self) -> Self {
        assert_eq!(self.status, 200, "{self:?}");
        self
    }

    /// A member of the body that is text.
    #[track_caller]
    pub fn text(&self, member: &str) -> String {
        self.body[member].as_str().unwrap_or_else(|| panic!("no `{member}` in {self:?}")).to_owned()
    }

    /// The access token.
    #[track_caller]
    pub fn access_token(&self) -> String {
        self.text("access_token")
    }

    /// What the access token says.
    #[track_caller]
    pub fn claims(&self) -> Value {
        part(&self.access_token(), 1)
    }

    /// The access token's header.
    #[track_caller]
    pub fn header(&self) -> Value {
        part(&self.access_token(), 0)
    }

    /// The `error` of a refusal.
    pub fn error(&self) -> &str {
        self.body["error"].as_str().unwrap_or_default()
    }

    /// What a client sees of the answer: status, the headers that matter, body.
    pub fn wire(&self) -> String {
        let reason = http::StatusCode::from_u16(self.status).unwrap();
        let mut text = format!("{reason}\n");
        for name in ["allow", "cache-control", "retry-after", "www-authenticate"] {
            if let Some(value) = self.headers.get(name) {
                text += &format!("{name}: {value}\n");
            }
        }
        if self.body.is_null() { text } else { text + &self.body.to_string() }
    }
}

/// A part of a compact JWS, decoded and not checked.
pub fn part(token: &str, index: usize) -> Value {
    use base64::Engine as _;
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}
