//! `check-api`: does somebody's API check the tokens of this server as it must?
//!
//! The API is sent a good token, none, and each of the [bad ones](tokens::KINDS), and what it answers is judged by
//! [RFC 6750], [RFC 9068] and [RFC 8725]. A token that is taken although it is bad is a fault; so is a refusal that breaks
//! a rule of the standards, while one that leaves a recommendation aside is advice.
//!
//! What is proved: that these tokens are refused by this URL. What is not: that a key that was published once is forgotten, since
//! its private part is gone too; a key that nobody knows signs in its name.
//!
//! Making bad tokens is a power, so it is used only for APIs that an operator marked for tests
//! ([`TestApi`]); see `bench.rs` for what keeps them from being worth anything elsewhere.
//!
//! [RFC 6750]: https://www.rfc-editor.org/rfc/rfc6750
//! [RFC 9068]: https://www.rfc-editor.org/rfc/rfc9068
//! [RFC 8725]: https://www.rfc-editor.org/rfc/rfc8725

mod bench;
pub mod challenge;
mod draft;
pub mod forge;
pub mod mend;
pub mod tokens;
pub mod verdict;

use http::header::{HeaderValue, WWW_AUTHENTICATE};
use http::{Method, response};
use url::Url;

use crate::app::App;
use crate::fault::Fault;
use crate::fetch::Fetcher;
use crate::protocol::ScopeToken;
use crate::store::TestApi;
use bench::Bench;
use draft::Sent;
use tokens::{Expect, KINDS, Kind};
use verdict::{Problem, Reply, Weight, judge};

/// What is checked.
pub struct Check {
    /// Where the API is asked.
    pub url: Url,
    /// How.
    pub method: Method,
    /// The scope that it demands there.
    pub scope: ScopeToken,
    /// Whether it asks the server about each token, and so must refuse a revoked one.
    pub introspects: bool,
}

/// What was found.
#[derive(Default)]
pub struct Report {
    /// What was sent, and what came back.
    pub answers: Vec<Answer>,
    /// What is wrong, the worst first.
    pub findings: Vec<Finding>,
}

/// An answer.
pub struct Answer {
    /// To what.
    pub kind: &'static Kind,
    /// The answer.
    pub reply: Reply,
    /// How bad the worst of it is; `None` if nothing is wrong with it.
    pub weight: Option<Weight>,
}

/// Something that is wrong with answers.
pub struct Finding {
    /// What.
    pub problem: Problem,
    /// With the answers to which tokens.
    pub tokens: Vec<&'static str>,
}

impl Report {
    /// How many findings matter that much.
    pub fn count(&self, weight: Weight) -> usize {
        self.findings.iter().filter(|finding| finding.problem.weight == weight).count()
    }

    fn add(&mut self, kind: &'static Kind, reply: Reply, problems: Vec<Problem>) {
        let weight = problems.iter().map(|problem| problem.weight).max();
        self.answers.push(Answer { kind, reply, weight });
        for problem in problems {
            match self.findings.iter_mut().find(|finding| finding.problem.message == problem.message) {
                Some(finding) => finding.tokens.push(kind.name),
                None => self.findings.push(Finding { problem, tokens: vec![kind.name] }),
            }
        }
        self.findings.sort_by_key(|finding| std::cmp::Reverse(finding.problem.weight));
    }
}

/// Sends `api` everything there is, by `fetcher`, and judges the answers. It stops after a good token that is refused.
pub async fn run(app: &App, fetcher: &Fetcher, api: TestApi, check: &Check) -> Result<Report, Fault> {
    let bench = Bench::set_up(app, api, &check.scope).await?;
    let report = ask(&bench, fetcher, check).await;
    bench.clear_away().await?;
    report
}

async fn ask(bench: &Bench<'_>, fetcher: &Fetcher, check: &Check) -> Result<Report, Fault> {
    let mut report = Report::default();
    for kind in KINDS {
        // Each is made when it is sent: an API that takes its time must not be shown that it refuses what is too old.
        let draft = bench.draft().await?;
        let sent = (kind.make)(&draft);
        bench.note(kind, &sent).await?;
        if kind.expect == Expect::Revoked {
            bench.revoke(&draft.good).await?;
        }
        let reply = send(fetcher, check, &sent).await;
        let problems = judge(kind, &reply, check.introspects, check.scope.as_str());
        let is_pointless = kind.expect == Expect::Served && !problems.is_empty();
        report.add(kind, reply, problems);
        if is_pointless {
            break;
        }
    }
    Ok(report)
}

async fn send(fetcher: &Fetcher, check: &Check, sent: &Sent) -> Reply {
    let mut url = check.url.clone();
    let mut authorization = None;
    match sent {
        Sent::Nothing => {}
        Sent::InHeader(token) => authorization = HeaderValue::try_from(format!("Bearer {token}")).ok(),
        Sent::InQuery(token) => drop(url.query_pairs_mut().append_pair("access_token", token)),
    }
    match fetcher.head_of(&url, check.method.clone(), authorization).await {
        Ok(response::Parts { status, headers, .. }) => {
            let values = headers.get_all(WWW_AUTHENTICATE).iter();
            let values: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
            Reply::Head {
                status: status.as_u16(),
                challenge: (!values.is_empty()).then(|| values.join(", ")),
                bearer: challenge::bearer(&headers),
            }
        }
        Err(error) => Reply::None(error.to_string()),
    }
}
