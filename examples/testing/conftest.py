"""A fixture for the tests of an API: an issuer of its own, which makes any token in one call.

Copy this file beside your tests. It needs `claviger` in the `PATH`.
"""

import json
import subprocess
import urllib.request

import pytest


class Issuer:
    def __init__(self, facts: dict) -> None:
        self.url = facts["issuer"]
        self.jwks_url = f"{self.url}/.well-known/jwks.json"
        self.config = facts["config"]  # for `claviger --config …`, to add clients and users
        self._control = facts["control"]

    def token(self, **wish) -> str:
        """A signed token: `sub`, `client_id`, `aud`, `scope`, `lifetime`, `typ`, and any other in `claims`."""
        return self._call("token", wish)["token"]

    def set_clock(self, now: int) -> None:
        """Puts the issuer's clock to a Unix time; it runs on from there."""
        self._call("clock", {"now": now})

    def advance(self, seconds: int) -> None:
        """Lets time pass for the issuer."""
        self._call("clock", {"advance": seconds})

    def rotate(self, revoke: bool = False) -> None:
        """Signs with another key from now on; the one before is dropped if `revoke`."""
        self._call("rotate", {"revoke": revoke})

    def _call(self, name: str, body: dict) -> dict:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._control}/{name}", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


@pytest.fixture
def issuer():
    pipe = subprocess.PIPE
    with subprocess.Popen(["claviger", "issuer-for-tests"], stdin=pipe, stdout=pipe) as process:
        yield Issuer(json.loads(process.stdout.readline()))
        process.stdin.close()  # which ends it
