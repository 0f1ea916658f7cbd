"""A claviger of one's own, for the demonstration and the tests with third-party clients.

The binary as cargo built it, in a temporary directory, on a free loopback port: configured, given APIs, roles,
clients and users through its own command line, started, and ended as an operator would. Standard library only.
"""

import http.client
import json
import os
import shlex
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START = 30  # seconds that a start may take, making the first keys included
END = 30  # seconds that an end may take: the server drains for at most 25


class Failed(Exception):
    """What was not as it must be, in a sentence."""


PROFILE = os.environ.get("BUILD_PROFILE", "release")


def build() -> None:
    """Builds the binary."""
    subprocess.run(["cargo", "build", "--locked", "--profile", PROFILE], cwd=ROOT, check=True)


def binary() -> Path:
    """Where cargo puts it."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return target / ("debug" if PROFILE == "dev" else PROFILE) / "claviger"


class Server:
    """One server, which ends with its `with` block; its files go with it."""

    def __init__(
        self,
        settings: str = "",
        issuer: str | None = None,
        database: str | None = None,
        keys: Path | None = None,
        tls: bool = False,
        prefix: list[str] | None = None,
    ):
        """`settings` goes into the configuration as it is; what is not given is the server's own. `prefix` is a
        command that starts the server, such as `taskset`."""
        self.port, self.tls, self.prefix = free_port(), tls, prefix or []
        self.issuer = issuer or f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.folder = tempfile.TemporaryDirectory(prefix="claviger-")
        self.process: subprocess.Popen | None = None
        home = Path(self.folder.name)
        self.config, self.log = home / "claviger.toml", home / "log"
        self.config.write_text(
            f"""\
issuer = "{self.issuer}"
listen = ["127.0.0.1:{self.port}"]
{settings}
[database]
url = "{database or f'sqlite://{home}/data/claviger.db'}"
[keys]
directory = "{keys or home / 'keys'}"
"""
        )
        if tls:
            certificate, key = home / "tls.pem", home / "tls.key"
            make_certificate(certificate, key)
            with self.config.open("a") as config:
                config.write(f'[tls]\ncertificate = "{certificate}"\nkey = "{key}"\n')

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_) -> None:
        try:
            self.stop()
            if kind and issubclass(kind, Exception):
                print(f"\nThe end of the server's log:\n{self.tail()}", file=sys.stderr)
        finally:
            self.folder.cleanup()

    def command(self, line: str, stdin: str | None = None) -> str:
        """Runs `claviger LINE` on this server's configuration and returns what it printed."""
        arguments = [binary(), "--config", self.config, *shlex.split(line)]
        done = subprocess.run(arguments, input=stdin, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise Failed(f"`claviger {line}` ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout.strip()

    def json(self, line: str, stdin: str | None = None) -> dict:
        """The same with `--json`, parsed."""
        return json.loads(self.command(f"{line} --json", stdin))

    def start(self, look_every: float = 0.05) -> None:
        """Starts the server; returns when it is ready to serve, for which it looks every so many seconds."""
        with self.log.open("ab") as log:
            # A session of its own, so that Ctrl-C reaches only us, and we end the server in order.
            arguments = [*self.prefix, binary(), "--config", self.config, "serve"]
            self.process = subprocess.Popen(arguments, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + START
        while not self.is_ready():
            if self.process.poll() is not None:
                raise Failed(f"the server ended at its start with {self.process.returncode}:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise Failed(f"the server was not ready after {START} s:\n{self.tail()}")
            time.sleep(look_every)

    def is_ready(self) -> bool:
        if self.tls:
            trusting = ssl._create_unverified_context()  # in which its own certificate is as good as any
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=5, context=trusting)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def wait(self) -> None:
        """Returns only when the server ends by itself, which it should not."""
        raise Failed(f"the server ended with {self.process.wait()}")

    def stop(self) -> None:
        """Ends the server as an operator would, by SIGTERM, and expects it to end well."""
        process, self.process = self.process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(END)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Failed(f"the server was still there {END} s after SIGTERM:\n{self.tail()}") from None
        if process.returncode != 0:
            raise Failed(f"the server ended with {process.returncode} after SIGTERM:\n{self.tail()}")

    def tail(self, lines: int = 20) -> str:
        """The end of the server's log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


def make_certificate(certificate: Path, key: Path) -> None:
    """A certificate for loopback, signed by nobody else."""
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
    arguments = [*command.split(), "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run(arguments, check=True, capture_output=True)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
