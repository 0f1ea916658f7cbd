//! The name of a request.

use std::fmt;

use hyper::header::HeaderValue;

/// Names a request in the log and in `x-request-id`; a request extension. Always the server's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId {
    /// Sets this process's requests apart from those of others.
    pub(super) server: u32,
    /// The requests before this one.
    pub(super) number: u64,
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{:x}", self.server, self.number)
    }
}

/// As it is displayed. Every answer has one, so that it is written without the machinery of formatting.
impl From<RequestId> for HeaderValue {
    fn from(RequestId { server, number }: RequestId) -> Self {
        let mut text = [0; 8 + 1 + 16];
        let mut begin = text.len();
        let mut prepend = |byte| {
            begin -= 1;
            text[begin] = byte;
        };
        let digit = |nibble: u64| b"0123456789abcdef"[usize::from(nibble as u8 & 15)];
        for place in 0..(u64::BITS - number.leading_zeros()).div_ceil(4).max(1) {
            prepend(digit(number >> (4 * place)));
        }
        prepend(b'-');
        for place in 0..8 {
            prepend(digit(u64::from(server) >> (4 * place)));
        }
        Self::from_bytes(&text[begin..]).expect("hexadecimal digits make a header value")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_told_as_it_is_logged() {
        for (server, number) in [(0, 0), (1, 15), (0xabc, 16), (u32::MAX, 0x1234_5678_9abc), (7, u64::MAX)] {
            let id = RequestId { server, number };
            assert_eq!(HeaderValue::from(id), id.to_string());
        }
    }
}
