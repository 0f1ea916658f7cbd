//! What is wrong with an answer.

use super::challenge::Bearer;
use super::mend::Mend;
use super::tokens::{Expect, Kind};

/// What came back.
#[derive(Debug)]
pub enum Reply {
    /// An answer.
    Head {
        /// Its status.
        status: u16,
        /// Its `WWW-Authenticate`, as it stands there.
        challenge: Option<String>,
        /// What that says of Bearer tokens.
        bearer: Bearer,
    },
    /// None, and why.
    None(String),
}

/// How much something matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Worth knowing.
    Note,
    /// The standards recommend otherwise.
    Advice,
    /// Somebody may come in, somebody is kept out, or a standard is broken.
    Fault,
}

/// Something that is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How much it matters.
    pub weight: Weight,
    /// What it is called: as the token that was wrongly taken, or as what is wrong with the refusal.
    pub name: &'static str,
    /// What is wrong, and the section that says so.
    pub message: &'static str,
    /// How it is mended.
    pub mend: Mend,
}

impl Problem {
    const fn advice(name: &'static str, message: &'static str) -> Self {
        Self { weight: Weight::Advice, name, message, mend: Mend::Challenge }
    }

    const fn fault(name: &'static str, message: &'static str, mend: Mend) -> Self {
        Self { weight: Weight::Fault, name, message, mend }
    }
}

const REVOKED: Problem = Problem {
    weight: Weight::Note,
    name: "revoked",
    message: "the API takes a revoked token until it expires, as every API does that does not ask about tokens (RFC 7662 §4); with `--introspects` this is a fault",
    mend: Mend::Revocation,
};
const SILENT: Problem =
    Problem::fault("no-answer", "the API gives no answer that says anything", Mend::Silence);
const BREAKS: Problem = Problem::fault(
    "breaks",
    "the API breaks where it should refuse: whoever sends such a token can do that (RFC 6750 §3.1)",
    Mend::Robustness,
);
const NO_CHALLENGE: Problem = Problem::fault(
    "no-challenge",
    "a refusal has no `WWW-Authenticate` (RFC 6750 §3, RFC 9110 §15.5.2)",
    Mend::Challenge,
);
const OTHER_CHALLENGE: Problem = Problem::fault(
    "other-challenge",
    "`WWW-Authenticate` does not ask for `Bearer` (RFC 6750 §3)",
    Mend::Challenge,
);
const MALFORMED_CHALLENGE: Problem = Problem::fault(
    "malformed-challenge",
    "`WWW-Authenticate` cannot be read (RFC 9110 §11.6.1)",
    Mend::Challenge,
);
const STATUS: Problem = Problem::advice(
    "status",
    "the status of a refusal is not the one for it: 401, or 403 where a scope is missing (RFC 6750 §3.1)",
);
const ERROR_WITHOUT_TOKEN: Problem = Problem::advice(
    "error-without-token",
    "who brought no token is told an `error`, and should be told none (RFC 6750 §3.1)",
);
const INVALID_TOKEN: Problem = Problem::advice(
    "invalid-token",
    "who brought a bad token should be told `error=\"invalid_token\"` (RFC 6750 §3, §3.1)",
);
const INSUFFICIENT_SCOPE: Problem = Problem::advice(
    "insufficient-scope",
    "whose token lacks the scope should be told `error=\"insufficient_scope\"` (RFC 6750 §3, §3.1)",
);
const NO_SCOPE: Problem = Problem::advice(
    "no-scope",
    "whose token lacks the scope is not told which `scope` it needs (RFC 6750 §3.1)",
);

/// What is wrong with `reply` to `kind`, from an API that asks about tokens if it `introspects`, and demands `scope`.
pub fn judge(kind: &Kind, reply: &Reply, introspects: bool, scope: &str) -> Vec<Problem> {
    let Reply::Head { status, bearer, .. } = reply else { return vec![SILENT] };
    let is_served = (200..300).contains(status);
    let opposite = Problem::fault(kind.name, kind.fault, kind.mend);
    match kind.expect {
        Expect::Served => return if is_served { Vec::new() } else { vec![opposite] },
        Expect::Revoked if is_served && !introspects => return vec![REVOKED],
        _ if is_served => return vec![opposite],
        _ => {}
    }
    match status {
        408 | 429 => vec![SILENT],
        500.. => vec![BREAKS],
        _ => refusal(kind.expect, *status, bearer, scope),
    }
}

/// What is wrong with a refusal.
fn refusal(expect: Expect, status: u16, bearer: &Bearer, scope: &str) -> Vec<Problem> {
    let is_right = match expect {
        Expect::InsufficientScope => status == 403,
        Expect::Refused => matches!(status, 400 | 401),
        _ => status == 401,
    };
    let mut problems = Vec::new();
    if !is_right {
        problems.push(STATUS);
    }
    let parameters = match bearer {
        // A malformed request is told by its status alone.
        Bearer::Missing if expect == Expect::Refused && status == 400 => return problems,
        Bearer::Missing => return [problems, vec![NO_CHALLENGE]].concat(),
        Bearer::Other => return [problems, vec![OTHER_CHALLENGE]].concat(),
        Bearer::Malformed => return [problems, vec![MALFORMED_CHALLENGE]].concat(),
        Bearer::Is(parameters) => parameters,
    };
    let error = parameters.get("error").map(String::as_str);
    match expect {
        Expect::NoToken if error.is_some() => problems.push(ERROR_WITHOUT_TOKEN),
        Expect::InvalidToken | Expect::Revoked if error != Some("invalid_token") => {
            problems.push(INVALID_TOKEN);
        }
        Expect::InsufficientScope => {
            if error != Some("insufficient_scope") {
                problems.push(INSUFFICIENT_SCOPE);
            }
            let told = parameters.get("scope").map_or("", String::as_str);
            if told.split(' ').all(|word| word != scope) {
                problems.push(NO_SCOPE);
            }
        }
        _ => {}
    }
    problems
}
