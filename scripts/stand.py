"""A server on a core of its own, with an API, clients, users and many rows, and what is asked of it under load."""

import base64
import hashlib
import sqlite3
import time
import urllib.parse
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from load import Answer, Load, each_once, get, hammer, post, refresh
from server import Failed, Server
from visitor import Visitor

API = "https://notes.example"
PASSWORD = "lantern-tidal-mosaic"
USERS = 32  # so that none comes near what one may have
FAMILIES = 1000  # of a user with a client; one more ends the oldest
CODES = 30  # of a session that may wait at the same time, with room for the one by which it began
BACK = "https://web.example/back"
VERIFIER = "v" * 43

# As in operation, but without limits, which would end the measurement, and without a line for each request.
SETTINGS = """
[limits]
login = "off"
[log]
level = "warn"
"""


class Stand:
    """A server with something to do on some cores, perhaps `under` another command; ends with its `with` block."""

    def __init__(
        self, cores: str, database: str | None = None, settings: str = SETTINGS, under: tuple[str, ...] = ()
    ):
        self.server = Server(settings, database=database, prefix=["taskset", "-c", cores, *under])
        self.stack, self.tokens, self.redemptions = ExitStack(), [], 0

    def __enter__(self) -> "Stand":
        self.stack.enter_context(self.server)
        command = self.server.json
        command(f"api add {API} --scope notes:read")
        command("role add reader --scope notes:read")
        command(
            f"client add app --public --first-party --api {API} --grant password --grant refresh_token"
            " --scope notes:read --scope profile"
        )
        self.web = self.client(
            f"web --first-party --skip-consent --redirect-uri {BACK} --grant authorization_code --grant refresh_token"
            " --scope openid --scope profile --scope notes:read --scope offline_access"
        )
        self.load = self.client("load --first-party --grant client_credentials --scope notes:read")
        for number in range(USERS):
            command(f"user add user{number} --password-stdin --role reader", PASSWORD)
        self.server.start()
        self.sessions = []
        return self

    def __exit__(self, *reason) -> None:
        self.stack.__exit__(*reason)

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def file(self) -> Path:
        """The SQLite database."""
        return Path(self.server.folder.name) / "data/claviger.db"

    def client(self, line: str) -> dict[str, str]:
        """Adds a client with a secret; its part of a form."""
        added = self.server.json(f"client add {line} --auth-method client_secret_post --api {API}")
        return {"client_id": added["client_id"], "client_secret": added["client_secret"]}

    def restart(self) -> None:
        self.server.stop()
        self.server.start()

    def authorization(self, scope: str = "openid profile notes:read") -> str:
        """An authorization request of `web`."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
        return "/authorize?" + urllib.parse.urlencode(
            {
                "response_type": "code",
                "client_id": "web",
                "redirect_uri": BACK,
                "scope": scope,
                "state": "state",
                "nonce": "nonce",
                "code_challenge": challenge,
                "code_challenge_method": "S256",
            }
        )

    def session(self, username: str) -> str:
        """Signs in on the pages; the cookies."""
        visitor = Visitor(lambda *_: None)
        visitor.open(self.server.issuer + self.authorization())
        visitor.submit(username=username, password=PASSWORD)
        if not visitor.page.location:
            raise Failed(f"no sign-in: {visitor.page.status} {visitor.page.title}")
        return "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())

    def codes(self, number: int, *scope: str) -> list[str]:
        """So many authorization codes."""
        path = self.authorization(*scope)
        while CODES * len(self.sessions) < number:
            self.sessions.append(self.session(f"user{len(self.sessions) % USERS}"))
        requests = [get(path, Cookie=self.sessions[at % len(self.sessions)]) for at in range(number)]
        return [answer.parameter("code") for answer in each_once(self.port, requests, 303)[1]]

    def redeemed(self, codes: list[str], connections: int = 16) -> tuple[Load, list[Answer]]:
        """Redeems each of these codes."""
        form = {"grant_type": "authorization_code", "redirect_uri": BACK, "code_verifier": VERIFIER, **self.web}
        self.redemptions += len(codes)
        return each_once(self.port, [post("/token", code=code, **form) for code in codes], 200, connections)

    def grants(self, number: int, *scope: str) -> list[dict]:
        """Tokens of so many families."""
        return [answer.json() for answer in self.redeemed(self.codes(number, *scope))[1]]

    def client_credentials(self, seconds: float, connections: int = 16) -> Load:
        form = post("/token", grant_type="client_credentials", **self.load)
        return hammer(self.port, seconds, [form], connections)

    def refresh(self, seconds: float, connections: int = 16) -> Load:
        # Without `openid`, so that there is one signature for each.
        tokens = [grant["refresh_token"] for grant in self.grants(16 * connections, "profile notes:read")]
        return refresh(self.port, seconds, self.web, tokens, connections)

    def password(self, attempts: int, connections: int = 16) -> Load:
        return each_once(self.port, [self.sign_in()] * attempts, 200, connections)[0]

    def sign_in(self, password: str = PASSWORD) -> bytes:
        """The request of a password grant."""
        form = {"grant_type": "password", "client_id": "app", "username": "user0", "password": password}
        return post("/token", **form)

    def code(self, number: int, connections: int = 16) -> Load:
        return self.redeemed(self.codes(number), connections)[0]

    def access_tokens(self, number: int = 1000) -> list[str]:
        """As many good access tokens, the same as before while they live and others have not taken their families'
        place."""
        is_good = len(self.tokens) == number and time.monotonic() - self.made < 200
        if not is_good or self.redemptions - self.redeemed_before > USERS * FAMILIES / 2:
            self.tokens = [grant["access_token"] for grant in self.grants(number)]
            self.made, self.redeemed_before = time.monotonic(), self.redemptions
        return self.tokens

    def introspection(self, seconds: float, connections: int = 16) -> Load:
        requests = [post("/introspect", token=token, **self.load) for token in self.access_tokens()]
        return hammer(self.port, seconds, requests, connections)

    def bearer(self, path: str, seconds: float, connections: int = 16) -> Load:
        requests = [get(path, Authorization=f"Bearer {token}") for token in self.access_tokens()]
        return hammer(self.port, seconds, requests, connections)

    def document(self, path: str, seconds: float, connections: int = 16) -> Load:
        return hammer(self.port, seconds, [get(path)], connections)

    def fill(self, **numbers: int) -> None:
        """Lets there be so many users, clients, families and audit entries, with the server stopped meanwhile."""
        self.server.stop()
        with sqlite3.connect(self.file, isolation_level=None) as database:
            fill(database, **numbers)
        database.close()
        self.server.start()


def fill(database: sqlite3.Connection, users: int = 0, clients: int = 0, families: int = 0, audit: int = 0) -> None:
    """Copies a row of each table so many times, under other names. Nobody can sign in as one of these users: their
    password hashes are sealed for another row."""
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -500000"):
        database.execute(f"PRAGMA {pragma}")
    user, client = "printf('018f0000-0000-7000-8000-%012x', {})".format, "printf('client%07d', {})".format
    family = "printf('018f0001-0000-7000-8000-%012x', i)"
    database.execute("BEGIN")
    copy(database, "users", users, id=user("i"), username="printf('filler%07d', i)")
    copy(database, "clients", clients, id=client("i"))
    of = {"user_id": user(f"i % {users or 1}"), "client_id": client(f"i % {clients or 1}")}
    copy(database, "families", families, id=family, **of)
    copy(database, "refresh_tokens", families, family_id=family, digest="hex(randomblob(22))")
    copy(database, "audit", audit, id="printf('018f0002-0000-7000-8000-%012x', i)")
    database.execute("COMMIT")
    database.execute("PRAGMA journal_mode = WAL")


def copy(database: sqlite3.Connection, table: str, number: int, **changed: str) -> None:
    """Copies a row of `table` so many times, each with other values in the columns of its key."""
    columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(changed.get(column, f"row.{column}") for column in columns)
    database.execute(
        f"WITH RECURSIVE numbers(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < {number})"
        f" INSERT INTO {table} ({', '.join(columns)})"
        f" SELECT {values} FROM numbers, (SELECT * FROM {table} LIMIT 1) AS row WHERE {number} > 0"
    )
