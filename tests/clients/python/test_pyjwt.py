"""PyJWT, as an API uses it: `PyJWKClient` finds the key, `decode` checks the token."""

import time

import jwt
import pytest

from conftest import Facts

REQUIRED = ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"]


@pytest.fixture(scope="module")
def keys(metadata: dict) -> jwt.PyJWKClient:
    return jwt.PyJWKClient(metadata["jwks_uri"])


def check(keys: jwt.PyJWKClient, server: Facts, token: str, **changes) -> dict:
    options = {"audience": server.api, "issuer": server.issuer, "options": {"require": REQUIRED}, **changes}
    return jwt.decode(token, keys.get_signing_key_from_jwt(token), algorithms=["RS256"], **options)


def test_a_token_verifies_by_the_published_keys(keys, server, token):
    claims = check(keys, server, token)

    assert claims["scope"] == "notes:read"
    assert claims["client_id"] == "app"
    assert claims["exp"] - claims["iat"] == 600
    assert abs(claims["iat"] - time.time()) < 60
    assert "nbf" not in claims
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"


def test_tokens_have_a_subject_each_and_an_identifier_each(keys, server):
    first, second = (check(keys, server, server.sign_in()["access_token"]) for _ in range(2))

    assert first["sub"] == second["sub"] != server.username
    assert first["jti"] != second["jti"]


def test_a_token_for_another_audience_is_refused(keys, server):
    token = server.sign_in(**server.account)["access_token"]

    check(keys, server, token, audience=server.issuer)
    with pytest.raises(jwt.InvalidAudienceError):
        check(keys, server, token)


def test_a_token_of_another_issuer_is_refused(keys, server, token):
    with pytest.raises(jwt.InvalidIssuerError):
        check(keys, server, token, issuer="https://elsewhere.example")


def test_a_tampered_token_is_refused(keys, server, tampered):
    with pytest.raises(jwt.InvalidSignatureError):
        check(keys, server, tampered)


def test_a_token_ends_after_its_lifetime(keys, server, token):
    """A negative leeway is a later clock; `iat` would lie in its future."""
    later = {"options": {"verify_iat": False}}
    check(keys, server, token, leeway=-540, **later)
    with pytest.raises(jwt.ExpiredSignatureError):
        check(keys, server, token, leeway=-600, **later)


def test_a_token_signed_by_somebody_else_has_no_key(keys, server):
    stranger = jwt.encode({"sub": "mallory"}, "x" * 32, headers={"kid": "a-key-of-mine"})

    with pytest.raises(jwt.PyJWKClientError):
        check(keys, server, stranger)
