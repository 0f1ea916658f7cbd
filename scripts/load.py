"""Requests to a server: as many as it answers, by wrk; or a given number of them, each once. All over connections that
are kept. Standard library only.
"""

import asyncio
import json
import subprocess
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass, field

from server import Failed

CONNECTIONS = 16
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

# For wrk: in turn each of the requests in a file, which are separated by a line of their own.
IN_TURN = """
local requests, at = {}, 0
local file = assert(io.open("REQUESTS", "rb"))
for request in file:read("*a"):gmatch("(.-)\\n%-%-%-%-\\n") do table.insert(requests, request) end
function request()
    at = at % #requests + 1
    return requests[at]
end
"""

# For wrk: refresh tokens, each used once, whereupon its successor stands in line.
REFRESHING = """
local tokens, first, last = {}, 1, 0
for token in io.lines("REQUESTS") do last = last + 1; tokens[last] = token end
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
function request()
    local token = tokens[first]
    tokens[first], first = nil, first + 1
    return wrk.format(nil, nil, nil, "FORM" .. (token or ""))
end
function response(_, _, body)
    last = last + 1
    tokens[last] = body:match('"refresh_token":"([^"]+)"')
end
"""

DONE = """
function done(summary, latency)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    io.write(string.format('\\n{"rate": %f, "p50": %f, "p99": %f, "failed": %d}\\n',
        summary.requests / summary.duration * 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, failed))
end
"""


@dataclass
class Load:
    """What a server answered."""

    rate: float  # a second
    p50: float  # milliseconds
    p99: float


@dataclass
class Answer:
    status: int
    head: str
    body: bytes
    took: float  # seconds

    def json(self) -> dict:
        return json.loads(self.body)

    def parameter(self, name: str) -> str:
        """A parameter of the URI that it redirects to."""
        location = next(line for line in self.head.splitlines() if line.lower().startswith("location:"))
        return urllib.parse.parse_qs(urllib.parse.urlsplit(location).query)[name][0]


def get(path: str, **headers: str) -> bytes:
    """A request, as it goes over the wire."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n".encode()


def post(path: str, **form: str) -> bytes:
    body = urllib.parse.urlencode(form)
    head = "".join(f"{name}: {value}\r\n" for name, value in FORM.items())
    return f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def hammer(
    port: int, seconds: float, requests: Iterable[bytes], connections: int = CONNECTIONS
) -> Load:
    """Lets wrk send these requests in turn, as fast as they are answered."""
    return wrk(port, seconds, connections, IN_TURN, b"".join(request + b"\n----\n" for request in requests))


def refresh(
    port: int, seconds: float, client: dict[str, str], tokens: list[str], connections: int = CONNECTIONS
) -> Load:
    """Lets wrk refresh these tokens of `client` and their successors, each once."""
    form = urllib.parse.urlencode({"grant_type": "refresh_token", **client}) + "&refresh_token="
    script = REFRESHING.replace("FORM", form)
    return wrk(port, seconds, connections, script, "\n".join(tokens).encode(), "/token")


def wrk(port: int, seconds: float, connections: int, script: str, data: bytes, path: str = "/") -> Load:
    with tempfile.NamedTemporaryFile() as requests, tempfile.NamedTemporaryFile("w", suffix=".lua") as lua:
        requests.write(data)
        requests.flush()
        lua.write(script.replace("REQUESTS", requests.name) + DONE)
        lua.flush()
        options = f"-t1 -c{connections} -d{seconds:.0f}s --timeout 20s -s {lua.name} http://127.0.0.1:{port}{path}"
        done = subprocess.run(["wrk", *options.split()], capture_output=True, text=True, timeout=seconds + 60)
    if done.returncode != 0:
        raise Failed(f"wrk ended with {done.returncode}: {done.stderr.strip()}")
    summary = json.loads(done.stdout.splitlines()[-1])
    if summary.pop("failed"):
        raise Failed(f"requests of this load failed:\n{done.stdout}")
    return Load(**summary)


def each_once(
    port: int, requests: list[bytes], status: int, connections: int = CONNECTIONS
) -> tuple[Load, list[Answer]]:
    """Sends each of these requests once; all must be answered with `status`."""

    async def connection(waiting: list[bytes], answers: list[Answer]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while waiting:
            answers.append(await ask(reader, writer, waiting.pop()))
        writer.close()

    async def all_of_them() -> tuple[float, list[Answer]]:
        waiting, answers, began = list(requests), [], time.monotonic()
        await asyncio.gather(*(connection(waiting, answers) for _ in range(connections)))
        return time.monotonic() - began, answers

    seconds, answers = asyncio.run(all_of_them())
    for answer in answers:
        if answer.status != status:
            raise Failed(f"expected {status}, but: {answer.head}{answer.body.decode()}")
    took = sorted(answer.took * 1e3 for answer in answers)
    return Load(len(took) / seconds, took[len(took) // 2], took[len(took) * 99 // 100]), answers


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> Answer:
    began = time.monotonic()
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = next((line[15:] for line in head.lower().splitlines() if line.startswith("content-length:")), "0")
    body = await reader.readexactly(int(length))
    return Answer(int(head.split(" ", 2)[1]), head, body, time.monotonic() - began)


@dataclass
class Pressure:
    """The same request over each of so many connections, again and again while the `with` block lasts. Who is told to
    wait does so."""

    port: int
    request: bytes
    connections: int
    statuses: dict[int, int] = field(default_factory=dict)

    def __enter__(self) -> "Pressure":
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_until_complete, args=[self.press()], daemon=True)
        self.thread.start()
        time.sleep(0.5)
        return self

    def __exit__(self, *_) -> None:
        self.loop.call_soon_threadsafe(self.ended.set)
        self.thread.join(30)

    async def press(self) -> None:
        self.ended = asyncio.Event()
        tasks = [asyncio.create_task(self.connection()) for _ in range(self.connections)]
        await self.ended.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def connection(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        while True:
            answer = await ask(reader, writer, self.request)
            self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
            if answer.status in (429, 503):
                await asyncio.sleep(1)
