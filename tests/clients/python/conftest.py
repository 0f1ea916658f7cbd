"""What the tests know of the server that `tests/clients/run` has started."""

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests


@dataclass(frozen=True)
class Facts:
    issuer: str
    api: str
    page: str
    username: str
    password: str
    basic: dict
    post: dict
    public: dict
    account: dict

    @property
    def token_endpoint(self) -> str:
        return f"{self.issuer}/token"

    def sign_in(self, **form: str) -> dict:
        """Tokens for the user by a bare request, for tests that are about something else."""
        form = {"grant_type": "password", "username": self.username, "password": self.password, **form}
        answer = requests.post(self.token_endpoint, form, timeout=30)
        answer.raise_for_status()
        return answer.json()


@pytest.fixture(scope="session")
def server() -> Facts:
    return Facts(**json.loads(Path(os.environ["CLAVIGER"]).read_text()))


@pytest.fixture(scope="session")
def metadata(server: Facts) -> dict:
    return requests.get(f"{server.issuer}/.well-known/oauth-authorization-server", timeout=30).json()


@pytest.fixture
def token(server: Facts) -> str:
    return server.sign_in(scope="notes:read")["access_token"]


@pytest.fixture
def tampered(token: str) -> str:
    """The same with another payload, which claims more scope, under the old signature."""
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "==")) | {"scope": "notes:read notes:write"}
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return ".".join((header, payload, signature))
