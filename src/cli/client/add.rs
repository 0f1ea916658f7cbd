//! `claviger client add`.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::{
    CREDENTIALS, Named, SecretInput, View, access_token_lifetime, code_lifetime, grant_types, line, word,
};
use crate::admin::{self, client::Description};
use crate::cli::{Desk, Error, Output};
use crate::config::Seconds;
use crate::model::{AuthMethod, ConsentPolicy, Pkce, Profile};
use crate::protocol::{ApiUri, LogoutUri, Origin, RedirectUri, Scope};

#[derive(Debug, Args)]
pub(in crate::cli) struct Add {
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
    #[arg(long, value_name = "TEXT", value_parser = line)]
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
    #[arg(long, value_name = "URI", value_parser = word::<LogoutUri>)]
    backchannel_logout_uri: Option<LogoutUri>,
}

impl Add {
    /// Adds the client.
    pub(super) async fn run(self, desk: &Desk, output: Output) -> Result<(), Error> {
        let auth_method = match (self.public, self.auth_method) {
            (true, None | Some(AuthMethod::None)) => AuthMethod::None,
            (true, Some(method)) => {
                let error = Error::new(format!("a public client cannot authenticate by `{method}`"));
                return Err(error.hint("leave out `--public` or `--auth-method`"));
            }
            (false, method) => method.unwrap_or(AuthMethod::ClientSecretBasic),
        };
        let given = self.secret.read()?;
        let was_given = given.is_some();
        let description = Description {
            id: self.client.id,
            grants: self.grants,
            scope: self.scopes.iter().fold(Scope::default(), |all, scope| all.union(scope)),
            apis: self.apis,
            auth_method,
            first_party: self.first_party,
            redirect_uris: self.redirect_uris,
            post_logout_redirect_uris: self.post_logout_redirect_uris,
            origins: self.origins,
            access_token_lifetime: self.access_token_lifetime.map(Seconds::get),
            name: self.name,
            profile: Profile {
                pkce: if self.pkce_optional { Pkce::Optional } else { Pkce::Required },
                consent: if self.skip_consent { ConsentPolicy::Skip } else { ConsentPolicy::Ask },
                code_lifetime: self.code_lifetime.map(Seconds::get),
                ..Profile::default()
            },
            sector: self.sector,
            backchannel_logout_uri: self.backchannel_logout_uri,
        };
        let (client, secret) = admin::client::add(&desk.vault, description, given).await?;
        match secret.filter(|_| !was_given) {
            None => output.done(&format!("added the client `{}`", client.id), &View::from(&client)),
            Some(made) => {
                output.show(CREDENTIALS, &View::from(&client).with_secret(made.expose()))?;
                output.note("the secret is not shown again");
                Ok(())
            }
        }
    }
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

fn auth_methods() -> impl TypedValueParser<Value = AuthMethod> {
    let names = PossibleValuesParser::new(AuthMethod::ALL.iter().map(|(name, _)| *name));
    names.map(|name| name.parse().expect("only names of methods are possible"))
}
