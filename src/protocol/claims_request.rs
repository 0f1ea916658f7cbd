//! The `claims` parameter: single claims that a client asks for ([OpenID Connect Core §5.5]).
//!
//! [OpenID Connect Core §5.5]: https://openid.net/specs/openid-connect-core-1_0.html#ClaimsParameter

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Error;

/// The longest `claims` that is taken, in bytes of its normal form: that is kept with the grant.
const CLAIMS_BYTES: usize = 4096;

/// What is asked for in the ID token and at the userinfo endpoint, by name of the claim.
///
/// Whoever answers passes over names that nobody knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ClaimsRequest {
    /// At the userinfo endpoint.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub userinfo: BTreeMap<String, ClaimRequest>,
    /// In the ID token.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub id_token: BTreeMap<String, ClaimRequest>,
}

/// How one claim is asked for ([OpenID Connect Core §5.5.1]).
///
/// [OpenID Connect Core §5.5.1]: https://openid.net/specs/openid-connect-core-1_0.html#IndividualClaimsRequests
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ClaimRequest {
    /// Whether the client cannot do without it.
    #[serde(rename = "essential", skip_serializing_if = "std::ops::Not::not")]
    pub is_essential: bool,
    /// The values that it may have, the preferred first; none: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
}

impl ClaimRequest {
    /// Whether `value` is one that the client asks for.
    pub fn takes(&self, value: &Value) -> bool {
        self.values.is_empty() || self.values.contains(value)
    }
}

/// How one claim is written. Members that are not known are passed over, as the section says.
#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    essential: bool,
    value: Option<Value>,
    values: Option<Vec<Value>>,
}

impl ClaimsRequest {
    /// Reads the parameter of a request. What is taken can be kept and read back: its normal form may be longer than
    /// what was written (`1e15` has seventeen digits and a point), and nested one level deeper.
    pub fn read(text: &str) -> Result<Self, Error> {
        let request: Self = text.parse()?;
        let normal = request.to_string();
        if normal.len() > CLAIMS_BYTES || normal.parse::<Self>().is_err() {
            return Err(Error::invalid_request(format!(
                "`claims` is longer than {CLAIMS_BYTES} bytes or nested too deeply"
            )));
        }
        Ok(request)
    }

    /// The names of all claims that are asked for, in either place.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.userinfo.keys().chain(self.id_token.keys()).map(String::as_str)
    }

    /// The request for those claims alone whose name `is_kept`.
    pub fn only(mut self, is_kept: impl Fn(&str) -> bool) -> Self {
        for place in [&mut self.userinfo, &mut self.id_token] {
            place.retain(|name, _| is_kept(name));
        }
        self
    }
}

impl FromStr for ClaimsRequest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let malformed = || Error::invalid_request("`claims` is not a request for claims as a JSON object");
        let mut places: Map<String, Value> = serde_json::from_str(text).map_err(|_| malformed())?;
        let mut of = |place| match places.remove(place) {
            None | Some(Value::Null) => Ok(BTreeMap::new()),
            Some(Value::Object(claims)) => {
                claims.into_iter().map(claim).collect::<Option<_>>().ok_or_else(malformed)
            }
            Some(_) => Err(malformed()),
        };
        Ok(Self { userinfo: of("userinfo")?, id_token: of("id_token")? })
    }
}

fn claim((name, asked): (String, Value)) -> Option<(String, ClaimRequest)> {
    if asked.is_null() {
        return Some((name, ClaimRequest::default()));
    }
    // An array would be read as a struct, too.
    let Written { essential, value, values } =
        asked.is_object().then(|| Written::deserialize(asked).ok())??;
    let values = values.into_iter().flatten().chain(value).collect();
    Some((name, ClaimRequest { is_essential: essential, values }))
}

impl fmt::Display for ClaimsRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).expect("claims are keyed by text"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// OpenID Connect Core §5.5.
    #[test]
    fn the_example_of_the_standard_is_read() {
        let request: ClaimsRequest = json!({
            "userinfo": {
                "given_name": {"essential": true}, "nickname": null, "email": {"essential": true},
                "http://example.info/claims/groups": null
            },
            "id_token": {
                "auth_time": {"essential": true},
                "acr": {"values": ["urn:mace:incommon:iap:silver"]}, "sub": {"value": "248289761001"}
            }
        })
        .to_string()
        .parse()
        .unwrap();
        assert_eq!(request.userinfo.len(), 4);
        assert!(request.userinfo["given_name"].is_essential && !request.userinfo["nickname"].is_essential);
        assert!(request.id_token["auth_time"].takes(&json!(1)));
        assert!(request.id_token["sub"].takes(&json!("248289761001")));
        assert!(!request.id_token["sub"].takes(&json!("248289761002")));
        assert!(!request.id_token["acr"].takes(&json!("1")));
        assert_eq!(request.to_string().parse::<ClaimsRequest>().unwrap(), request);
    }

    #[test]
    fn what_is_not_known_is_passed_over() {
        let request: ClaimsRequest =
            r#"{"userinfo": {"name": {"purpose": "greeting"}}, "verified": [1]}"#.parse().unwrap();
        assert_eq!(request.to_string(), r#"{"userinfo":{"name":{}}}"#);
        assert_eq!("{}".parse::<ClaimsRequest>().unwrap(), ClaimsRequest::default());
        assert_eq!(r#"{"id_token":null}"#.parse::<ClaimsRequest>().unwrap(), ClaimsRequest::default());
    }

    #[test]
    fn malformed_requests_are_refused() {
        let deep = format!(r#"{{"userinfo":{{"a":{{"value":{}}}}}}}"#, "[".repeat(1000));
        let long = format!(r#"{{"userinfo":{{"{}":null}}}}"#, "a".repeat(CLAIMS_BYTES));
        for text in [
            "",
            "null",
            "[]",
            "1",
            "{",
            r#"{"userinfo":[]}"#,
            r#"{"userinfo":{"a":1}}"#,
            r#"{"userinfo":{"a":[true]}}"#,
            r#"{"id_token":{"a":{"essential":"yes"}}}"#,
            r#"{"id_token":{"a":{"values":"x"}}}"#,
            &deep,
            &long,
        ] {
            assert!(ClaimsRequest::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_taken_reads_back_however_much_it_grows_when_it_is_kept() {
        let of = |value: &str| format!(r#"{{"userinfo":{{"a":{{"value":{value}}}}}}}"#);
        let numbers = |count| of(&format!("[{}]", vec!["1e15"; count].join(",")));
        let nested = |depth| of(&("[".repeat(depth) + &"]".repeat(depth)));
        let texts = (0..800).map(numbers).chain((0..200).map(nested));
        let taken: Vec<_> = texts.filter_map(|text| Some((ClaimsRequest::read(&text).ok()?, text))).collect();
        for (request, text) in &taken {
            assert_eq!(request.to_string().parse().ok().as_ref(), Some(request), "{text}");
            assert!(request.to_string().len() <= CLAIMS_BYTES, "{text}");
        }
        assert!((300..500).contains(&taken.len()), "{}: nearly all of both sizes", taken.len());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r#"[{}":,a-z0-9\[\] ]{0,60}"#) {
            let _ = ClaimsRequest::read(&text);
        }
    }
}
