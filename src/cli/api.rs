//! `claviger api`: for whom tokens are, and which scopes there are.

mod code;

use std::collections::BTreeMap;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Desk, Error, Output, access_token_lifetime, line, moment, word};
use crate::admin;
use crate::config::Seconds;
use crate::metadata::ResourceMetadata;
use crate::model::{Api, Stack};
use crate::protocol::{ApiUri, ScopeToken};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add an API with its scopes.
    #[command(override_usage = "claviger api add <URI> --scope <NAME[=DESCRIPTION]>... [OPTIONS]")]
    Add(Add),
    /// List all APIs.
    List,
    /// Show an API, or what an API's developer needs of it.
    Show(Show),
    /// Mark an API as one for tests, or take the mark away.
    Set(Set),
    /// Remove an API and its scopes.
    Remove(Named),
}

/// An API, by its URI.
#[derive(Debug, Args)]
pub(super) struct Named {
    /// The API's URI: the audience of its tokens.
    #[arg(value_parser = word::<ApiUri>)]
    uri: ApiUri,
}

#[derive(Debug, Args)]
pub(super) struct Add {
    #[command(flatten)]
    api: Named,

    /// Scopes of the API, such as `orders:read` or `"orders:read=See your orders"`.
    #[arg(long = "scope", value_name = "NAME[=DESCRIPTION]", required = true, num_args = 1.., value_parser = described)]
    scopes: Vec<Described>,

    /// How long the API's access tokens are good, such as `10m`.
    #[arg(long, value_name = "TIME", value_parser = access_token_lifetime)]
    access_token_lifetime: Option<Seconds>,

    /// Its data is made for tests: `claviger check-api` may make bad tokens for it.
    #[arg(long)]
    test: bool,
}

#[derive(Debug, Args)]
pub(super) struct Set {
    #[command(flatten)]
    api: Named,

    #[command(flatten)]
    mark: Mark,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Mark {
    /// Its data is made for tests: `claviger check-api` may make bad tokens for it.
    #[arg(long)]
    test: bool,

    /// It is for tests no more.
    #[arg(long)]
    no_test: bool,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(flatten)]
    api: Named,

    /// Print code that checks the API's tokens.
    #[arg(long, group = "as", value_name = "STACK", value_parser = stacks())]
    stack: Option<Stack>,

    /// Print the `securitySchemes` of its OpenAPI description.
    #[arg(long, group = "as")]
    openapi: bool,

    /// Print its metadata as a protected resource, as the server does.
    #[arg(long, group = "as")]
    metadata: bool,
}

fn stacks() -> impl TypedValueParser<Value = Stack> {
    let names = PossibleValuesParser::new(Stack::ALL.iter().map(|(name, _)| *name));
    names.map(|name| name.parse().expect("only names of stacks are possible"))
}

/// Scopes and what people are told about them.
#[derive(Clone, Debug)]
struct Described(Vec<(ScopeToken, Option<String>)>);

/// One scope with its description, or scopes separated by spaces.
fn described(text: &str) -> Result<Described, String> {
    let scopes = match text.split_once('=') {
        Some((scope, description)) => vec![(word(scope)?, Some(line(description)?))],
        None => text.split(' ').map(|scope| Ok((word(scope)?, None))).collect::<Result<_, String>>()?,
    };
    Ok(Described(scopes))
}

/// Every scope with its one description.
fn once_each(
    described: impl Iterator<Item = (ScopeToken, Option<String>)>,
) -> Result<BTreeMap<ScopeToken, Option<String>>, Error> {
    let mut scopes = BTreeMap::new();
    for (scope, description) in described {
        let before = scopes.insert(scope.clone(), description.clone());
        if before.is_some_and(|before| before != description) {
            return Err(Error::new(format!("the scope `{scope}` has two descriptions")).hint("give it one"));
        }
    }
    Ok(scopes)
}

/// An API as commands show it.
#[derive(Serialize)]
struct View<'a> {
    uri: &'a ApiUri,
    scopes: BTreeMap<&'a str, Option<&'a str>>,
    access_token_lifetime: Option<i64>,
    /// Whether it is marked as one for tests.
    test: bool,
    created_at: String,
}

impl<'a> From<&'a Api> for View<'a> {
    fn from(api: &'a Api) -> Self {
        let scopes = api.scopes.iter();
        Self {
            uri: &api.uri,
            scopes: scopes.map(|(scope, description)| (scope.as_str(), description.as_deref())).collect(),
            access_token_lifetime: api.access_token_lifetime,
            test: api.test_since.is_some(),
            created_at: moment(api.created_at),
        }
    }
}

impl Show {
    async fn run(self, desk: &Desk, output: Output) -> Result<(), Error> {
        let (vault, issuer) = (&desk.vault, &desk.config.issuer);
        let api = admin::api::find(vault, &self.api.uri).await?;
        if let Some(stack) = self.stack {
            output.text("code", &code::code(stack, issuer, &api))
        } else if self.openapi {
            output.document(&admin::api::components(vault, issuer, &api).await?)
        } else if self.metadata {
            output.document(&ResourceMetadata::of_api(issuer, &api))
        } else {
            output.show(&["uri", "scopes", "access_token_lifetime", "test", "created_at"], &View::from(&api))
        }
    }
}

impl Command {
    pub(super) async fn run(self, desk: &Desk, output: Output) -> Result<(), Error> {
        let vault = &desk.vault;
        match self {
            Self::Add(Add { api: Named { uri }, scopes, access_token_lifetime, test }) => {
                let scopes = once_each(scopes.into_iter().flat_map(|Described(scopes)| scopes))?;
                let lifetime = access_token_lifetime.map(Seconds::get);
                let mut api = admin::api::add(vault, uri, scopes, lifetime).await?;
                if test {
                    api = admin::api::set_test(vault, &api.uri, true).await?;
                }
                output.done(&format!("added the API `{}`", api.uri), &View::from(&api))
            }
            Self::List => {
                let apis = vault.store.apis().await?;
                output.list(&["uri", "scopes", "test"], &apis.iter().map(View::from).collect::<Vec<_>>())
            }
            Self::Show(show) => show.run(desk, output).await,
            Self::Set(Set { api: Named { uri }, mark }) => {
                let api = admin::api::set_test(vault, &uri, mark.test).await?;
                let kind = if mark.test { "for tests" } else { "not for tests" };
                output.done(&format!("the API `{}` is {kind}", api.uri), &View::from(&api))
            }
            Self::Remove(Named { uri }) => {
                admin::api::remove(vault, &uri).await?;
                output.removed("API", "uri", uri.as_str())
            }
        }
    }
}
