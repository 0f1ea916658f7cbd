//! `claviger explain`: a token in plain words.

use std::fmt::Write as _;

use clap::Args;
use serde_json::{Value, json};

use super::output::table;
use super::{Desk, Error, Output, secret_input, word};
use crate::admin;
use crate::explain::{self, Explanation, Question};
use crate::protocol::{ApiUri, Scope, Secret};
use crate::telemetry::printable;

/// Tokens are secrets, and every user of this machine can read the arguments of a command while it runs.
#[derive(Debug, Args)]
#[command(
    after_help = "Prefer `-`, which reads the token from standard input: every user of this machine can read \
the arguments of a command while it runs, and a shell keeps them."
)]
pub(super) struct Arguments {
    /// The token: an access token, a refresh token, an ID token; `-` reads it from standard input.
    #[arg(value_name = "TOKEN")]
    token: String,

    /// Say whether this API would accept it.
    #[arg(long, value_name = "URI", value_parser = word::<ApiUri>)]
    api: Option<ApiUri>,

    /// Say whether it holds these scopes.
    #[arg(long = "scope", value_name = "SCOPE", num_args = 1.., value_parser = word::<Scope>)]
    scopes: Vec<Scope>,
}

impl Arguments {
    pub(super) async fn run(self, desk: &Desk, output: Output) -> Result<(), Error> {
        let token =
            if self.token == "-" { secret_input::token_from_stdin()? } else { Secret::new(self.token) };
        if let Some(api) = self.api.as_ref().filter(|api| api.as_str() != desk.config.issuer.as_str()) {
            admin::api::find(&desk.vault, api).await?;
        }
        let scope = self.scopes.iter().fold(Scope::default(), |all, scope| all.union(scope));
        let question = Question { api: self.api, scope };
        let token = token.expose().trim();
        let token = token.strip_prefix("Bearer ").unwrap_or(token);
        let explanation = explain::explain(&desk.vault, &desk.config, token, &question).await?;
        output.print(&json!(explanation), |_| for_people(&explanation))
    }
}

/// The sentences, and below them what the token says.
fn for_people(explanation: &Explanation) -> String {
    let Explanation { kind, accepted, because, notes, claims, .. } = explanation;
    let kind = json!(kind).as_str().unwrap_or_default().replace('_', " ");
    let mut text = format!("{kind}: {}\n", if *accepted { "accepted" } else { "not accepted" });
    for sentence in because {
        let _ = writeln!(text, "  because {}", printable(sentence));
    }
    for note in notes {
        let _ = writeln!(text, "  note: {}", printable(note));
    }
    if !claims.is_empty() {
        let rows: Vec<Value> = claims.iter().map(|claim| json!(claim)).collect();
        text += &format!("\n{}", table(&["claim", "value", "meaning"], &rows));
    }
    text
}
