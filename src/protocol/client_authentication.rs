//! How a request names and proves its client ([RFC 6749 §2.3.1]): by exactly one method.
//!
//! [RFC 6749 §2.3.1]: https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::form::decode;
use super::{ClientId, Error, Params, Secret};

/// What a request says about its client.
#[derive(Clone, Debug)]
pub enum ClientAuthentication {
    /// Nothing.
    Unnamed,
    /// An id without a secret.
    Named(ClientId),
    /// An id and a secret by HTTP Basic.
    Basic(ClientId, Secret<String>),
    /// An id and a secret in the form body.
    Post(ClientId, Secret<String>),
}

impl ClientAuthentication {
    /// Reads the `Authorization` header, if there is one, and the form.
    ///
    /// Empty values count as left out, so that `Basic Og==` (no id, no secret), as the Swagger page sends it
    /// for its empty fields, names nobody.
    pub fn read(authorization: Option<&[u8]>, params: &Params) -> Result<Self, Error> {
        let named = params.find("client_id").map(parse_id).transpose()?;
        let secret = params.find("client_secret").map(|secret| Secret::new(secret.to_owned()));

        let Some((id, password)) = authorization.map(basic).transpose()?.flatten() else {
            return match (named, secret) {
                (Some(id), Some(secret)) => Ok(Self::Post(id, secret)),
                (Some(id), None) => Ok(Self::Named(id)),
                (None, None) => Ok(Self::Unnamed),
                (None, Some(_)) => {
                    Err(Error::invalid_request("a `client_secret` came without its `client_id`"))
                }
            };
        };
        if secret.is_some() {
            return Err(Error::invalid_request(
                "the client authenticates by two methods, but one is allowed",
            ));
        }
        if named.is_some_and(|named| named != id) {
            return Err(Error::invalid_request("the header and the body name two clients"));
        }
        Ok(if password.expose().is_empty() { Self::Named(id) } else { Self::Basic(id, password) })
    }
}

/// Reads HTTP Basic, whose parts are form-encoded; `None` when both are empty.
fn basic(header: &[u8]) -> Result<Option<(ClientId, Secret<String>)>, Error> {
    let malformed = || Error::invalid_client("the `Authorization` header is not well-formed HTTP Basic");
    let (scheme, credentials) = header.split_at_checked(6).ok_or_else(malformed)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return Err(Error::invalid_client("clients authenticate here by HTTP Basic or in the form body"));
    }
    let pair = STANDARD.decode(credentials.trim_ascii()).map_err(|_| malformed())?;
    let colon = pair.iter().position(|byte| *byte == b':').ok_or_else(malformed)?;
    let id = decode(&pair[..colon]).map_err(|_| malformed())?;
    let secret = Secret::new(decode(&pair[colon + 1..]).map_err(|_| malformed())?);
    if id.is_empty() && secret.expose().is_empty() {
        return Ok(None);
    }
    Ok(Some((parse_id(&id)?, secret)))
}

/// An id that cannot be a client's is an unknown client.
fn parse_id(text: &str) -> Result<ClientId, Error> {
    text.parse().map_err(|error: Error| Error::invalid_client("client authentication failed").because(error))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(header: Option<&str>, body: &str) -> Result<ClientAuthentication, Error> {
        ClientAuthentication::read(header.map(str::as_bytes), &Params::parse(body.as_bytes())?)
    }

    fn header(pair: &str) -> String {
        format!("Basic {}", STANDARD.encode(pair))
    }

    #[test]
    fn the_parts_of_basic_are_form_encoded() {
        let read = read(Some(&header("my%3Aapp:p%25+%C3%A9")), "").unwrap();
        assert!(matches!(read, ClientAuthentication::Basic(id, secret)
            if id.as_str() == "my:app" && secret.expose() == "p% é"));
    }

    #[test]
    fn empty_credentials_name_nobody() {
        let read = read(Some("Basic Og=="), "client_id=&client_secret=").unwrap();
        assert!(matches!(read, ClientAuthentication::Unnamed));
    }

    #[test]
    fn two_methods_are_one_too_many() {
        assert!(read(Some(&header("a:b")), "client_id=a&client_secret=b").is_err());
        assert!(read(Some(&header("a:b")), "client_id=c").is_err());
        assert!(matches!(read(Some(&header("a:b")), "client_id=a"), Ok(ClientAuthentication::Basic(..))));
    }

    #[test]
    fn malformed_headers_are_refused() {
        for malformed in
            ["", "Basic", "Basic ", "Basic !!", "Basic YWI", "Bearer abc", "Basic YWI=", "Digest x"]
        {
            assert!(read(Some(malformed), "").is_err(), "{malformed}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = ClientAuthentication::read(Some(&bytes), &Params::parse(b"").unwrap());
        }
    }
}
