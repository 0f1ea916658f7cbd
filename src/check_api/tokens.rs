//! What an API is sent: one good token, none, and each of the bad ones.
//!
//! A bad token differs from a good one in nothing but its flaw, so that nothing but the check in question can refuse
//! it. Those that the server's own key signs are for the API alone, or for nobody: where `aud` or `iss` is another's, it is
//! a name that nobody can have ([RFC 6761 §6.4](https://www.rfc-editor.org/rfc/rfc6761#section-6.4)). None is without an end.

use serde_json::{Value, json};

use super::draft::{Draft, Sent};
use super::forge::{doubled, merged, text};
use super::mend::Mend;
use crate::protocol::RefreshToken;

/// What is sent, and what an API must make of it.
pub struct Kind {
    /// What it is called.
    pub name: &'static str,
    /// What is wrong with it.
    pub flaw: &'static str,
    /// How it is made.
    pub(super) make: fn(&Draft<'_>) -> Sent,
    /// What the API must answer.
    pub expect: Expect,
    /// What is wrong with an API that does the opposite, and the section that says so.
    pub fault: &'static str,
    /// How such an API is mended.
    pub(super) mend: Mend,
}

/// What an API must answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// What it is there for: 2xx.
    Served,
    /// 401, and a challenge that names no error, since there was no token
    /// ([RFC 6750 §3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)).
    NoToken,
    /// 401 with `invalid_token`.
    InvalidToken,
    /// 401 with `invalid_token`, if the API asks about tokens.
    Revoked,
    /// 403 with `insufficient_scope` and the scope.
    InsufficientScope,
    /// Anything but what it is there for.
    Refused,
}

/// Ten minutes: more than any API forgives.
const LONG: i64 = 600;

/// Everything that is sent, in this order. The good token comes first: where it is refused, no refusal says anything.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "good",
        flaw: "nothing is wrong with it",
        make: |draft| Sent::InHeader(draft.good.clone()),
        expect: Expect::Served,
        fault: "the API refuses a good token, so its other refusals prove nothing, and no bad ones were sent",
        mend: Mend::Good,
    },
    Kind {
        name: "no-token",
        flaw: "there is none",
        make: |_| Sent::Nothing,
        expect: Expect::NoToken,
        fault: "the API serves requests without a token (RFC 6750 §3)",
        mend: Mend::Place,
    },
    Kind {
        name: "expired",
        flaw: "`exp` is ten minutes past",
        make: |draft| {
            let past = draft.number("iat") - LONG;
            draft.with(json!({}), json!({ "iat": past - 60, "exp": past }))
        },
        expect: Expect::InvalidToken,
        fault: "the API takes tokens that have expired (RFC 7519 §4.1.4, RFC 9068 §4)",
        mend: Mend::Times,
    },
    Kind {
        name: "not-yet-valid",
        flaw: "`nbf` is ten minutes ahead",
        make: |draft| draft.with(json!({}), json!({ "nbf": draft.number("iat") + LONG })),
        expect: Expect::InvalidToken,
        fault: "the API takes tokens before they are valid (RFC 7519 §4.1.5)",
        mend: Mend::Times,
    },
    Kind {
        name: "other-audience",
        flaw: "`aud` is another API",
        make: |draft| draft.with(json!({}), json!({ "aud": draft.nobody("https://") })),
        expect: Expect::InvalidToken,
        fault: "the API takes tokens that are for other APIs (RFC 7519 §4.1.3, RFC 9068 §4)",
        mend: Mend::Audience,
    },
    Kind {
        name: "similar-audience",
        flaw: "`aud` only begins as it must",
        make: |draft| {
            draft.with(json!({}), json!({ "aud": draft.nobody(&format!("{}.", draft.claim("aud"))) }))
        },
        expect: Expect::InvalidToken,
        fault: "the API compares only a part of `aud` (RFC 7519 §4.1.3, RFC 9068 §4)",
        mend: Mend::Audience,
    },
    Kind {
        name: "other-issuer",
        flaw: "`iss` is another server",
        make: |draft| draft.with(json!({}), json!({ "iss": draft.nobody("https://") })),
        expect: Expect::InvalidToken,
        fault: "the API takes tokens that name another issuer (RFC 9068 §4, RFC 8725 §3.8)",
        mend: Mend::Issuer,
    },
    Kind {
        name: "similar-issuer",
        flaw: "`iss` only begins as it must",
        make: |draft| {
            draft.with(json!({}), json!({ "iss": draft.nobody(&format!("{}.", draft.claim("iss"))) }))
        },
        expect: Expect::InvalidToken,
        fault: "the API compares only a part of `iss` (RFC 9068 §4, RFC 8725 §3.8)",
        mend: Mend::Issuer,
    },
    Kind {
        name: "id-token",
        flaw: "it is an ID token, for a client",
        make: |draft| draft.id_token(),
        expect: Expect::InvalidToken,
        fault: "the API takes ID tokens, which every application that signs people in holds (RFC 9068 §4, RFC 8725 §2.8)",
        mend: Mend::Typ,
    },
    Kind {
        name: "refresh-token",
        flaw: "it is a refresh token, of nobody",
        make: |draft| Sent::InHeader(RefreshToken::new(draft.dead_secret).to_text()),
        expect: Expect::InvalidToken,
        fault: "the API takes refresh tokens, which are for the server alone (RFC 6749 §1.5)",
        mend: Mend::Signature,
    },
    Kind {
        name: "wrong-typ",
        flaw: "`typ` is `JWT`",
        make: |draft| draft.with(json!({ "typ": "JWT" }), json!({})),
        expect: Expect::InvalidToken,
        fault: "the API takes tokens that are not called access tokens (RFC 9068 §4)",
        mend: Mend::Typ,
    },
    Kind {
        name: "alg-none",
        flaw: "`alg` is `none`",
        make: |draft| draft.by_nobody(json!({ "alg": "none" })),
        expect: Expect::InvalidToken,
        fault: "the API takes tokens without a signature, which anybody can write (RFC 9068 §4, RFC 8725 §3.2)",
        mend: Mend::Signature,
    },
    Kind {
        name: "alg-None",
        flaw: "`alg` is `None`",
        make: |draft| draft.by_nobody(json!({ "alg": "None" })),
        expect: Expect::InvalidToken,
        fault: "the API forbids `none` in one spelling and takes it in another (RFC 9068 §4, RFC 8725 §2.1)",
        mend: Mend::Signature,
    },
    Kind {
        name: "alg-NONE",
        flaw: "`alg` is `NONE`",
        make: |draft| draft.by_nobody(json!({ "alg": "NONE" })),
        expect: Expect::InvalidToken,
        fault: "the API forbids `none` in one spelling and takes it in another (RFC 9068 §4, RFC 8725 §2.1)",
        mend: Mend::Signature,
    },
    Kind {
        name: "alg-nOnE",
        flaw: "`alg` is `nOnE`",
        make: |draft| draft.by_nobody(json!({ "alg": "nOnE" })),
        expect: Expect::InvalidToken,
        fault: "the API forbids `none` in one spelling and takes it in another (RFC 9068 §4, RFC 8725 §2.1)",
        mend: Mend::Signature,
    },
    Kind {
        name: "no-signature",
        flaw: "the signature is left out",
        make: |draft| draft.by_nobody(json!({})),
        expect: Expect::InvalidToken,
        fault: "the API verifies a signature only where there is one (RFC 7515 §5.2)",
        mend: Mend::Signature,
    },
    Kind {
        name: "other-key",
        flaw: "another key signed it",
        make: |draft| draft.by_stranger(json!({})),
        expect: Expect::InvalidToken,
        fault: "the API does not verify signatures (RFC 7515 §5.2, RFC 9068 §4)",
        mend: Mend::Signature,
    },
    Kind {
        name: "hs256-pem",
        flaw: "HS256 by the public key in PEM",
        make: |draft| draft.by_hmac(&draft.key.pem(), json!({})),
        expect: Expect::InvalidToken,
        fault: "the API takes its public key, which everybody has, for a secret (RFC 8725 §2.1, §3.1)",
        mend: Mend::Signature,
    },
    Kind {
        name: "hs256-jwk",
        flaw: "HS256 by the public key as JWK",
        make: |draft| {
            let kid = draft.header.get("kid").and_then(Value::as_str).unwrap_or_default();
            draft.by_hmac(&draft.key.jwk(kid), json!({}))
        },
        expect: Expect::InvalidToken,
        fault: "the API takes its public key, which everybody has, for a secret (RFC 8725 §2.1, §3.1)",
        mend: Mend::Signature,
    },
    Kind {
        name: "unknown-kid",
        flaw: "`kid` names no key",
        make: |draft| draft.by_stranger(json!({ "kid": draft.nonce })),
        expect: Expect::InvalidToken,
        fault: "the API verifies no signature when it does not know the key (RFC 7515 §5.2, RFC 9068 §4)",
        mend: Mend::Signature,
    },
    Kind {
        name: "kid-path",
        flaw: "`kid` is a path to an empty file",
        make: |draft| draft.by_hmac("", json!({ "kid": "../../../../../../../../../../../../dev/null" })),
        expect: Expect::InvalidToken,
        fault: "the API opens the file that `kid` names (RFC 8725 §3.10)",
        mend: Mend::Signature,
    },
    Kind {
        name: "kid-sql",
        flaw: "`kid` is a piece of SQL",
        make: |draft| draft.by_hmac("claviger", json!({ "kid": "' UNION SELECT 'claviger' -- " })),
        expect: Expect::InvalidToken,
        fault: "the API runs `kid` as SQL (RFC 8725 §3.10)",
        mend: Mend::Signature,
    },
    Kind {
        name: "embedded-jwk",
        flaw: "it brings its own key (`jwk`)",
        make: |draft| {
            let jwk = serde_json::from_str::<Value>(&draft.stranger.jwk(&draft.nonce)).unwrap_or_default();
            draft.by_stranger(json!({ "kid": draft.nonce, "jwk": jwk }))
        },
        expect: Expect::InvalidToken,
        fault: "the API believes the key that a token brings along (RFC 9068 §4, RFC 8725 §3.10)",
        mend: Mend::Signature,
    },
    Kind {
        name: "retired-key",
        flaw: "`kid` names a key that is gone",
        make: |draft| draft.by_stranger(json!({ "kid": draft.retired_kid })),
        expect: Expect::InvalidToken,
        fault: "the API takes tokens of keys that are published no more (RFC 9068 §4)",
        mend: Mend::Signature,
    },
    Kind {
        name: "revoked",
        flaw: "it was revoked",
        make: |draft| Sent::InHeader(draft.good.clone()),
        expect: Expect::Revoked,
        fault: "the API takes tokens that were revoked (RFC 7662 §4)",
        mend: Mend::Revocation,
    },
    Kind {
        name: "missing-scope",
        flaw: "`scope` is another",
        make: |draft| draft.with(json!({}), json!({ "scope": "check-api" })),
        expect: Expect::InsufficientScope,
        fault: "the API serves tokens that lack the scope (RFC 6750 §3.1)",
        mend: Mend::Scope,
    },
    Kind {
        name: "similar-scope",
        flaw: "`scope` holds it as a part of a word",
        make: |draft| {
            let scope = format!("not-{0} {0}-not", draft.scope);
            draft.with(json!({}), json!({ "scope": scope }))
        },
        expect: Expect::InsufficientScope,
        fault: "the API looks for the scope in the text of `scope`, and not among its words (RFC 6749 §3.3)",
        mend: Mend::Scope,
    },
    Kind {
        name: "doubled-exp",
        flaw: "`exp` stands twice, the last is past",
        make: |draft| {
            let (now, exp) = (draft.number("iat"), draft.number("exp"));
            let claims = merged(&draft.claims, json!({ "iat": now - 2 * LONG, "exp": now - LONG }));
            let claims = doubled(&text(&claims), &format!("\"exp\":{exp}"));
            Sent::InHeader(draft.key.sign(&text(&draft.header), &claims))
        },
        expect: Expect::InvalidToken,
        fault: "of a claim that stands twice, the API takes another than the last (RFC 7519 §4)",
        mend: Mend::Doubled,
    },
    Kind {
        name: "doubled-aud",
        flaw: "`aud` stands twice, the last is another",
        make: |draft| {
            let claims = merged(&draft.claims, json!({ "aud": draft.nobody("https://") }));
            let claims = doubled(&text(&claims), &format!("\"aud\":{}", json!(draft.claim("aud"))));
            Sent::InHeader(draft.key.sign(&text(&draft.header), &claims))
        },
        expect: Expect::InvalidToken,
        fault: "of a claim that stands twice, the API takes another than the last (RFC 7519 §4)",
        mend: Mend::Doubled,
    },
    Kind {
        name: "empty",
        flaw: "header and claims are empty",
        make: |_| Sent::InHeader("e30.e30.AA".to_owned()),
        expect: Expect::InvalidToken,
        fault: "the API takes what says nothing (RFC 9068 §4)",
        mend: Mend::Signature,
    },
    Kind {
        name: "in-query",
        flaw: "a good one, in the query string",
        make: |draft| Sent::InQuery(draft.good.clone()),
        expect: Expect::Refused,
        fault: "the API takes tokens from the query string, which is logged and remembered everywhere (RFC 9700 §4.3.2, RFC 6750 §2.3)",
        mend: Mend::Place,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_good_token_comes_first_and_every_name_is_its_own() {
        assert_eq!(KINDS[0].expect, Expect::Served);
        for (at, kind) in KINDS.iter().enumerate() {
            assert!(KINDS[..at].iter().all(|before| before.name != kind.name), "{}", kind.name);
        }
    }
}
