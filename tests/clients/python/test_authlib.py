"""Authlib: its OAuth 2 session for requests, and its RFC 9068 validator as a resource server has it."""

import pytest
import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc6749 import ResourceProtector
from authlib.oauth2.rfc6749.requests import OAuth2Request
from authlib.oauth2.rfc6750 import InsufficientScopeError, InvalidTokenError
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from joserfc.jwk import KeySet


@pytest.fixture(params=["basic", "post", "public"])
def session(request, server) -> OAuth2Session:
    """A session for each way of client authentication."""
    method = {"basic": "client_secret_basic", "post": "client_secret_post", "public": "none"}[request.param]
    return open_session(server, getattr(server, request.param), method)


@pytest.fixture
def basic(server) -> OAuth2Session:
    return open_session(server, server.basic, "client_secret_basic")


def open_session(server, client: dict, method: str) -> OAuth2Session:
    return OAuth2Session(
        **client,
        token_endpoint=server.token_endpoint,
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
    )


def sign_in(session: OAuth2Session, server, **more) -> dict:
    return session.fetch_token(username=server.username, password=server.password, **more)


def test_password_then_refresh(session, server):
    first = dict(sign_in(session, server, scope="notes:read"))
    second = session.refresh_token()

    assert first["token_type"] == "Bearer"
    assert first["scope"] == second["scope"] == "notes:read"
    assert first["refresh_token"] != second["refresh_token"]


def test_a_session_refreshes_by_itself_when_its_token_ends(basic, server):
    basic.update_token = lambda token, refresh_token=None, access_token=None: None
    first = dict(sign_in(basic, server, scope="profile"))
    basic.token["expires_at"] = 1

    assert basic.get(f"{server.issuer}/users/me").json()["username"] == server.username
    assert basic.token["access_token"] != first["access_token"]


def test_client_credentials(basic):
    token = basic.fetch_token(grant_type="client_credentials", scope="notes:write")

    assert token["scope"] == "notes:write"
    assert "refresh_token" not in token


def test_introspection_then_revocation(basic, server):
    tokens = sign_in(basic, server)
    def introspect():
        return basic.introspect_token(f"{server.issuer}/introspect", tokens["access_token"]).json()

    told = introspect()
    assert told["active"] is True
    assert told["client_id"] == server.basic["client_id"]

    answer = basic.revoke_token(f"{server.issuer}/revoke", tokens["access_token"], "access_token")
    assert answer.status_code == 200
    assert introspect() == {"active": False}


def test_a_revoked_refresh_token_is_refused(session, server):
    tokens = sign_in(session, server)
    answer = session.revoke_token(f"{server.issuer}/revoke", tokens["refresh_token"], "refresh_token")

    assert answer.status_code == 200
    with pytest.raises(OAuthError, match="invalid_grant"):
        session.refresh_token(refresh_token=tokens["refresh_token"])


def test_a_wrong_password_is_an_invalid_grant(session, server):
    with pytest.raises(OAuthError, match="invalid_grant"):
        session.fetch_token(username=server.username, password="not-the-password-at-all")


def test_a_wrong_secret_is_an_invalid_client(server):
    session = open_session(server, {**server.basic, "client_secret": "wrong"}, "client_secret_basic")

    with pytest.raises(OAuthError, match="invalid_client"):
        sign_in(session, server)


class Validator(JWTBearerTokenValidator):
    def get_jwks(self):
        answer = requests.get(f"{self.issuer}/.well-known/jwks.json", timeout=30)
        return KeySet.import_key_set(answer.json())


@pytest.fixture
def protect(server):
    """An API's guard: takes a token and the scopes that it needs, gives the claims."""
    protector = ResourceProtector()
    protector.register_token_validator(Validator(server.issuer, server.api))

    def guard(token: str, *scopes: str):
        headers = {"Authorization": f"Bearer {token}"}
        return protector.validate_request(list(scopes), OAuth2Request("GET", "https://notes.example/", headers=headers))

    return guard


def test_the_validator_accepts_a_token(protect, token):
    assert protect(token, "notes:read")["client_id"] == "app"


def test_the_validator_misses_a_scope(protect, token):
    with pytest.raises(InsufficientScopeError):
        protect(token, "notes:write")


def test_the_validator_refuses_a_tampered_token(protect, tampered):
    with pytest.raises(InvalidTokenError):
        protect(tampered, "notes:read")


def test_the_validator_refuses_a_token_for_another_api(protect, server):
    token = server.sign_in(**server.account)["access_token"]

    with pytest.raises(InvalidTokenError):
        protect(token)
