"""Several servers on one PostgreSQL: throwaway, on private ports of loopback, from Debian's packages.

PostgreSQL, Redis and nginx run as an unprivileged user, also where root starts them. Standard library only.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from server import END, ROOT, START, Failed, Server, free_port

NODES = 3
LEFT_OUT = 2  # seconds for which nginx asks a server no more that did not answer


@dataclass
class Cluster:
    """Servers that share a database, and what stands in front of them."""

    database: str  # its URL
    nodes: list[Server]
    front: "Nginx"

    def start(self) -> None:
        """Starts the servers and the front; returns when each is ready to serve."""
        for node in self.nodes:
            node.start()
        self.front.start(self.nodes)


@contextmanager
def cluster(limits: str = "") -> Iterator[Cluster]:
    """Three servers with all they need, not started; `limits` goes into their table of this name."""
    with (
        postgres() as database,
        Redis() as redis,
        tempfile.TemporaryDirectory(prefix="claviger-keys-") as keys,
        ExitStack() as stack,
        Nginx() as front,
    ):
        settings = f"""\
trusted_proxies = ["127.0.0.1"]
[limits]
nodes = {NODES}
shared = "{redis.url}"
{limits}"""
        nodes = [Server(settings, front.url, database, Path(keys)) for _ in range(NODES)]
        yield Cluster(database, [stack.enter_context(node) for node in nodes], front)


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL that syncs its disk; its URL."""
    home = Path(tempfile.gettempdir()) / f"claviger-postgres-{os.getpid()}"

    def script(*arguments: str) -> str:
        command = [ROOT / "scripts/postgres", *arguments]
        environment = {**os.environ, "POSTGRES_HOME": str(home)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise Failed(f"`scripts/postgres {' '.join(arguments)}` failed: {done.stderr.strip()}")
        return done.stdout.strip()

    try:
        yield script("start", "--durable").partition("=")[2]
    finally:
        script("stop")


class Program:
    """A program of Debian's that listens on a free port; it and its folder go with the `with` block."""

    def __init__(self, name: str):
        self.name, self.port = name, free_port()
        self.folder = tempfile.TemporaryDirectory(prefix=f"claviger-{name}-")
        self.process: subprocess.Popen | None = None
        self.user = {}
        if os.getuid() == 0:
            self.user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            shutil.chown(self.folder.name, "nobody", "nogroup")

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(END)
        self.folder.cleanup()

    def run(self, *arguments: str) -> None:
        """Starts it; returns when it listens."""
        log = Path(self.folder.name) / "log"
        with log.open("ab") as output:
            # A session of its own, so that Ctrl-C reaches only us.
            self.process = subprocess.Popen(
                arguments,
                cwd=self.folder.name,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **self.user,
            )
        deadline = time.monotonic() + START
        while not self.listens():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"{self.name} did not start:\n{log.read_text(errors='replace')}")
            time.sleep(0.02)

    def listens(self) -> bool:
        with socket.socket() as connection:
            return connection.connect_ex(("127.0.0.1", self.port)) == 0


class Redis(Program):
    """One that keeps nothing on the disk."""

    def __init__(self):
        super().__init__("redis")
        self.url = f"redis://127.0.0.1:{self.port}"

    def __enter__(self) -> "Redis":
        options = "--bind 127.0.0.1 --appendonly no --maxmemory-policy noeviction".split()
        self.run("redis-server", "--port", str(self.port), "--save", "", *options)
        return self


class Nginx(Program):
    """A load balancer, and the configuration that an operator would begin with."""

    def __init__(self):
        super().__init__("nginx")
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self, nodes: list[Server]) -> None:
        """Starts it in front of `nodes`."""
        servers = "\n".join(f"        server 127.0.0.1:{node.port} fail_timeout={LEFT_OUT}s;" for node in nodes)
        (Path(self.folder.name) / "nginx.conf").write_text(
            f"""\
daemon off;
pid nginx.pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    scgi_temp_path scgi;
    uwsgi_temp_path uwsgi;
    upstream nodes {{
{servers}
        keepalive 64;
    }}
    server {{
        listen 127.0.0.1:{self.port};
        location / {{
            proxy_pass http://nodes;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            # What the client says of itself is not passed on: the servers believe this header.
            proxy_set_header X-Forwarded-For $remote_addr;
            # The next server is asked when one cannot be connected to; after an error or a 503, only for what
            # may be asked twice: nginx never repeats a POST that it has sent.
            proxy_next_upstream error timeout http_502 http_503;
            proxy_connect_timeout 2s;
            add_header Node $upstream_addr always;
        }}
    }}
}}
"""
        )
        self.run("/usr/sbin/nginx", "-p", self.folder.name, "-c", "nginx.conf", "-e", "stderr")
