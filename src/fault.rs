//! What is wrong with what an operator wants, and the way out.

use std::fmt;

/// A fault, or a warning: literals stand in backticks, and the hint can be acted on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The thing and what is wrong with it, one line.
    pub message: String,
    /// The way out, and where: one line.
    pub hint: String,
}

impl Fault {
    /// A fault with its way out.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}

impl Fault {
    /// A fault that an error tells in two lines, the second a `hint:`.
    pub fn of(error: &impl fmt::Display) -> Self {
        let text = error.to_string();
        let (message, hint) = text.split_once("\nhint: ").unwrap_or((&text, "see the log for more"));
        Self::new(message, hint)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nhint: {}", self.message, self.hint)
    }
}

impl std::error::Error for Fault {}

/// Asks whether the known name was meant that looks most like `name`; `otherwise`, when none does.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>, otherwise: &str) -> String {
    nearest(name, known).map_or_else(|| otherwise.to_owned(), |nearest| format!("did you mean `{nearest}`?"))
}

/// Names may have sections, as in `keys.rsa_bits`: the right name in a wrong section is like it too.
fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const ALIKE: f64 = 0.8;
    fn last(name: &str) -> &str {
        name.rsplit('.').next().unwrap_or(name)
    }
    let likeness =
        |other: &str| (strsim::jaro_winkler(name, other), strsim::jaro_winkler(last(name), last(other)));
    let judged = known.into_iter().map(|other| (other, likeness(other)));
    // Of a short name, one slip is a large part.
    let is_slip = |other: &str| strsim::osa_distance(name, other) == 1;
    let alike = judged.filter(|(other, (whole, last))| whole.max(*last) >= ALIKE || is_slip(other));
    alike.max_by(|(_, one), (_, other)| (one.0 + one.1).total_cmp(&(other.0 + other.1))).map(|(name, _)| name)
}
