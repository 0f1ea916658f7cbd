//! `claviger client set`.

use clap::Args;

use super::{Named, View, access_token_lifetime, code_lifetime, grant_types, line, word};
use crate::admin;
use crate::cli::{Desk, Error, Output};
use crate::config::Seconds;
use crate::model::{Client, ConsentPolicy, Pkce};
use crate::protocol::{ApiUri, LogoutUri, Origin, RedirectUri, Scope};

/// Stands below the help.
pub(super) const LISTS: &str = "\
What is not named stays. The values of an option replace those that it had; without a value it has none any more.
How a client authenticates, and by what names it knows its users (`--pairwise`), is fixed when it is added: add another.";

#[derive(Debug, Args)]
pub(in crate::cli) struct Set {
    #[command(flatten)]
    client: Named,

    /// Grant types that the client may use.
    #[arg(long = "grant", value_name = "GRANT", num_args = 1.., value_delimiter = ' ', value_parser = grant_types())]
    grants: Option<Vec<String>>,

    /// Scopes that the client may ask for.
    #[arg(long = "scope", value_name = "SCOPE", num_args = 1.., value_parser = word::<Scope>)]
    scopes: Option<Vec<Scope>>,

    /// The APIs that the client's tokens are for, the default first; without a value, the one that knows all the
    /// scopes.
    #[arg(long = "api", value_name = "URI", num_args = 0.., value_delimiter = ' ', value_parser = word::<ApiUri>)]
    apis: Option<Vec<ApiUri>>,

    /// What users know the client by; without a value, its id.
    #[arg(long, value_name = "TEXT", num_args = 0..=1, value_parser = line)]
    name: Option<Option<String>>,

    /// Where answers may be sent; compared byte by byte.
    #[arg(long = "redirect-uri", value_name = "URI", num_args = 0.., value_delimiter = ' ', value_parser = word::<RedirectUri>)]
    redirect_uris: Option<Vec<RedirectUri>>,

    /// Where a user may be sent after signing out.
    #[arg(long = "post-logout-redirect-uri", value_name = "URI", num_args = 0.., value_delimiter = ' ', value_parser = word::<RedirectUri>)]
    post_logout_redirect_uris: Option<Vec<RedirectUri>>,

    /// Web origins from which scripts may call the token endpoint.
    #[arg(long = "origin", value_name = "ORIGIN", num_args = 0.., value_delimiter = ' ', value_parser = word::<Origin>)]
    origins: Option<Vec<Origin>>,

    /// How long the client's access tokens are good; without a value, as long as others.
    #[arg(long, value_name = "TIME", num_args = 0..=1, value_parser = access_token_lifetime)]
    access_token_lifetime: Option<Option<Seconds>>,

    /// Let a confidential client leave out PKCE.
    #[arg(long)]
    pkce_optional: bool,

    /// Demand PKCE.
    #[arg(long, conflicts_with = "pkce_optional")]
    pkce_required: bool,

    /// Do not ask users what a first-party client may have.
    #[arg(long)]
    skip_consent: bool,

    /// Ask users what the client may have.
    #[arg(long, conflicts_with = "skip_consent")]
    ask_consent: bool,

    /// How long the client's authorization codes are good, from `10s` to `10m`; without a value, `1m`.
    #[arg(long, value_name = "TIME", num_args = 0..=1, value_parser = code_lifetime)]
    code_lifetime: Option<Option<Seconds>>,

    /// Where the client is told that a user signed out; without a value, it is not told.
    #[arg(long, value_name = "URI", num_args = 0..=1, value_parser = word::<LogoutUri>)]
    backchannel_logout_uri: Option<Option<LogoutUri>>,
}

impl Set {
    /// Changes the client.
    pub(super) async fn run(self, desk: &Desk, output: Output) -> Result<(), Error> {
        let id = self.client.id.clone();
        let client = admin::client::change(&desk.vault, &id, |client| self.alter(client)).await?;
        output.done(&format!("changed the client `{id}`"), &View::from(&client))
    }

    fn alter(self, client: &mut Client) {
        replace(&mut client.grants, self.grants);
        let scopes =
            self.scopes.map(|scopes| scopes.iter().fold(Scope::default(), |all, one| all.union(one)));
        replace(&mut client.scope, scopes);
        replace(&mut client.apis, self.apis);
        replace(&mut client.name, self.name);
        replace(&mut client.redirect_uris, self.redirect_uris);
        replace(&mut client.post_logout_redirect_uris, self.post_logout_redirect_uris);
        replace(&mut client.origins, self.origins);
        let seconds = |given: Option<Option<Seconds>>| given.map(|lifetime| lifetime.map(Seconds::get));
        replace(&mut client.access_token_lifetime, seconds(self.access_token_lifetime));
        replace(&mut client.backchannel_logout_uri, self.backchannel_logout_uri);

        let profile = &mut client.profile;
        replace(&mut profile.code_lifetime, seconds(self.code_lifetime));
        replace(&mut profile.pkce, self.pkce_optional.then_some(Pkce::Optional));
        replace(&mut profile.pkce, self.pkce_required.then_some(Pkce::Required));
        replace(&mut profile.consent, self.skip_consent.then_some(ConsentPolicy::Skip));
        replace(&mut profile.consent, self.ask_consent.then_some(ConsentPolicy::Ask));
    }
}

fn replace<T>(value: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *value = given;
    }
}
