//! The laws of standard claims.

use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::fault::Fault;
use crate::model::UserId;
use crate::protocol::ClaimsRequest;

fn alice() -> User {
    User {
        id: UserId(Uuid::nil()),
        username: "alice".parse().unwrap(),
        email: None,
        full_name: None,
        claims: StandardClaims::default(),
        roles: Vec::new(),
        generation: 0,
        created_at: 1,
        updated_at: 1,
        disabled_at: None,
    }
}

fn set(user: &User, pairs: &[(&str, &str)]) -> Result<User, ClaimError> {
    ClaimChanges::read(Author::Operator, pairs.iter().copied())?.of(user, 2)
}

/// A value of each claim.
fn example(claim: &Claim) -> &'static str {
    match claim.form {
        Form::Line | Form::Lines => "some text",
        Form::Url => "https://example.com/alice",
        Form::Email => "alice@example.com",
        Form::Phone => "+14255551212",
        Form::Birthdate => "1984-02-29",
        Form::Zoneinfo => "Europe/Berlin",
        Form::Locale => "en-GB",
        Form::Boolean => "true",
    }
}

fn full() -> User {
    set(&alice(), &CLAIMS.iter().map(|claim| (claim.name, example(claim))).collect::<Vec<_>>()).unwrap()
}

fn told(user: &User, scope: &str, requested: &str) -> Value {
    let request: ClaimsRequest = format!("{{\"userinfo\":{{{requested}}}}}").parse().unwrap();
    Value::Object(user.released(&scope.parse().unwrap(), &request.userinfo))
}

/// OpenID Connect Core §5.1 and §5.4.
#[test]
fn every_scope_releases_its_claims() {
    let user = full();
    insta::assert_snapshot!(told(&user, "profile", ""), @r#"{"birthdate":"1984-02-29","family_name":"some text","gender":"some text","given_name":"some text","locale":"en-GB","middle_name":"some text","name":"some text","nickname":"some text","picture":"https://example.com/alice","preferred_username":"alice","profile":"https://example.com/alice","updated_at":2,"website":"https://example.com/alice","zoneinfo":"Europe/Berlin"}"#);
    insta::assert_snapshot!(told(&user, "email", ""), @r#"{"email":"alice@example.com","email_verified":true}"#);
    insta::assert_snapshot!(told(&user, "phone", ""), @r#"{"phone_number":"+14255551212","phone_number_verified":true}"#);
    insta::assert_snapshot!(told(&user, "address", ""), @r#"{"address":{"country":"some text","formatted":"some text","locality":"some text","postal_code":"some text","region":"some text","street_address":"some text"}}"#);
    assert_eq!(told(&user, "openid offline_access items:read", ""), json!({}));
    let mut all: Vec<_> =
        told(&user, "profile email phone address", "").as_object().unwrap().keys().cloned().collect();
    all.push("sub".to_owned());
    let mut supported = supported();
    all.sort();
    supported.sort_unstable();
    assert_eq!(all, supported);
}

/// OpenID Connect Core §5.5.
#[test]
fn a_claim_that_is_asked_for_by_name_is_released_without_its_scope() {
    let user = full();
    let asked = r#""email": null, "updated_at": {"essential": true}"#;
    assert_eq!(told(&user, "openid", asked), json!({ "email": "alice@example.com", "updated_at": 2 }));
    assert_eq!(told(&user, "openid", r#""address": null"#), told(&user, "address", ""));
    let unknown = r#""name#de": null, "address.locality": null, "sub": null, "roles": null"#;
    assert_eq!(told(&user, "openid", unknown), json!({}));
}

/// OpenID Connect Core §5.5.1.
#[test]
fn a_claim_that_is_asked_for_with_another_value_is_not_released() {
    let user = full();
    assert_eq!(told(&user, "openid", r#""locale": {"value": "en-GB"}"#), json!({ "locale": "en-GB" }));
    assert_eq!(told(&user, "openid", r#""locale": {"values": ["de", "fr"]}"#), json!({}));
}

/// OpenID Connect Core §5.3.2: a claim that is not there is left out, not null.
#[test]
fn what_a_user_has_not_is_left_out() {
    assert_eq!(
        told(&alice(), "profile email phone address", ""),
        json!({ "preferred_username": "alice", "updated_at": 1 })
    );
}

#[test]
fn what_was_not_verified_is_called_so() {
    let user = set(&alice(), &[("email", "a@b")]).unwrap();
    assert_eq!(told(&user, "email phone", ""), json!({ "email": "a@b", "email_verified": false }));
    let user = set(&user, &[("email_verified", "true")]).unwrap();
    assert_eq!(user.claim("email_verified"), Some(Value::Bool(true)));
    let user = set(&user, &[("email_verified", "")]).unwrap();
    assert_eq!(user.claim("email_verified"), Some(Value::Bool(false)));
    assert_eq!(user.claims, StandardClaims::default(), "only what is true is kept");
}

#[test]
fn another_address_or_number_is_not_verified() {
    for (thing, flag, other) in
        [("email", "email_verified", "b@b"), ("phone_number", "phone_number_verified", "+14255551213")]
    {
        let user = full();
        let same = user.claim(thing).unwrap();
        let after = |pairs: &[(&str, &str)]| set(&user, pairs).unwrap().claim(flag);
        assert_eq!(after(&[(thing, other)]), Some(Value::Bool(false)));
        assert_eq!(after(&[(thing, other), (flag, "true")]), Some(Value::Bool(true)));
        assert_eq!(after(&[(thing, other), (flag, "false")]), Some(Value::Bool(false)));
        assert_eq!(after(&[(thing, same.as_str().unwrap())]), Some(Value::Bool(true)));
        assert_eq!(after(&[("gender", "")]), Some(Value::Bool(true)));
        assert_eq!(after(&[(thing, "")]), None);
        assert!(matches!(
            set(&user, &[(thing, ""), (flag, "true")]),
            Err(ClaimError::NothingToVerify { .. })
        ));
        assert!(matches!(set(&alice(), &[(flag, "true")]), Err(ClaimError::NothingToVerify { .. })));
    }
}

#[test]
fn a_user_does_not_say_what_is_verified() {
    let read = |name| ClaimChanges::read(Author::Owner, [(name, "true")]);
    assert!(read("nickname").is_ok());
    for flag in ["email_verified", "phone_number_verified"] {
        assert!(matches!(read(flag), Err(ClaimError::NotOwners(_))), "{flag}");
    }
}

#[test]
fn a_fault_says_what_can_be_done() {
    let fault = |pairs| Fault::from(set(&alice(), pairs).unwrap_err()).to_string();
    insta::assert_snapshot!(fault(&[("adress.locality", "Berlin")]), @"
    there is no claim `adress.locality`
    hint: did you mean `address.locality`?
    ");
    insta::assert_snapshot!(fault(&[("locality", "Berlin")]), @"
    there is no claim `locality`
    hint: write `address.locality`
    ");
    assert!(fault(&[("shoe_size", "46")]).contains("hint: the claims are `name`, `given_name`"));
    insta::assert_snapshot!(fault(&[("birthdate", "1985-02-29")]), @"
    `birthdate` is not of its form
    hint: write a date such as `1984-02-29`, `0000-02-29` without the year, or the year alone
    ");
    insta::assert_snapshot!(fault(&[("preferred_username", "bob")]), @"
    `preferred_username` cannot be set
    hint: it follows from what else is known of the user
    ");
    insta::assert_snapshot!(fault(&[("gender", "a"), ("gender", "b")]), @"
    `gender` is named twice
    hint: name `gender` once
    ");
    insta::assert_snapshot!(fault(&[("email_verified", "true")]), @"
    `email_verified` says nothing without `email`
    hint: set `email` in the same command
    ");
}

#[test]
fn all_claims_together_stay_small() {
    let long = "\"".repeat(256);
    let texts = CLAIMS.iter().filter(|claim| matches!(claim.form, Form::Line | Form::Lines));
    let pairs: Vec<_> = texts.map(|claim| (claim.name, long.as_str())).collect();
    assert!(set(&alice(), &pairs[..4]).is_ok());
    assert!(matches!(set(&alice(), &pairs), Err(ClaimError::TooLarge(bytes)) if bytes > 4096));
}

proptest! {
    #[test]
    fn claims_read_back_as_they_were_written(values in proptest::collection::vec(proptest::option::of("[a-z\"\\\\ä\n]{1,20}"), CLAIMS.len())) {
        let valued = CLAIMS.iter().zip(&values).filter_map(|(claim, value)| Some((claim, value.as_deref()?)));
        let pairs = valued.filter(|(claim, _)| claim.form == Form::Lines).map(|(claim, value)| (claim.name, value));
        let user = set(&alice(), &pairs.collect::<Vec<_>>()).unwrap();
        prop_assert_eq!(user.claims.to_string().parse::<StandardClaims>(), Ok(user.claims));
    }
}

#[test]
fn what_is_no_claim_is_not_read_back() {
    assert_eq!("{}".parse(), Ok(StandardClaims::default()));
    for text in [
        "",
        "[]",
        "{\"shoe_size\":\"46\"}",
        "{\"gender\":true}",
        "{\"gender\":null}",
        "{\"email_verified\":\"true\"}",
    ] {
        assert!(text.parse::<StandardClaims>().is_err(), "{text}");
    }
    assert_eq!(full().claims.to_string().parse(), Ok(full().claims));
}
