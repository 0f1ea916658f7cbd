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
