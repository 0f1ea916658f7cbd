//! A refusal as it is kept for the operator, by the reference that its client was given.

/// Characters of a text that are kept.
const CHARACTERS: usize = 256;

/// Why a request was refused. No text in it is a secret: all of it is in the log too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reference: the request's id, also in `X-Request-Id` and in the log.
    pub reference: String,
    /// When.
    pub at: i64,
    /// Method and path, without the query.
    pub request: String,
    /// The `error`.
    pub code: String,
    /// What the client was told.
    pub description: String,
    /// What it was not told.
    pub cause: Option<String>,
    /// The client, as the request named it.
    pub client_id: Option<String>,
}

impl Refusal {
    /// Whether `text` has the form of a reference.
    pub fn is_reference(text: &str) -> bool {
        let is_hex = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        text.split_once('-').is_some_and(|(server, number)| {
            server.len() == 8 && (1..=16).contains(&number.len()) && is_hex(server) && is_hex(number)
        })
    }

    /// The same with each text cut to what is kept of it: what a stranger writes takes bounded room.
    pub fn bounded(self) -> Self {
        let cut = |text: String| match text.char_indices().nth(CHARACTERS) {
            Some((end, _)) => text[..end].to_owned() + "…",
            None => text,
        };
        Self {
            request: cut(self.request),
            description: cut(self.description),
            cause: self.cause.map(cut),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_writes_takes_bounded_room() {
        let long = || "é".repeat(10_000);
        let refusal = Refusal {
            reference: "a".to_owned(),
            at: 0,
            request: long(),
            code: "invalid_request".to_owned(),
            description: "short".to_owned(),
            cause: Some(long()),
            client_id: None,
        };
        let Refusal { request, description, cause, .. } = refusal.bounded();
        assert_eq!((request.chars().count(), description.as_str()), (CHARACTERS + 1, "short"));
        assert_eq!(cause.unwrap().chars().count(), CHARACTERS + 1);
    }
}
