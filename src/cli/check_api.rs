//! `claviger check-api`: what an API makes of good and bad tokens.

use clap::Args;
use http::Method;
use serde_json::{Value, json};
use url::Url;

use super::output::table;
use super::{Error, Output, wait_for, word};
use crate::admin;
use crate::app::App;
use crate::check_api::mend::Values;
use crate::check_api::tokens::Expect;
use crate::check_api::verdict::{Reply, Weight};
use crate::check_api::{self, Answer, Check, Finding, Report};
use crate::clock::Clock;
use crate::config::{Config, Sources};
use crate::fault::Fault;
use crate::fetch::Fetcher;
use crate::model::Stack;
use crate::protocol::{ApiUri, ScopeToken};
use crate::telemetry::printable;
use crate::vault::Vault;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where the API answers a good token with success, such as `http://127.0.0.1:8000/items`.
    #[arg(value_parser = http_url)]
    url: Url,

    /// The scope that the API demands there.
    #[arg(long, value_name = "SCOPE", value_parser = word::<ScopeToken>)]
    scope: ScopeToken,

    /// The API, as `claviger api list` shows it; without this, the only one for tests that has the scope.
    #[arg(long, value_name = "URI", value_parser = word::<ApiUri>)]
    audience: Option<ApiUri>,

    /// How the API is asked.
    #[arg(long, value_name = "METHOD", default_value = "GET")]
    method: Method,

    /// What it is written with, to be told in its words how it is mended.
    #[arg(long, value_name = "STACK", value_parser = word::<Stack>)]
    stack: Option<Stack>,

    /// It asks the server about each token, and so must refuse a revoked one.
    #[arg(long)]
    introspects: bool,

    /// Take what the standards only recommend for a fault, too.
    #[arg(long)]
    strict: bool,
}

fn http_url(text: &str) -> Result<Url, String> {
    let url: Url =
        text.parse().map_err(|_| "write it with its scheme, as in `https://api.example.com/items`")?;
    if !["http", "https"].contains(&url.scheme()) || !url.username().is_empty() || url.password().is_some() {
        return Err("it is `http` or `https`, without a user".to_owned());
    }
    Ok(url)
}

impl Arguments {
    /// Checks the API, tells what was found, and fails if that is not good.
    pub(super) fn run(self, sources: &Sources, output: Output) -> Result<(), Error> {
        let config = sources.load()?.config;
        wait_for(async {
            let app = open(config).await?;
            let report = self.check(&app, output).await;
            app.store.close().await;
            report
        })
    }

    async fn check(self, app: &App, output: Output) -> Result<(), Error> {
        let api = admin::api::find_test(app, self.audience.as_ref(), &self.scope).await?;
        let audience = api.uri.clone();
        let fetcher = Fetcher::of_operator(&app.config().fetch, Clock::system());
        let fetcher = fetcher.map_err(|error| Fault::of(&error))?;
        let (url, method) = (self.url.clone(), self.method.clone());
        let check = Check { url, method, scope: self.scope.clone(), introspects: self.introspects };
        let report = check_api::run(app, &fetcher, api, &check).await?;

        let values =
            Values { issuer: app.issuer().as_str(), audience: audience.as_str(), scope: self.scope.as_str() };
        let counted = if self.strict { Weight::Advice } else { Weight::Fault };
        let is_bad = |finding: &&Finding| finding.problem.weight >= counted;
        let bad = report.findings.iter().filter(is_bad).count();
        let told = json!({
            "url": self.url.as_str(), "method": self.method.as_str(), "audience": audience, "scope": self.scope,
            "passed": bad == 0,
            "answers": report.answers.iter().map(answer).collect::<Value>(),
            "findings": report.findings.iter().map(|found| finding(found, self.stack, &values)).collect::<Value>(),
        });
        output.print(&told, |told| for_people(told, &report))?;
        match bad {
            0 => Ok(()),
            bad => {
                let things = if bad == 1 { "1 thing is".to_owned() } else { format!("{bad} things are") };
                let message = format!("{things} wrong with the API at `{}`", self.url);
                Err(Error::new(message).hint("each is told above, with the way to mend it"))
            }
        }
    }
}

/// What a check needs of a server: all but its sign-in limits, since nobody signs in.
async fn open(mut config: Config) -> Result<App, Error> {
    config.limits.login = false;
    let clock = Clock::system();
    let fetcher = Fetcher::open(&config.fetch, clock.clone()).map_err(|error| Fault::of(&error))?;
    Ok(App::new(Vault::open(&config, clock).await?, config, fetcher).await?)
}

fn answer(answer: &Answer) -> Value {
    let (status, challenge, error) = match &answer.reply {
        Reply::Head { status, challenge, .. } => (Some(*status), challenge.as_deref(), None),
        Reply::None(error) => (None, None, Some(error.as_str())),
    };
    json!({
        "token": answer.kind.name, "flaw": answer.kind.flaw, "expected": expected(answer.kind.expect),
        "status": status, "www_authenticate": challenge, "no_answer": error,
        "verdict": answer.weight.map_or("right", weight),
    })
}

fn expected(expect: Expect) -> &'static str {
    match expect {
        Expect::Served => "2xx",
        Expect::NoToken => "401, no error",
        Expect::InvalidToken | Expect::Revoked => "401 invalid_token",
        Expect::InsufficientScope => "403 insufficient_scope",
        Expect::Refused => "400 or 401",
    }
}

fn weight(weight: Weight) -> &'static str {
    match weight {
        Weight::Fault => "fault",
        Weight::Advice => "advice",
        Weight::Note => "note",
    }
}

fn finding(finding: &Finding, stack: Option<Stack>, values: &Values<'_>) -> Value {
    let problem = &finding.problem;
    json!({
        "finding": problem.name, "weight": weight(problem.weight), "message": problem.message,
        "mend": problem.mend.told(stack, values), "tokens": finding.tokens,
    })
}

/// A table of the answers, and then what is wrong.
fn for_people(told: &Value, report: &Report) -> String {
    let rows: Vec<_> = report.answers.iter().map(row).collect();
    let mut text = table(&["", "token", "flaw", "expected", "answered"], &rows);
    for finding in told["findings"].as_array().into_iter().flatten() {
        let word = |name: &str| printable(finding[name].as_str().unwrap_or_default()).into_owned();
        let tokens: Vec<_> =
            finding["tokens"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        text += &format!(
            "\n{}: {} ({})\n  mend: {}\n",
            word("weight"),
            word("message"),
            tokens.join(", "),
            word("mend")
        );
    }
    if report.findings.is_empty() {
        text += "\nnothing is wrong\n";
    }
    text
}

fn row(answer: &Answer) -> Value {
    let mark = match answer.weight {
        None | Some(Weight::Note) => "✓",
        Some(Weight::Advice) => "!",
        Some(Weight::Fault) => "✗",
    };
    let answered = match &answer.reply {
        Reply::None(error) => format!("no answer: {error}"),
        Reply::Head { status, challenge: Some(challenge), .. } => format!("{status} {challenge}"),
        Reply::Head { status, .. } => status.to_string(),
    };
    json!({
        "": mark, "token": answer.kind.name, "flaw": answer.kind.flaw,
        "expected": expected(answer.kind.expect), "answered": answered,
    })
}
