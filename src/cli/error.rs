//! Why a command failed, for the person or program that gave it.

use std::fmt;

use crate::config::Fault;
use crate::protocol::BoxError;
use crate::service::StartError;
use crate::store;
use crate::vault::OpenError;

/// Why a command failed, and the way out if one is known. Literals stand in backticks.
#[derive(Debug, PartialEq, Eq)]
pub struct Error {
    /// What is wrong, one line.
    pub message: String,
    /// What to do about it, one line.
    pub hint: Option<String>,
}

impl Error {
    /// A failure for which no way out is known.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// Adds the way out.
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl Error {
    /// A failure whose text may have a second line, which begins with `hint: `.
    pub(super) fn told(text: &str) -> Self {
        match text.split_once("\nhint: ") {
            Some((message, hint)) => Self::new(message).hint(hint),
            None => Self::new(text),
        }
    }
}

impl From<OpenError> for Error {
    fn from(error: OpenError) -> Self {
        Self::told(&error.to_string())
    }
}

impl From<StartError> for Error {
    fn from(error: StartError) -> Self {
        Self::told(&error.to_string())
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::new(error.to_string()).hint(error.hint())
    }
}

impl From<BoxError> for Error {
    fn from(error: BoxError) -> Self {
        match error.downcast::<store::Error>() {
            Ok(error) => Self::from(*error),
            Err(error) => Self::told(&error.to_string()),
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::new(fault.message).hint(fault.hint)
    }
}
