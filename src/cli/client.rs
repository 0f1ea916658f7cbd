//! `claviger client`: which programs may ask for tokens, and for which.

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::secret_input::SecretInput;
use super::{Desk, Error, Output, access_token_lifetime, between, moment, word};
use crate::admin::{self, client::Description};
use crate::config::Seconds;
use crate::grant::GRANTS;
use crate::model::{AuthMethod, Client, ConsentPolicy, Pkce, Profile};
use crate::protocol::{ApiUri, ClientId, LogoutUri, Origin, RedirectUri, Scope};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add a client; a secret that is made for it is printed once.
    #[command(override_usage = "claviger client add <ID> --grant <GRANT>... --scope <SCOPE>... [OPTIONS]")]
    Add(Box<Add>),
    /// List all clients.
    List,
    /// Show a client.
    Show(Named),
    /// Give a client a new secret; the old one stays good for a while (`clients.secret_overlap`).
    RotateSecret(RotateSecret),
    /// Refuse a client everything, at once.
    Disable(Named),
    /// Let a disabled client ask for tokens again.
    Enable(Named),
    /// Remove a client for good, with all it was granted.
    Remove(Named),
}

/// A client, by its id.
#[derive(Debug, Args)]
pub(super) struct Named {
    /// The client's id.
    #[arg(value_parser = word::<ClientId>)]
    id: ClientId,
}

#[derive(Debug, Args)]
pub(super) struct Add {
    #[command(flatten)]
    client: Named,

    /// Grant types that the client may use.
    #[arg(long = "grant", value_name = "GRANT", required = true, num_args = 1.., value_delimiter = ' ', value_parser = grant_types())]
    grants: Vec<String>,

    /// Scopes that the client may ask for.
    #[arg(long = "scope", value_name = "SCOPE", required = true, num_args = 1.., value_parser = word::<Scope>)]
    scopes: Vec<Scope>,

    /// The API that the client's tokens are for; the first of several unless a request names one
    /// (`resource`). Without any: the one API that knows all the scopes.
    #[arg(long = "api", value_name = "URI", num_args = 1.., value_delimiter = ' ', value_parser = word::<ApiUri>)]
    apis: Vec<ApiUri>,

    /// A client that cannot keep a secret, such as an app: short for `--auth-method none`.
    #[arg(long, conflicts_with_all = ["secret_stdin", "secret_file"])]
    public: bool,

    /// What users know the client by, where they are asked what it may have; without it, its id.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,

    /// Our own client, which may be given users' passwords (`--grant password`).
    #[arg(long)]
    first_party: bool,

    /// How the client proves who it is: its secret in the `Authorization` header (which holds unless this or
    /// `--public` says otherwise) or in the form, or nothing.
    #[arg(long, value_name = "METHOD", value_parser = auth_methods())]
    auth_method: Option<AuthMethod>,

    #[command(flatten)]
    secret: SecretInput,

    /// Where answers may be sent; compared byte by byte.
    #[arg(long = "redirect-uri", value_name = "URI", num_args = 1.., value_delimiter = ' ', value_parser = word::<RedirectUri>)]
    redirect_uris: Vec<RedirectUri>,

    /// Where a user may be sent after signing out.
    #[arg(long = "post-logout-redirect-uri", value_name = "URI", num_args = 1.., value_delimiter = ' ', value_parser = word::<RedirectUri>)]
    post_logout_redirect_uris: Vec<RedirectUri>,

    /// Web origins from which scripts may call the token endpoint, such as `https://app.example.com`.
    #[arg(long = "origin", value_name = "ORIGIN", num_args = 1.., value_delimiter = ' ', value_parser = word::<Origin>)]
    origins: Vec<Origin>,

    /// How long the client's access tokens are good, such as `10m`.
    #[arg(long, value_name = "TIME", value_parser = access_token_lifetime)]
    access_token_lifetime: Option<Seconds>,

    /// Let a confidential client leave out PKCE, as older libraries and conformance plans do.
    #[arg(long, conflicts_with = "public")]
    pkce_optional: bool,

    /// Do not ask users what the client may have (`--first-party`).
    #[arg(long, requires = "first_party")]
    skip_consent: bool,

    /// How long the client's authorization codes are good, from `10s` to `10m`; without it, `1m`.
    #[arg(long, value_name = "TIME", value_parser = code_lifetime)]
    code_lifetime: Option<Seconds>,

    /// Tell the client other subjects (`sub`) than other clients are told, but the same as those of this sector,
    /// which is a host name such as `example.com`.
    #[arg(long = "pairwise", value_name = "SECTOR", value_parser = sector)]
    sector: Option<String>,

    /// Where the client is told that a user signed out (OpenID Connect Back-Channel Logout).
    #[arg(long, value_name = "URI", value_parser = word::<RedirectUri>)]
    backchannel_logout_uri: Option<LogoutUri>,
}

#[derive(Debug, Args)]
pub(super) struct RotateSecret {
    #[command(flatten)]
    client: Named,

    #[command(flatten)]
    secret: SecretInput,
}

fn code_lifetime(text: &str) -> Result<Seconds, String> {
    between(text, Seconds::new(10), Seconds::new(600))
}

/// A host name, as it stands in a URL.
fn sector(text: &str) -> Result<String, String> {
    let is_host = url::Host::parse(text).is_ok_and(|host| host.to_string() == text);
    if is_host {
        Ok(text.to_owned())
    } else {
        Err("write a host name in lower case, such as `example.com`".to_owned())
    }
}

fn grant_types() -> PossibleValuesParser {
    PossibleValuesParser::new(GRANTS.iter().map(|grant| grant.grant_type))
}

fn auth_methods() -> impl clap::builder::TypedValueParser<Value = AuthMethod> {
    let names = PossibleValuesParser::new(AuthMethod::ALL.iter().map(|(name, _)| *name));
    names.map(|name| name.parse().expect("only names of methods are possible"))
}

/// A client as commands show it, by the names of RFC 7591 §2 where it has them.
#[derive(Serialize)]
struct View<'a> {
    client_id: &'a ClientId,
    client_name: Option<&'a str>,
    /// Only where it was just made: never given back.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
    token_endpoint_auth_method: AuthMethod,
    first_party: bool,
    grant_types: &'a [String],
    scope: &'a Scope,
    apis: &'a [ApiUri],
    redirect_uris: &'a [RedirectUri],
    post_logout_redirect_uris: &'a [RedirectUri],
    origins: &'a [Origin],
    access_token_lifetime: Option<i64>,
    pkce: Pkce,
    consent: ConsentPolicy,
    code_lifetime: Option<i64>,
    pairwise_sector: Option<&'a str>,
    backchannel_logout_uri: Option<&'a LogoutUri>,
    created_at: String,
    disabled_at: Option<String>,
}

const FIELDS: &[&str] = &[
    "client_id",
    "client_name",
    "token_endpoint_auth_method",
    "first_party",
    "grant_types",
    "scope",
    "apis",
    "redirect_uris",
    "post_logout_redirect_uris",
    "origins",
    "access_token_lifetime",
    "pkce",
    "consent",
    "code_lifetime",
    "pairwise_sector",
    "backchannel_logout_uri",
    "created_at",
    "disabled_at",
];

const COLUMNS: &[&str] =
    &["client_id", "token_endpoint_auth_method", "first_party", "grant_types", "scope", "disabled_at"];

/// How a secret that was made is shown, once.
const CREDENTIALS: &[&str] = &["client_id", "client_secret"];

impl<'a> From<&'a Client> for View<'a> {
    fn from(client: &'a Client) -> Self {
        Self {
            client_id: &client.id,
            client_name: client.name.as_deref(),
            client_secret: None,
            token_endpoint_auth_method: client.auth_method,
            first_party: client.first_party,
            grant_types: &client.grants,
            scope: &client.scope,
            apis: &client.apis,
            redirect_uris: &client.redirect_uris,
            post_logout_redirect_uris: &client.post_logout_redirect_uris,
            origins: &client.origins,
            access_token_lifetime: client.access_token_lifetime,
            pkce: client.profile.pkce,
            consent: client.profile.consent,
            code_lifetime: client.profile.code_lifetime,
            pairwise_sector: client.sector.as_deref(),
            backchannel_logout_uri: client.backchannel_logout_uri.as_ref(),
            created_at: moment(client.created_at),
            disabled_at: client.disabled_at.map(moment),
        }
    }
}

impl Command {
    pub(super) async fn run(self, desk: &Desk, output: Output) -> Result<(), Error> {
        let vault = &desk.vault;
        match self {
            Self::Add(arguments) => add(*arguments, desk, output).await,
            Self::List => {
                let clients = vault.store.clients().await?;
                output.list(COLUMNS, &clients.iter().map(View::from).collect::<Vec<_>>())
            }
            Self::Show(Named { id }) => {
                output.show(FIELDS, &View::from(&admin::client::find(vault, &id).await?))
            }
            Self::RotateSecret(arguments) => rotate_secret(arguments, desk, output).await,
            Self::Disable(Named { id }) => {
                let client = admin::client::disable(vault, &id).await?;
                output.done(&format!("disabled the client `{id}`"), &View::from(&client))
            }
            Self::Enable(Named { id }) => {
                let client = admin::client::enable(vault, &id).await?;
                output.done(&format!("enabled the client `{id}`"), &View::from(&client))
            }
            Self::Remove(Named { id }) => {
                admin::client::remove(vault, &id).await?;
                output.removed("client", "client_id", id.as_str())
            }
        }
    }
}

async fn add(arguments: Add, desk: &Desk, output: Output) -> Result<(), Error> {
    let auth_method = match (arguments.public, arguments.auth_method) {
        (true, None | Some(AuthMethod::None)) => AuthMethod::None,
        (true, Some(method)) => {
            let error = Error::new(format!("a public client cannot authenticate by `{method}`"));
            return Err(error.hint("leave out `--public` or `--auth-method`"));
        }
        (false, method) => method.unwrap_or(AuthMethod::ClientSecretBasic),
    };
    let given = arguments.secret.read()?;
    let was_given = given.is_some();
    let description = Description {
        id: arguments.client.id,
        grants: arguments.grants,
        scope: arguments.scopes.iter().fold(Scope::default(), |all, scope| all.union(scope)),
        apis: arguments.apis,
        auth_method,
        first_party: arguments.first_party,
        redirect_uris: arguments.redirect_uris,
        post_logout_redirect_uris: arguments.post_logout_redirect_uris,
        origins: arguments.origins,
        access_token_lifetime: arguments.access_token_lifetime.map(Seconds::get),
        name: arguments.name,
        profile: Profile {
            pkce: if arguments.pkce_optional { Pkce::Optional } else { Pkce::Required },
            consent: if arguments.skip_consent { ConsentPolicy::Skip } else { ConsentPolicy::Ask },
            code_lifetime: arguments.code_lifetime.map(Seconds::get),
            ..Profile::default()
        },
        sector: arguments.sector,
        backchannel_logout_uri: arguments.backchannel_logout_uri,
    };
    let (client, secret) = admin::client::add(&desk.vault, description, given).await?;
    match secret.filter(|_| !was_given) {
        None => output.done(&format!("added the client `{}`", client.id), &View::from(&client)),
        Some(made) => {
            output.show(CREDENTIALS, &View { client_secret: Some(made.expose()), ..View::from(&client) })?;
            output.note("the secret is not shown again");
            Ok(())
        }
    }
}

async fn rotate_secret(arguments: RotateSecret, desk: &Desk, output: Output) -> Result<(), Error> {
    let Desk { vault, config } = desk;
    let id = arguments.client.id;
    let given = arguments.secret.read()?;
    let was_given = given.is_some();
    let overlap = config.clients.secret_overlap;
    let secret = admin::client::rotate_secret(vault, &id, given, overlap.get()).await?;
    let client = admin::client::find(vault, &id).await?;
    if was_given {
        output.done(&format!("the client `{id}` has a new secret"), &View::from(&client))?;
    } else {
        output.show(CREDENTIALS, &View { client_secret: Some(secret.expose()), ..View::from(&client) })?;
        output.note("the secret is not shown again");
    }
    output.note(&format!("the secret before it stays good for {overlap} (`clients.secret_overlap`)"));
    Ok(())
}
