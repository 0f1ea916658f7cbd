//! `claviger explain`: a token, or why a request was refused, in plain words.

use std::fmt::Write as _;

use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};

use super::output::table;
use super::{Desk, Error, Output, moment, secret_input, word};
use crate::admin;
use crate::explain::{self, Explanation, Question};
use crate::model::Refusal;
use crate::protocol::{ApiUri, Scope, Secret};
use crate::telemetry::printable;

/// Tokens are secrets, and every user of this machine can read the arguments of a command while it runs.
#[derive(Debug, Args)]
#[command(
    after_help = "Prefer `-`, which reads the token from standard input: every user of this machine can read \
the arguments of a command while it runs, and a shell keeps them."
)]
pub(super) struct Arguments {
    /// An access, refresh or ID token, or the `error_ref` of a refusal; `-` reads it from standard input.
    #[arg(value_name = "TOKEN|REF")]
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
        if Refusal::is_reference(token.expose()) {
            return refusal(desk, token.expose(), output).await;
        }
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

/// A refusal as the command shows it.
#[derive(Serialize)]
struct View {
    reference: String,
    at: String,
    request: String,
    error: String,
    told: String,
    because: Option<String>,
    client_id: Option<String>,
}

/// Shows why a request was refused.
async fn refusal(desk: &Desk, reference: &str, output: Output) -> Result<(), Error> {
    let Some(refusal) = desk.vault.store.refusal(reference).await? else {
        let hint = "they are written within a second or two, and the newest 10,000 are kept for 7 days; in the log it is the `id` of the request";
        return Err(Error::new(format!("no refusal is kept as `{reference}`")).hint(hint));
    };
    let Refusal { reference, at, request, code, description, cause, client_id } = refusal;
    let view = View {
        reference,
        at: moment(at),
        request,
        error: code,
        told: description,
        because: cause,
        client_id,
    };
    output.show(&["at", "request", "error", "told", "because", "client_id"], &view)
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
