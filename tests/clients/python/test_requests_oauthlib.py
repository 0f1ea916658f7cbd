"""requests-oauthlib: the legacy (password) and the backend (client credentials) application, with refresh."""

import pytest
from oauthlib.oauth2 import BackendApplicationClient, InvalidClientError, InvalidGrantError, LegacyApplicationClient
from requests_oauthlib import OAuth2Session


def sign_in(session: OAuth2Session, server, **more) -> dict:
    return session.fetch_token(server.token_endpoint, username=server.username, password=server.password, **more)


@pytest.fixture
def public(server) -> OAuth2Session:
    return OAuth2Session(client=LegacyApplicationClient(server.public["client_id"], scope="notes:read"))


@pytest.fixture
def basic(server) -> OAuth2Session:
    return OAuth2Session(client=LegacyApplicationClient(server.basic["client_id"], scope="notes:read"))


def test_password_then_refresh_of_a_public_client(public, server):
    first = dict(sign_in(public, server, include_client_id=True))
    second = public.refresh_token(server.token_endpoint, client_id=server.public["client_id"])

    assert first["scope"] == second["scope"] == ["notes:read"]
    assert first["refresh_token"] != second["refresh_token"]


def test_password_then_refresh_of_a_confidential_client(basic, server):
    first = dict(sign_in(basic, server, client_secret=server.basic["client_secret"]))
    second = basic.refresh_token(server.token_endpoint, auth=tuple(server.basic.values()))

    assert first["access_token"] != second["access_token"]


def test_a_public_client_that_sends_basic_with_an_empty_secret_is_served(public, server):
    """What requests-oauthlib does by itself for a client without a secret."""
    assert sign_in(public, server)["scope"] == ["notes:read"]


def test_a_session_refreshes_by_itself_when_its_token_ends(server):
    saved = []
    session = OAuth2Session(
        client=LegacyApplicationClient(server.public["client_id"], scope="profile"),
        auto_refresh_url=server.token_endpoint,
        auto_refresh_kwargs=server.public,
        token_updater=saved.append,
    )
    token = sign_in(session, server, include_client_id=True)
    session.token = {**token, "expires_at": 1}

    assert session.get(f"{server.issuer}/users/me").json()["username"] == server.username
    assert [new["refresh_token"] != token["refresh_token"] for new in saved] == [True]


def test_client_credentials(server):
    session = OAuth2Session(client=BackendApplicationClient(server.basic["client_id"], scope="notes:write"))
    token = session.fetch_token(server.token_endpoint, client_secret=server.basic["client_secret"])

    assert token["scope"] == ["notes:write"]
    assert "refresh_token" not in token


def test_a_wrong_password_is_an_invalid_grant(public, server):
    with pytest.raises(InvalidGrantError):
        public.fetch_token(
            server.token_endpoint,
            username=server.username,
            password="not-the-password-at-all",
            include_client_id=True,
        )


def test_a_wrong_secret_is_an_invalid_client(basic, server):
    with pytest.raises(InvalidClientError):
        sign_in(basic, server, client_secret="wrong")
