//! Request parameters (`application/x-www-form-urlencoded`, [RFC 6749 §3.2] and appendix B).
//!
//! What is malformed or doubled is refused, never skipped or repaired. A parameter without a value counts
//! as left out.
//!
//! [RFC 6749 §3.2]: https://www.rfc-editor.org/rfc/rfc6749#section-3.2

use super::{Error, Scope};

/// Parameters that one request may have; each is compared with all others.
const PARAMETERS: usize = 64;

/// The parameters of one request.
#[derive(Default)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Reads a form body or a query.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let params = Self::parse_with_doubles(body)?;
        if params.doubled().is_empty() {
            Ok(params)
        } else {
            Err(Error::invalid_request("a parameter is given more than once"))
        }
    }

    /// Reads a query that may hold parameters more than once, for who says himself which of them, and to whom.
    pub fn parse_with_doubles(body: &[u8]) -> Result<Self, Error> {
        let mut params = Self(Vec::new());
        if body.is_empty() {
            return Ok(params);
        }
        if body.split(|byte| *byte == b'&').count() > PARAMETERS {
            return Err(Error::invalid_request("there are too many parameters"));
        }
        for pair in body.split(|byte| *byte == b'&') {
            let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &[][..]),
            };
            let (name, value) = (decode(name)?, decode(value)?);
            if name.is_empty() {
                return Err(Error::invalid_request("a parameter has no name"));
            }
            params.0.push((name, value));
        }
        Ok(params)
    }

    /// The names that are given more than once.
    pub fn doubled(&self) -> Vec<&str> {
        let names: Vec<_> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        (1..names.len()).filter(|at| names[..*at].contains(&names[*at])).map(|at| names[at]).collect()
    }

    /// As a query, with `name` replaced by what `change` makes of its value, or left out.
    pub fn to_query_with(&self, change: impl Fn(&str, &str) -> Option<String>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.0 {
            if let Some(value) = change(name, value) {
                query.append_pair(name, &value);
            }
        }
        query.finish()
    }

    /// As a query.
    pub fn to_query(&self) -> String {
        self.to_query_with(|_, value| Some(value.to_owned()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of `name`, unless it is left out or empty.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, value)| known == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// The value of `name`, or a refusal that says it is missing.
    pub fn require(&self, name: &'static str) -> Result<&str, Error> {
        self.find(name).ok_or_else(|| Error::invalid_request(format!("the parameter `{name}` is missing")))
    }

    /// The requested `scope`, if there is one.
    pub fn scope(&self) -> Result<Option<Scope>, Error> {
        self.find("scope").map(str::parse).transpose()
    }
}

impl Drop for Params {
    fn drop(&mut self) {
        for (_, value) in &mut self.0 {
            zeroize::Zeroize::zeroize(value);
        }
    }
}

/// Undoes the form encoding: `+` is a space, `%` begins two hexadecimal digits, the result is UTF-8
/// without NUL.
pub(crate) fn decode(text: &[u8]) -> Result<String, Error> {
    let malformed = || Error::invalid_request("a parameter is not form-encoded UTF-8");
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));

    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (digit(rest.next()), digit(rest.next()));
                let value = high.zip(low).map(|(high, low)| high * 16 + low).ok_or_else(malformed)?;
                u8::try_from(value).map_err(|_| malformed())?
            }
            byte => *byte,
        });
    }
    if bytes.contains(&0) {
        return Err(Error::invalid_request("a parameter contains NUL"));
    }
    String::from_utf8(bytes).map_err(|_| malformed())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_a_stock_library_encodes_reads_back(value in "[^\0]{1,40}") {
            let body = url::form_urlencoded::Serializer::new(String::new()).append_pair("k", &value).finish();
            let params = Params::parse(body.as_bytes()).unwrap();
            prop_assert_eq!(params.find("k"), Some(value.as_str()));
            prop_assert_eq!(params.to_query(), body);
        }

        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = Params::parse(&body);
        }
    }

    #[test]
    fn malformed_forms_are_refused() {
        for body in ["a=1&a=2", "a=1&a=", "=1", "a=%", "a=%4", "a=%zz", "a=%ff", "a=%00", "&", "a=1&"] {
            assert!(Params::parse(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn more_parameters_than_a_request_can_need_are_refused() {
        let body =
            |count: usize| (0..count).map(|number| format!("p{number}=")).collect::<Vec<_>>().join("&");
        assert!(Params::parse(body(64).as_bytes()).is_ok());
        assert!(Params::parse(body(65).as_bytes()).is_err());
    }

    #[test]
    fn an_empty_value_counts_as_left_out() {
        let params = Params::parse(b"scope=&b").unwrap();
        assert!(params.find("scope").is_none() && params.find("b").is_none());
        assert!(params.scope().unwrap().is_none());
    }
}
