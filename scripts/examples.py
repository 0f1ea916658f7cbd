"""Each API of examples/, with the code that is printed for it: called with good and bad tokens, and checked.

Run by `scripts/examples`. Copies of the examples lie in `target/examples`, in a mirror of this folder, so that those in
Rust find the crate where they look for it, and the rest of the workspace with its pins.
"""

import base64
import http.client
import json
import re
import shutil
import ssl
import subprocess
import sys
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cluster import Program
from server import ROOT, Failed, Server, binary

API = "https://items.example"
READ, WRITE = "items:read", "items:write"
ISSUER = "http://127.0.0.1:8080"  # in what is not printed
MIRROR = ROOT / "target/examples"


class Skipped(Exception):
    """Why an example is not tried."""


@dataclass
class Example:
    """One API: where the printed code goes, and how the API is started with it, on a port."""

    name: str
    verifier: str
    start: Callable[["Running"], None]
    is_printed: bool = True
    introspects: bool = False
    needs_tls: bool = False  # of the issuer

    @property
    def folder(self) -> Path:
        return MIRROR / "examples" / self.name


class Running(Program):
    """An example that runs, and what stands behind it, until the end of its `with` block."""

    def __init__(self, example: Example, server: "Issuer"):
        super().__init__(example.name)
        self.example, self.server = example, server
        self.behind = Program("back-end")

    def __exit__(self, *_) -> None:
        super().__exit__()
        self.behind.__exit__()

    def as_self(self, *arguments: str | Path) -> None:
        """Runs a program that has no need of another user, and is told its port."""
        self.user = {}
        self.run("/usr/bin/env", f"PORT={self.port}", *map(str, arguments))

    def here(self, *names: str) -> list[Path]:
        """Copies files of the example to where an unprivileged user may read them."""
        return [Path(shutil.copy(self.example.folder / name, self.folder.name)) for name in names]


def fastapi(api: Running) -> None:
    uvicorn = [ROOT / "target/venv/bin/python", "-B", "-m", "uvicorn", "main:app", "--log-level", "warning"]
    api.as_self(*uvicorn, "--app-dir", api.example.folder, "--port", str(api.port))


def node(api: Running) -> None:
    api.as_self("node", api.example.folder / "main.mjs")


def go(api: Running) -> None:
    if not shutil.which("go"):
        raise Skipped("there is no `go` on this machine")
    program = Path(api.folder.name) / "items"
    make("go", "build", "-o", program, ".", cwd=api.example.folder)
    api.as_self(program)


def rust(api: Running) -> None:
    name = f"items-{api.example.name}"
    # With what the tests have built already.
    target = ROOT / "target"
    make("cargo", "build", "--locked", "--quiet", "--package", name, "--target-dir", target, cwd=MIRROR)
    api.as_self(target / "debug" / name)


def spring(api: Running) -> None:
    if not shutil.which("mvn"):
        raise Skipped("there is no `mvn` on this machine")
    try:
        make("mvn", "--offline", "--quiet", "package", cwd=api.example.folder)
    except Failed as failed:
        if "offline mode" in str(failed):
            raise Skipped("Spring's packages are not on this machine, and this fetches none") from None
        raise
    api.as_self("java", "-jar", api.example.folder / "target/items.jar", f"--server.port={api.port}")


def nginx(api: Running) -> None:
    config, _ = api.here("nginx.conf", "auth.js")
    text = config.read_text().replace("127.0.0.1:8000", f"127.0.0.1:{api.port}")
    text = text.replace("127.0.0.1:8001", f"127.0.0.1:{back_end(api)}")
    config.write_text(text.replace(ISSUER, api.server.issuer))
    secret = Path(api.folder.name) / "introspection.conf"
    secret.write_text(f'proxy_set_header Authorization "{api.server.introspector}";\n')
    api.run("/usr/sbin/nginx", "-p", api.folder.name, "-c", "nginx.conf", "-e", "stderr")


def apache(api: Running) -> None:
    config, _ = api.here("httpd.conf", "auth.conf")
    certificate = Path(api.server.folder.name) / "tls.pem"
    settings = f"HERE={api.folder.name} PORT={api.port} BACK_END={back_end(api)}"
    shutil.copy(certificate, api.folder.name)
    api.run("/usr/bin/env", *settings.split(), "/usr/sbin/apache2", "-D", "FOREGROUND", "-f", str(config))


def back_end(api: Running) -> int:
    """Starts what stands behind a proxy; its port."""
    api.behind.user = {}
    api.behind.run(sys.executable, str(ROOT / "examples/backend.py"), str(api.behind.port))
    return api.behind.port


def make(*command: str | Path, cwd: Path) -> None:
    """Builds what must be built."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"`{command[0]} {command[1]}` failed:\n{done.stdout}{done.stderr}")


EXAMPLES = [
    Example("fastapi", "auth.py", fastapi),
    Example("express", "auth.mjs", node),
    Example("express-oauth2-jwt-bearer", "auth.mjs", node, is_printed=False),
    Example("go", "auth.go", go),
    Example("axum", "src/auth.rs", rust),
    Example("warp", "src/auth.rs", rust),
    Example("spring", "Auth.java", spring),
    Example("nginx", "auth.js", nginx, introspects=True),
    Example("apache", "auth.conf", apache, needs_tls=True),
]


class Issuer(Server):
    """A claviger with the API, a client that calls it, and the client that the API itself is when it asks about tokens."""

    def settle(self) -> None:
        self.command(f"api add {API} --scope '{READ}=Read items' --scope '{WRITE}=Write items' --test")
        self.caller = self.client("caller", f"--scope {READ} --scope {WRITE}")
        self.introspector = self.client("api", f"--scope {READ}")
        self.start()

    def client(self, name: str, scopes: str) -> str:
        """Adds a client; how it authenticates."""
        added = self.json(f"client add {name} --grant client_credentials --api {API} {scopes}")
        credentials = f"{added['client_id']}:{added['client_secret']}"
        return f"Basic {base64.b64encode(credentials.encode()).decode()}"

    def token(self, scope: str) -> str:
        form = urllib.parse.urlencode({"grant_type": "client_credentials", "scope": scope})
        headers = {"Authorization": self.caller, "Content-Type": "application/x-www-form-urlencoded"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        if self.tls:
            trusting = ssl._create_unverified_context()  # its certificate was made for this run
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=trusting)
        connection.request("POST", "/token", form, headers)
        return json.loads(connection.getresponse().read())["access_token"]

    def print_code(self, example: Example) -> None:
        """Puts the code that is printed for this API into the copy of the example."""
        file = example.folder / example.verifier
        if example.is_printed:
            file.write_text(self.command(f"api show {API} --stack {example.name}") + "\n")
        else:
            file.write_text(file.read_text().replace(ISSUER, self.issuer))

    def check(self, example: Example, url: str) -> str:
        """What `check-api` finds."""
        arguments = f"--scope {READ} --audience {API} --json".split()
        arguments += ["--introspects"] if example.introspects else []
        command = [binary(), "--config", self.config, "check-api", url, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        report = json.loads(done.stdout) if done.stdout else {"answers": [], "findings": []}
        found = [
            f"; {finding['weight']}: {finding['finding']} ({', '.join(finding['tokens'])})"
            for finding in report["findings"]
        ]
        if done.returncode != 0:
            raise Failed(f"`check-api` is not content{''.join(found) or f': {done.stderr.strip()}'}")
        return f"{len(report['answers'])} answers, none wrong{''.join(found)}"


# Each of them is asked so: the method, the scope of the token, and what the answer must be.
CALLS = [
    ("GET", READ, 200, ""),
    ("POST", WRITE, 200, ""),
    ("GET", None, 401, "Bearer"),
    ("GET", "bad", 401, 'Bearer .*error="invalid_token"'),
    ("GET", WRITE, 403, f'Bearer .*error="insufficient_scope".*scope="{READ}"'),
    ("POST", READ, 403, f'Bearer .*error="insufficient_scope".*scope="{WRITE}"'),
]


def call(server: Issuer, port: int) -> list[int]:
    """Calls an API; the statuses that it answers."""
    statuses = []
    for method, scope, status, challenge in CALLS:
        token = {None: "", "bad": "x.y.z"}.get(scope) or (server.token(scope) if scope else "")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connection.request(method, "/items", b"{}" if method == "POST" else None, headers)
        answer = connection.getresponse()
        told = answer.headers.get("WWW-Authenticate", "")
        if answer.status != status or not re.match(challenge, told):
            raise Failed(f"{method} with {scope or 'no token'} is answered by {answer.status}, `{told}`")
        statuses.append(answer.status)
    return statuses


def attempt(example: Example) -> str:
    """Starts an example, and says how it did."""
    with Issuer(tls=example.needs_tls) as server:
        server.settle()
        server.print_code(example)
        with Running(example, server) as api:
            try:
                example.start(api)
            except Skipped as why:
                return f"skipped: {why}"
            statuses = call(server, api.port)
            verdict = server.check(example, f"http://127.0.0.1:{api.port}/items")
    good = " ".join(str(status) for status in statuses if status < 400)
    refused = " ".join(str(status) for status in statuses if status >= 400)
    return f"{good:<9} {refused:<17} {verdict}"


def mirror() -> None:
    """Copies the examples, and links to the rest."""
    shutil.rmtree(MIRROR, ignore_errors=True)
    shutil.copytree(ROOT / "examples", MIRROR / "examples")
    for there in ROOT.iterdir():
        if there.name not in ("examples", "target") and not there.name.startswith("."):
            (MIRROR / there.name).symlink_to(there)
    (MIRROR / "node_modules").symlink_to(ROOT / "target/npm/node_modules")


def main() -> int:
    wanted = sys.argv[1:] or [example.name for example in EXAMPLES]
    mirror()
    wrong = []
    print(f"{'EXAMPLE':<26} {'GOOD':<9} {'REFUSED':<17} VERDICT", flush=True)
    for example in (example for example in EXAMPLES if example.name in wanted):
        try:
            print(f"{example.name:<26} {attempt(example)}", flush=True)
        except Failed as why:
            wrong.append(example.name)
            print(f"{example.name:<26} WRONG: {why}", flush=True)
    return len(wrong)


if __name__ == "__main__":
    sys.exit(main())
