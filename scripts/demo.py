"""The main job, step by step: each request and answer is shown, and each expectation checked.

Run by `scripts/demo`, in the virtual environment that has the third-party verifier.
"""

import base64
import http.client
import json
import signal
import sys
import time
import urllib.parse

import jwt

from server import Failed, Server, binary

API = "https://notes.example"
ALICE, BOB = "lantern-tidal-mosaic", "orchard-copper-violin"
BOLD, GREEN, BLUE = "1", "32", "34"
COLOUR = sys.stdout.isatty()


def main() -> None:
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with Server() as server:
            demonstrate(server)
            say("\nEverything was as it must be.", GREEN)
            if "--once" not in sys.argv[1:]:
                go_on_by_hand(server)
    except Failed as failed:
        sys.exit(f"\nfailed: {failed}")
    except KeyboardInterrupt:
        say("\nThe server has ended, and its files are gone.")


def demonstrate(server: Server) -> None:
    step("A server with an API, two roles, a client and two users")
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
    server.start()
    say(f"claviger serves {server.issuer}")
    client = Client(server)

    step("Discovery (RFC 8414)")
    metadata = client.get("/.well-known/oauth-authorization-server", 200).json
    expect("the issuer is the configured one", metadata["issuer"] == server.issuer)
    expect("the password grant is offered", "password" in metadata["grant_types_supported"])

    step("A token by the password grant (RFC 6749 §4.3); alice asks for more than her role allows")
    first = client.token(200, **password_grant("alice", ALICE, "notes:read notes:write profile")).json
    expect("the scope is what her role allows", set(first["scope"].split()) == {"notes:read", "profile"})
    expect("there is a refresh token", "refresh_token" in first)

    step("What is in it (RFC 9068)")
    header, claims = decoded(first["access_token"])
    show({"header": header, "claims": claims})
    expect("it is an access token signed with RS256", (header["typ"], header["alg"]) == ("at+jwt", "RS256"))
    expect("it is for the API alone", claims["aud"] == API)
    expect("it lasts ten minutes", claims["exp"] - claims["iat"] == 600)

    step("Its signature, checked against the JWKS by a stock library (PyJWT)")
    client.get("/.well-known/jwks.json", 200)
    keys = jwt.PyJWKClient(metadata["jwks_uri"])
    expect("PyJWT accepts it", verified(keys, server, first["access_token"]) == claims)

    step("Who am I: /users/me, for the scope profile")
    expect("it is alice", client.get("/users/me", 200, first["access_token"]).json["username"] == "alice")

    step("The same with a token that lacks the scope (RFC 6750 §3.1)")
    narrow = client.token(200, **password_grant("alice", ALICE, "notes:read")).json
    challenge = client.get("/users/me", 403, narrow["access_token"]).header("www-authenticate")
    expect("it says which scope is missing", "insufficient_scope" in challenge and "profile" in challenge)

    step("A refresh: a new pair of tokens")
    second = client.refresh(200, first).json
    expect("the refresh token is a new one", second["refresh_token"] != first["refresh_token"])
    third = client.refresh(200, second).json

    step("The first refresh token again, as a thief would: its whole family ends")
    expect("it is refused", client.refresh(400, first).json["error"] == "invalid_grant")
    expect("the newest one as well", client.refresh(400, third).json["error"] == "invalid_grant")

    step("A key rotation, at once")
    run(server, "keys rotate --now")
    time.sleep(1)  # within which a running server obeys the command line
    client.get("/.well-known/jwks.json", 200)
    keys = jwt.PyJWKClient(metadata["jwks_uri"])
    expect("the old token still verifies", verified(keys, server, first["access_token"]) == claims)
    fourth = client.token(200, **password_grant("bob", BOB, "notes:write")).json
    expect("a new one is signed with another key", decoded(fourth["access_token"])[0]["kid"] != header["kid"])
    expect("and verifies as well", verified(keys, server, fourth["access_token"])["scope"] == "notes:write")

    step("Guessing passwords: five a minute for an account, then 429 with Retry-After")
    guess = password_grant("mallory", "correct horse battery staple", "notes:read")
    for _ in range(5):
        client.token(400, **guess)
    wait = client.token(429, **guess).header("retry-after")
    expect("it says when to come back", wait.isdigit() and 0 < int(wait) <= 60)


def go_on_by_hand(server: Server) -> None:
    step("The server goes on until Ctrl-C; to go on by hand")
    claviger = f"{binary()} --config {server.config}"
    say(
        f"""\
token=$(curl -s {server.issuer}/token -d client_id=app -d grant_type=password -d username=alice \\
    -d password={ALICE} |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
curl -i {server.issuer}/users/me -H "Authorization: Bearer $token"
curl -s {server.issuer}/.well-known/jwks.json
{claviger} user list
{claviger} keys list
echo {ALICE}-2 | {claviger} user add carol --password-stdin --role writer
tail -f {server.log}"""
    )
    server.wait()


class Client:
    """Asks the server and shows each request and answer."""

    def __init__(self, server: Server):
        self.port = server.port

    def token(self, status: int, **form: str) -> "Answer":
        return self.ask(status, "POST", "/token", form={"client_id": "app", **form})

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
        for name in ("cache-control", "www-authenticate", "retry-after"):
            if answer.header(name):
                say(f"    {name}: {answer.header(name)}")
        show(answer.json)
        expect(f"the answer is {status}", answer.status == status)
        return answer


class Answer:
    def __init__(self, response: http.client.HTTPResponse):
        self.status, self.reason = response.status, response.reason
        self.headers = response.headers
        self.json = json.loads(response.read())

    def header(self, name: str) -> str:
        return self.headers.get(name, "")


def password_grant(username: str, password: str, scope: str) -> dict:
    return {"grant_type": "password", "username": username, "password": password, "scope": scope}


def decoded(token: str) -> tuple[dict, dict]:
    """Header and claims, not verified."""
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2])
    return header, claims


def verified(keys: jwt.PyJWKClient, server: Server, token: str) -> dict:
    """The claims, as an API that uses PyJWT gets them."""
    try:
        key = keys.get_signing_key_from_jwt(token)
        return jwt.decode(token, key, algorithms=["RS256"], audience=API, issuer=server.issuer)
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


if __name__ == "__main__":
    main()
