//! How an API is mended: in a sentence that is true everywhere, and in the words of the stack where there are some.

use crate::model::Stack;

/// What is to be mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mend {
    /// The times of a token.
    Times,
    /// For whom it is.
    Audience,
    /// Who made it.
    Issuer,
    /// What kind of token it is.
    Typ,
    /// Its algorithm, its key, its signature.
    Signature,
    /// Names that stand in it twice.
    Doubled,
    /// What it allows.
    Scope,
    /// Where it is looked for.
    Place,
    /// That it may be over before its time.
    Revocation,
    /// What who brings a bad one is told.
    Challenge,
    /// That nothing it holds may break the API.
    Robustness,
    /// That a good token is served.
    Good,
    /// That each request is answered for itself.
    Silence,
}

/// The values of the API that is checked, which stand in the sentences.
pub struct Values<'a> {
    /// The issuer.
    pub issuer: &'a str,
    /// The `aud` of its tokens.
    pub audience: &'a str,
    /// The scope that is demanded.
    pub scope: &'a str,
}

impl Mend {
    /// The sentence, and the words of `stack`.
    pub fn told(self, stack: Option<Stack>, values: &Values<'_>) -> String {
        let fill = |text: &str| {
            let jwks = format!("{}/.well-known/jwks.json", values.issuer);
            let filled = text.replace("{jwks}", &jwks).replace("{issuer}", values.issuer);
            filled.replace("{audience}", values.audience).replace("{scope}", values.scope)
        };
        let own = stack.and_then(|stack| Some(format!("; {stack}: {}", fill(self.in_words_of(stack)?))));
        fill(self.everywhere()) + &own.unwrap_or_default()
    }

    fn everywhere(self) -> &'static str {
        match self {
            Self::Times => "refuse a token whose `exp` is past or whose `nbf` lies ahead, give or take 30 s",
            Self::Audience => "take a token only if its `aud` is `{audience}`, character for character",
            Self::Issuer => "take a token only if its `iss` is `{issuer}`, character for character",
            Self::Typ => "take a token only if the `typ` in its header is `at+jwt`",
            Self::Signature => {
                "demand the algorithm `RS256`, and verify the signature by the key of `{jwks}` that has the `kid` of the header, or refuse; nothing else in the header is believed"
            }
            Self::Doubled => {
                "read the token with a JSON parser that refuses a name that stands twice, or takes the last"
            }
            Self::Scope => "split `scope` at spaces, and demand that `{scope}` is one of the words",
            Self::Place => "look for the token in the `Authorization` header, and nowhere else",
            Self::Revocation => {
                "ask `{issuer}/introspect` about each token, and keep no answer longer than it may matter"
            }
            Self::Challenge => {
                "answer a bad token with 401 and `WWW-Authenticate: Bearer error=\"invalid_token\"`, one that lacks the scope with 403 and `Bearer error=\"insufficient_scope\", scope=\"{scope}\"`, and none with 401 and `Bearer` alone"
            }
            Self::Robustness => "whatever cannot be read or verified in a token is a refusal with 401",
            Self::Good => {
                "check that the URL, the method and the scope are right, and that the API knows the issuer `{issuer}`, the audience `{audience}` and the keys of `{jwks}`"
            }
            Self::Silence => "check that the API runs, and takes a request in a second without limiting them",
        }
    }

    /// What the stack calls it, where a reader would have to look it up.
    fn in_words_of(self, stack: Stack) -> Option<&'static str> {
        Some(match (stack, self) {
            (Stack::Fastapi, Self::Times) => "`jwt.decode` checks both, unless `options` says otherwise",
            (Stack::Fastapi, Self::Audience) => "`jwt.decode(…, audience=\"{audience}\")`",
            (Stack::Fastapi, Self::Issuer) => "`jwt.decode(…, issuer=\"{issuer}\")`",
            (Stack::Fastapi, Self::Typ) => "`jwt.get_unverified_header(token).get(\"typ\") == \"at+jwt\"`",
            (Stack::Fastapi, Self::Signature) => {
                "`jwt.decode(token, jwt.PyJWKClient(\"{jwks}\").get_signing_key_from_jwt(token), algorithms=[\"RS256\"], …)`"
            }
            (Stack::Fastapi, Self::Scope) => {
                "`all(scope in payload[\"scope\"].split(\" \") for scope in security_scopes.scopes)`"
            }
            (Stack::Fastapi, Self::Challenge) => {
                "`HTTPException(401, headers={\"WWW-Authenticate\": 'Bearer error=\"invalid_token\"'})`"
            }
            (Stack::Fastapi, Self::Robustness) => "catch `jwt.PyJWTError`, which all of its faults are",
            (
                Stack::Express,
                Self::Times | Self::Audience | Self::Issuer | Self::Typ | Self::Signature | Self::Doubled,
            ) => {
                "`jwtVerify(token, createRemoteJWKSet(new URL(\"{jwks}\")), { issuer: \"{issuer}\", audience: \"{audience}\", algorithms: [\"RS256\"], typ: \"at+jwt\" })`"
            }
            (Stack::Express, Self::Scope) => "`payload.scope.split(\" \").includes(\"{scope}\")`",
            (Stack::Express, Self::Challenge) => {
                "`res.status(401).set(\"WWW-Authenticate\", 'Bearer error=\"invalid_token\"').end()`"
            }
            (Stack::Go, Self::Times | Self::Audience | Self::Issuer | Self::Signature) => {
                "`jwt.NewParser(jwt.WithValidMethods([]string{\"RS256\"}), jwt.WithIssuer(\"{issuer}\"), jwt.WithAudience(\"{audience}\"), jwt.WithExpirationRequired())`"
            }
            (Stack::Go, Self::Typ) => "`token.Header[\"typ\"] == \"at+jwt\"`",
            (Stack::Go, Self::Scope) => "`slices.Contains(strings.Split(claims.Scope, \" \"), \"{scope}\")`",
            (
                Stack::Axum | Stack::Warp,
                Self::Times
                | Self::Audience
                | Self::Issuer
                | Self::Typ
                | Self::Signature
                | Self::Doubled
                | Self::Robustness,
            ) => "`claviger::resource::Resource::new(\"{issuer}\", \"{audience}\", jwks)?.check(token)`",
            (Stack::Axum, Self::Scope) => "`caller.scope.contains(&scope!(\"{scope}\"))`",
            (Stack::Warp, Self::Scope) => "`api.bearer(scope!(\"{scope}\"))`",
            (Stack::Warp, Self::Challenge) => "`.recover(claviger::resource::refusal)`",
            (Stack::Spring, Self::Audience) => {
                "`spring.security.oauth2.resourceserver.jwt.audiences={audience}`"
            }
            (Stack::Spring, Self::Issuer) => {
                "`spring.security.oauth2.resourceserver.jwt.issuer-uri={issuer}`"
            }
            (Stack::Spring, Self::Signature) => {
                "`spring.security.oauth2.resourceserver.jwt.jws-algorithms=RS256`"
            }
            (Stack::Spring, Self::Scope) => "`hasAuthority(\"SCOPE_{scope}\")`",
            (
                Stack::Nginx | Stack::Apache,
                Self::Times | Self::Audience | Self::Issuer | Self::Typ | Self::Signature | Self::Doubled,
            ) => {
                "serve only what `{issuer}/introspect` calls `active`, asked by a client that has `--api {audience}`"
            }
            (Stack::Nginx, Self::Challenge) => "`add_header WWW-Authenticate … always` where 401 is answered",
            (Stack::Apache, Self::Challenge) => {
                "`Header always set WWW-Authenticate …` where 401 is answered"
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    const VALUES: Values<'_> =
        Values { issuer: "https://id.example.com", audience: "https://items.example", scope: "items:read" };

    #[test]
    fn a_mend_is_told_with_the_values_of_the_api_and_in_the_words_of_its_stack() {
        assert_snapshot!(Mend::Audience.told(None, &VALUES), @"take a token only if its `aud` is `https://items.example`, character for character");
        assert_snapshot!(Mend::Scope.told(Some(Stack::Express), &VALUES), @r#"split `scope` at spaces, and demand that `items:read` is one of the words; express: `payload.scope.split(" ").includes("items:read")`"#);
        assert_snapshot!(Mend::Place.told(Some(Stack::Go), &VALUES), @"look for the token in the `Authorization` header, and nowhere else");
    }
}
