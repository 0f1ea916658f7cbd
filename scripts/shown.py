"""What is shown while it is done: requests and answers, commands, and each expectation, checked.

For the demonstrations; `settle` gives both of them the same API, roles, client and users.
"""

import base64
import http.client
import json
import signal
import sys
import urllib.parse
from collections.abc import Callable

import jwt

from server import Failed, Server

API = "https://notes.example"
ALICE, BOB = "lantern-tidal-mosaic", "orchard-copper-violin"
BOLD, GREEN, BLUE = "1", "32", "34"
COLOUR = sys.stdout.isatty()


def play(story: Callable[[], None], after: str) -> None:
    """Runs `story`; says `after` when Ctrl-C ends it, and what failed when something did."""
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    for end in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(end, lambda *_: sys.exit(0))
    try:
        story()
    except Failed as failed:
        sys.exit(f"\nfailed: {failed}")
    except KeyboardInterrupt:
        say(f"\n{after}")


def settle(server: Server) -> None:
    """An API, two roles, a client and two users."""
    run(server, f"api add {API} --scope 'notes:read=Read notes' --scope 'notes:write=Write notes'")
    run(server, "role add reader --scope notes:read")
    run(server, "role add writer --scope notes:read --scope notes:write")
    run(
        server,
        f"client add app --public --first-party --api {API}"
        " --grant password --grant refresh_token --scope notes:read --scope notes:write --scope profile",
    )
    run(server, "user add alice --password-stdin --email alice@notes.example --role reader", ALICE)
    run(server, "user add bob --password-stdin --role writer", BOB)


class Client:
    """Asks what listens on a port of loopback, and shows each request and answer."""

    def __init__(self, port: int, client_id: str = "app"):
        self.port, self.client_id = port, client_id

    def token(self, status: int, **form: str) -> "Answer":
        return self.ask(status, "POST", "/token", form={"client_id": self.client_id, **form})

    def refresh(self, status: int, tokens: dict) -> "Answer":
        return self.token(status, grant_type="refresh_token", refresh_token=tokens["refresh_token"])

    def get(self, path: str, status: int, token: str | None = None) -> "Answer":
        return self.ask(status, "GET", path, token=token)

    def ask(
        self, status: int, method: str, path: str, form: dict | None = None, token: str | None = None
    ) -> "Answer":
        """Asks, shows, and expects the answer to have this status."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        say(f"> {method} {path}", BLUE)
        say("".join(f"    {name}: {short(value)}\n" for name, value in headers.items()), end="")
        say("".join(f"    {name}={short(value)}\n" for name, value in (form or {}).items()), end="")

        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, form and urllib.parse.urlencode(form), headers)
        answer = Answer(connection.getresponse())
        connection.close()

        say(f"< {answer.status} {answer.reason}", BLUE)
        for name in ("cache-control", "www-authenticate", "retry-after", "node"):
            if answer.header(name):
                say(f"    {name}: {answer.header(name)}")
        show(answer.json)
        expect(f"the answer is {status}", answer.status == status)
        return answer


class Answer:
    def __init__(self, response: http.client.HTTPResponse):
        self.status, self.reason = response.status, response.reason
        self.headers = response.headers
        body = response.read()
        self.json = json.loads(body) if "json" in self.header("content-type") else {"body": body.decode()}

    def header(self, name: str) -> str:
        return self.headers.get(name, "")


def password_grant(username: str, password: str, scope: str) -> dict:
    return {"grant_type": "password", "username": username, "password": password, "scope": scope}


def decoded(token: str) -> tuple[dict, dict]:
    """Header and claims, not verified."""
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2])
    return header, claims


def verified(keys: jwt.PyJWKClient, server: Server, token: str, audience: str = API) -> dict:
    """The claims, as an application that uses PyJWT gets them."""
    try:
        key = keys.get_signing_key_from_jwt(token)
        return jwt.decode(token, key, algorithms=["RS256"], audience=audience, issuer=server.issuer)
    except jwt.PyJWTError as error:
        raise Failed(f"PyJWT refuses the token: {error}") from error


def run(server: Server, line: str, stdin: str | None = None) -> None:
    say(f"$ claviger {line}" + (" < password" if stdin else ""), BLUE)
    say("".join(f"    {out}\n" for out in server.command(line, stdin).splitlines()), end="")


def expect(what: str, is_so: bool) -> None:
    if not is_so:
        raise Failed(f"expected that {what}")
    say(f"  ✓ {what}", GREEN)


def step(title: str) -> None:
    say(f"\n{title}", BOLD)


def show(value: dict) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    say("\n".join(f"    {short(line)}" for line in text.splitlines()))


def short(text: str) -> str:
    """Long values by their beginning: a signature has nothing to read."""
    return text if len(text) <= 100 else f"{text[:80]}… ({len(text)} characters)"


def say(text: str, colour: str = "", end: str = "\n") -> None:
    print(f"\x1b[{colour}m{text}\x1b[0m" if colour and COLOUR else text, end=end)
