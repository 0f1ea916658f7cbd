//! What tokens for a check are made with: a client of its own, the server's key, and a key that nobody knows.
//!
//! The power to sign anything is handed out here, for an API that is marked for tests ([`TestApi`]) and to nobody else.
//! Each token is issued first as it should be, by the one way there is, to a client that lives as long as the check; what is
//! bad is made from that. Each is in the audit trail before it is sent. A check that is killed leaves its client behind, whose
//! secret nobody was told.

use std::net::{IpAddr, Ipv4Addr};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use tokio::task::spawn_blocking;

use super::draft::{Draft, Sent};
use super::forge::Key;
use super::tokens::Kind;
use crate::admin;
use crate::app::App;
use crate::fault::Fault;
use crate::grant::{self, TokenRequest};
use crate::issue;
use crate::keys::record;
use crate::keys::schedule;
use crate::model::{AuthMethod, Client, Event, Profile};
use crate::protocol::{BoxError, ClientId, Error, Params, ScopeToken};
use crate::revoke;
use crate::store::{LiveClient, TestApi};

/// How long a token for a check is good, in seconds.
const LIFETIME: i64 = 60;

/// The grant by which the client of a check comes to its tokens.
const GRANT: &str = "client_credentials";

pub(super) struct Bench<'a> {
    app: &'a App,
    api: TestApi,
    scope: &'a ScopeToken,
    client: Client,
    key: Key,
    stranger: Key,
    retired_kid: String,
}

impl<'a> Bench<'a> {
    /// Makes what a check needs.
    pub(super) async fn set_up(app: &'a App, api: TestApi, scope: &'a ScopeToken) -> Result<Self, Fault> {
        let keys = app.store.signing_keys().await?;
        let active = schedule::active(&keys).ok_or_else(|| {
            Fault::new("no key signs yet", "start the server, which makes one: `claviger serve`")
        })?;
        let key = record::open(active, &app.seal).map_err(unusable)?;
        let stranger = spawn_blocking(Key::generate).await.map_err(unusable)?;
        // Of a key that was purged nothing is left, not even its id.
        let gone = keys.iter().find(|key| !key.is_published()).map(|key| key.kid.clone());
        Ok(Self {
            app,
            scope,
            key: Key::new(&key).map_err(unusable)?,
            stranger: stranger.map_err(|_| unusable("no key can be made"))?,
            retired_kid: gone.unwrap_or_else(|| app.random.text::<32>()),
            client: add_client(app, &api, scope).await?,
            api,
        })
    }

    /// Takes the client away, and with it whatever an API that asks about tokens would still take.
    pub(super) async fn clear_away(self) -> Result<(), Fault> {
        admin::client::remove(self.app, &self.client.id).await
    }

    /// A good token, and what a bad one is made from.
    pub(super) async fn draft(&self) -> Result<Draft<'_>, Fault> {
        let good = self.issue().await.map_err(|error| {
            let cause = error.cause().map(|cause| format!(": {cause}")).unwrap_or_default();
            Fault::new(format!("no token can be issued: {error}{cause}"), "see the log of the server")
        })?;
        let part = |index| part(&good, index).ok_or_else(|| unusable("a token that was just issued"));
        let (header, claims) = (part(0)?, part(1)?);
        let random = &self.app.random;
        Ok(Draft {
            good,
            header,
            claims,
            key: &self.key,
            stranger: &self.stranger,
            retired_kid: &self.retired_kid,
            scope: self.scope,
            dead_secret: random.bytes(),
            nonce: random.text::<16>(),
        })
    }

    /// Tells the audit trail that a token leaves.
    pub(super) async fn note(&self, kind: &Kind, sent: &Sent) -> Result<(), Fault> {
        let (Sent::InHeader(token) | Sent::InQuery(token)) = sent else { return Ok(()) };
        let claims = part(token, 1).unwrap_or_default();
        let jti = claims.get("jti").and_then(Value::as_str).map(|jti| format!(", jti {jti}"));
        let detail = format!("{}, for {}{}", kind.name, self.api.uri, jti.unwrap_or_default());
        let entry = self.app.audit(Event::TestTokenMinted).client(&self.client.id).detail(detail);
        Ok(self.app.store.audit(entry).await?)
    }

    /// Revokes a token, as its client would.
    pub(super) async fn revoke(&self, token: &str) -> Result<(), Fault> {
        revoke::revoke(self.app, &self.client, token).await.map_err(unusable)
    }

    async fn issue(&self) -> Result<String, Error> {
        let (app, id) = (self.app, &self.client.id);
        let client: Option<LiveClient> = app.store.live_client(id).await?;
        let client = client.ok_or_else(|| Error::invalid_client("the client of the check was taken away"))?;
        let request =
            [("grant_type", GRANT), ("resource", self.api.uri.as_str()), ("scope", self.scope.as_str())];
        let request = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(request).finish();
        let params = Params::parse(request.as_bytes())?;
        let address = IpAddr::from(Ipv4Addr::LOCALHOST);
        let granted = grant::decide(TokenRequest { app, client, params, address }).await?;
        Ok(issue::issue(app, granted)?.into_access_token())
    }
}

async fn add_client(app: &App, api: &TestApi, scope: &ScopeToken) -> Result<Client, Fault> {
    let id = format!("check-api-{}", app.random.text::<9>());
    let description = admin::client::Description {
        id: id.parse::<ClientId>().map_err(unusable)?,
        name: None,
        grants: vec![GRANT.to_owned()],
        scope: scope.clone().into(),
        apis: vec![api.uri.clone()],
        auth_method: AuthMethod::ClientSecretBasic,
        first_party: false,
        redirect_uris: Vec::new(),
        post_logout_redirect_uris: Vec::new(),
        origins: Vec::new(),
        access_token_lifetime: Some(LIFETIME),
        profile: Profile::default(),
        sector: None,
        backchannel_logout_uri: None,
    };
    // Nobody is told its secret.
    let (client, _) = admin::client::add(app, description, None).await?;
    Ok(client)
}

/// A part of a token, not checked.
fn part(token: &str, index: usize) -> Option<Map<String, Value>> {
    let part = token.split('.').nth(index)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

fn unusable(cause: impl Into<BoxError>) -> Fault {
    let cause: BoxError = cause.into();
    Fault::new(format!("the check cannot begin: {cause}"), "see the log of the server")
}
