"""What a test of an API looks like. `check` stands for the API's own."""

import jwt
import pytest

AUDIENCE = "https://items.example"


def check(issuer, token: str, scope: str) -> dict:
    """What the API does with a bearer token: every check of RFC 9068 §4."""
    if jwt.get_unverified_header(token).get("typ") != "at+jwt":
        raise PermissionError("not an access token")
    key = jwt.PyJWKClient(issuer.jwks_url).get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key, algorithms=["RS256"], audience=AUDIENCE, issuer=issuer.url, leeway=30)
    if scope not in claims["scope"].split(" "):
        raise PermissionError("the scope is missing")
    return claims


def test_a_good_token_is_taken(issuer):
    token = issuer.token(sub="alice", aud=AUDIENCE, scope="items:read items:write")
    assert check(issuer, token, "items:read")["sub"] == "alice"


@pytest.mark.parametrize(
    "wish",
    [
        {"lifetime": -60},
        {"aud": "https://other.example"},
        {"scope": "items:write"},
        {"typ": "JWT"},
        {"claims": {"iss": "https://other.example"}},
        {"claims": {"exp": None, "aud": None}},
        {"claims": {"nbf": 4_000_000_000}},
    ],
    ids=str,
)
def test_a_bad_token_is_refused(issuer, wish):
    token = issuer.token(**{"aud": AUDIENCE, "scope": "items:read", **wish})
    with pytest.raises((jwt.InvalidTokenError, PermissionError)):
        check(issuer, token, "items:read")


def test_keys_rotate_and_revoked_ones_are_refused(issuer):
    before = issuer.token(aud=AUDIENCE, scope="items:read")
    issuer.rotate()
    after = issuer.token(aud=AUDIENCE, scope="items:read")
    assert check(issuer, before, "items:read") and check(issuer, after, "items:read")
    issuer.rotate(revoke=True)
    with pytest.raises(jwt.PyJWKClientError):
        check(issuer, after, "items:read")


def test_an_issuer_whose_clock_is_behind_gives_tokens_that_have_expired(issuer):
    issuer.set_clock(1_700_000_000)
    token = issuer.token(aud=AUDIENCE, scope="items:read")
    with pytest.raises(jwt.ExpiredSignatureError):
        check(issuer, token, "items:read")
