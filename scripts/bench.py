"""What the server does a second, beside what the work itself costs on the same core in the same moment.

Run by `scripts/bench`. Each round measures a row right after its anchor, so that what slows the machine down slows
both; a row's figure is the median of the rounds' ratios, and its spread half of what lies between the least and the
most. A row falls short when it misses its ratio by more than that.
"""

import argparse
import json
import os
import socket
import statistics
import struct
import subprocess
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from cluster import postgres
from load import Load, Pressure, get, hammer
from report import Check, Measured, Report, Row
from server import Server, binary, free_port
from shown import play, say
from stand import SETTINGS, Stand

PART_OF_QUICK = 0.8
SIZES = {"1,000": 1_000, "100,000": 100_000, "1,000,000": 1_000_000}
FILLED, SOAK = 6, 10  # times all loads: until what may be kept is kept, and in all
JWKS, DISCOVERY = "/.well-known/jwks.json", "/.well-known/openid-configuration"

# What stands in the table: its name, its anchor, how many of the anchor it takes, and the ratio that it must reach.
ROWS = [
    Row("client_credentials", "signatures", 1, 0.90),
    Row("refresh, rotating", "signatures", 1, 0.70),
    Row("refresh on PostgreSQL", "signatures", 1, 0.45),
    Row("password", "pbkdf2", 1, 0.97, queues=True),
    Row("authorization code", "signatures", 2, 0.70),
    Row("introspection", "verifications", 1, 0.45),
    Row("/users/me", "verifications", 1, 0.50),
    Row("/userinfo", "verifications", 1, 0.50),
    Row("JWKS", "hello", 1, 0.90),
    Row("discovery", "hello", 1, 0.90),
]


@dataclass
class Bench:
    """How long is measured, and where."""

    anchors: Path
    rounds: int
    seconds: int  # of load for each figure
    server: str  # the server's core
    load: str  # the load's
    hello: int  # the port of the bare handler
    tails: list[float] = field(default_factory=list)  # p99 of the bare handler, as a multiple of its median

    def anchor(self, name: str) -> float:
        """How often the work is done a second without a server around it."""
        if name == "hello":
            load = hammer(self.hello, self.seconds, [get("/hello")])
            self.tails.append(load.p99 / load.p50)
            return load.rate
        # Of two libraries the faster one.
        works = [name, "pbkdf2-aws-lc"] if name == "pbkdf2" else [name]
        return max(self.alone(work) for work in works)

    def alone(self, work: str) -> float:
        command = ["taskset", "-c", self.server, self.anchors, work, str(self.seconds / 2)]
        return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two short rounds, judged by the ratios alone, of which 80 %% are enough; what falls short is measured once more")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md and its chart")
    parser.add_argument("--only", nargs="+", metavar="ROW", choices=[row.name for row in ROWS], help="measure these rows alone, such as `JWKS`")
    arguments = parser.parse_args()

    began = time.monotonic()
    server, load, *_ = map(str, sorted(os.sched_getaffinity(0)) * 2)
    # Everything that is started from here is load, PostgreSQL included, but for what is told otherwise.
    os.sched_setaffinity(0, {int(load)})
    rounds, seconds = (2, 1) if arguments.quick else (5, 2)
    anchors = binary().parent / "anchors"
    with awake() as is_awake, hello(anchors, server) as port, ExitStack() as stands:
        bench = Bench(anchors, rounds, seconds, server, load, port)
        rows = [row for row in ROWS if not arguments.only or row.name in arguments.only]
        measured = measure(bench, rows, stands)
        if arguments.quick:
            # Two short rounds are few where others have work beside: what falls short of them is measured once more.
            short = [each.row for each in measured if each.faults(PART_OF_QUICK, tail=0)]
            again = {each.row.name: each for each in measure(bench, short, stands)} if short else {}
            measured = [again.get(each.row.name, each) for each in measured]
        checks = []
        if not arguments.only:
            checks = everything_else(bench, arguments.quick)
    part = PART_OF_QUICK if arguments.quick else 1
    result = Report(measured, checks, part, rounds, seconds, bench.tails, is_awake)
    say(f"\n{result.text()}\n\n{(time.monotonic() - began) / 60:.1f} minutes.")
    result.keep()
    if arguments.write:
        result.write()
    if result.faults():
        raise SystemExit(1)


@contextmanager
def awake() -> Iterator[bool]:
    """Has processors without work wait for it instead of halting, where that is allowed. To wake a halted virtual processor
    is work of the hypervisor that is charged to who wakes it, so to the server with each answer, and never to an anchor."""
    with ExitStack() as held:
        try:
            latency = held.enter_context(open("/dev/cpu_dma_latency", "wb", buffering=0))
            latency.write(struct.pack("i", 0))  # microseconds until a processor is awake, as long as it is open
            is_awake = True
        except OSError:
            is_awake = False
        yield is_awake


@contextmanager
def hello(anchors: Path, core: str) -> Iterator[int]:
    """The bare handler."""
    port = free_port()
    process = subprocess.Popen(["taskset", "-c", core, anchors, "hello", str(port)])
    try:
        wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def wait_for(port: int) -> None:
    while True:
        with socket.socket() as connection:
            if connection.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.001)


def measure(bench: Bench, rows: list[Row], stands: ExitStack) -> list[Measured]:
    """Every row beside its anchor, one row after another."""
    stand = stands.enter_context(Stand(bench.server))
    on_postgres = None
    if any("PostgreSQL" in row.name for row in rows):
        database = stands.enter_context(postgres())
        on_postgres = stands.enter_context(Stand(bench.server, database))
    ways = ways_of(stand, bench) | {
        "refresh on PostgreSQL": lambda: on_postgres.refresh(bench.seconds),
    }
    measured = [Measured(row) for row in rows]
    for each in measured:
        say(each.row.name)
        for turn in range(bench.rounds + 1):
            anchor, load = bench.anchor(each.row.anchor) / each.row.anchors, ways[each.row.name]()
            # The first does not count: answers may be sent from memory that the system has not used before. To touch that
            # is work of the hypervisor, some microseconds for each page.
            if turn > 0:
                each.add(anchor, load)
    return measured


def ways_of(stand: Stand, bench: Bench, connections: int = 16) -> dict[str, Callable[[], Load]]:
    """How each row is measured."""
    seconds = bench.seconds
    return {
        "client_credentials": lambda: stand.client_credentials(seconds, connections),
        "refresh, rotating": lambda: stand.refresh(seconds, connections),
        "password": lambda: stand.password(32 * seconds, connections),
        "authorization code": lambda: stand.code(1000 * seconds, connections),
        "introspection": lambda: stand.introspection(seconds, connections),
        "/users/me": lambda: stand.bearer("/users/me", seconds, connections),
        "/userinfo": lambda: stand.bearer("/userinfo", seconds, connections),
        "JWKS": lambda: stand.document(JWKS, seconds, connections),
        "discovery": lambda: stand.document(DISCOVERY, seconds, connections),
    }


def everything_else(bench: Bench, is_quick: bool) -> list[Check]:
    """What is no ratio to an anchor."""
    checks = starts_empty(bench)
    with Stand(bench.server) as stand:
        say("latency beside sign-ins")
        checks += beside_sign_ins(stand, bench)
        if not is_quick:
            say("a million users and 10,000 clients")
            checks += with_a_million(stand, replace(bench, seconds=1))
    checks += issuers_for_tests(bench)
    say("two cores")
    checks += two_cores(bench)
    if not is_quick:
        say("rates with more and more rows")
        checks += curve(replace(bench, seconds=1))
    return checks


def beside_sign_ins(stand: Stand, bench: Bench) -> list[Check]:
    """Hashing starves nobody."""
    seconds = max(2, bench.seconds)
    alone, beside = [], []
    for _ in range(bench.rounds):
        alone.append(stand.document(JWKS, seconds))
        with Pressure(stand.port, stand.sign_in(), 16):
            beside.append(stand.document(JWKS, seconds))
    checks = [
        Check(
            "JWKS while 16 sign-ins are in flight, of its rate alone",
            statistics.median(each.rate / one.rate for each, one in zip(beside, alone)),
            0.7,
        ),
        Check("the same, p99", statistics.median(each.p99 for each in beside), 10, "ms"),
    ]
    # While the queue is full nobody signs in: the sessions come first.
    stand.access_tokens()
    with Pressure(stand.port, stand.sign_in("wrong-tidal-mosaic"), 200):
        for name, load in (
            ("JWKS", stand.document(JWKS, seconds)),
            ("refresh", stand.refresh(seconds)),
            ("/users/me", stand.bearer("/users/me", seconds)),
        ):
            checks.append(Check(f"{name} while 200 wrong passwords are in flight, p99", load.p99, 50, "ms"))
    return checks


def starts_empty(bench: Bench) -> list[Check]:
    """How soon a server answers that has to make its database and its keys."""
    took = []
    for _ in range(2 * bench.rounds + 1):
        with Server(SETTINGS, prefix=["taskset", "-c", bench.server]) as server:
            took.append(started(server))
    checks = [Check("ready on an empty directory", statistics.median(took) * 1e3, 500, "ms")]
    size = binary().stat().st_size / 2**20
    return [*checks, Check("binary, stripped", size, 16, "MiB")]


def started(server: Server) -> float:
    """Starts the server; seconds until it is ready."""
    began = time.monotonic()
    server.start(look_every=0.001)
    return time.monotonic() - began


def with_a_million(stand: Stand, bench: Bench) -> list[Check]:
    """Start-up and memory with many rows."""
    stand.grants(1)
    stand.fill(users=1_000_000, clients=10_000)
    took = []
    for _ in range(2 * bench.rounds + 1):
        stand.server.stop()
        took.append(started(stand.server))
    checks = [Check("ready with a million users and 10,000 clients", statistics.median(took) * 1e3, 50, "ms")]
    time.sleep(2)
    checks.append(Check("resident, idle", resident(stand), 12, "MiB"))
    most, after = {}, []
    for _ in range(SOAK):
        stand.tokens = []  # Others than before.
        for name, way in ways_of(stand, bench, connections=64).items():
            if name == "password":
                continue  # More would find no place in the queue.
            forget_peak(stand)
            way()
            most[name] = max(most.get(name, 0), resident(stand, "VmHWM"))
        after.append(resident(stand))
    name = max(most, key=most.get)
    checks.append(Check(f"resident at most, under load with 64 connections ({name})", most[name], 25, "MiB"))
    say("resident after all loads, MiB: " + " ".join(f"{each:.1f}" for each in after))
    more = f"more of it after all loads {SOAK} times than after {FILLED} times"
    checks.append(Check(more, after[-1] - after[FILLED - 1], 1, "MiB"))
    return checks


def resident(stand: Stand, which: str = "VmRSS") -> float:
    """MiB."""
    status = Path(f"/proc/{stand.server.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(which)) / 1024


def forget_peak(stand: Stand) -> None:
    """Lets `VmHWM` begin anew (proc(5))."""
    Path(f"/proc/{stand.server.process.pid}/clear_refs").write_text("5")


def two_cores(bench: Bench) -> list[Check]:
    """Where there are but two, the load takes its part of them, which the server then lacks and is not judged by."""
    both = f"{bench.server},{bench.load}"
    with Stand(bench.server) as one, Stand(both) as two:
        ratios = []
        for _ in range(bench.rounds):
            rate = one.client_credentials(bench.seconds).rate
            os.sched_setaffinity(0, {int(bench.server), int(bench.load)})
            used = os.times()
            ratio = two.client_credentials(bench.seconds).rate / rate
            now = os.times()
            os.sched_setaffinity(0, {int(bench.load)})
            spent = now.children_user - used.children_user + now.children_system - used.children_system
            ratios.append(ratio * 2 / (2 - spent / (now.elapsed - used.elapsed)))
    return [Check("client_credentials on two cores, of one, for what the load leaves of them", statistics.median(ratios), 1.85)]


def issuers_for_tests(bench: Bench) -> list[Check]:
    """How soon the issuer for tests of APIs is ready, on the cores of a developer, and makes a token."""
    ready, minted = [], []
    wish = json.dumps({"aud": "https://notes.example", "scope": "notes:read"}).encode()
    command = ["taskset", "-c", f"{bench.server},{bench.load}", binary(), "issuer-for-tests"]
    for _ in range(4 * bench.rounds + 1):
        began = time.monotonic()
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as issuer:
            control = json.loads(issuer.stdout.readline())["control"]
            ready.append(time.monotonic() - began)
            for _ in range(10):
                asked = urllib.request.Request(f"{control}/token", wish, {"Content-Type": "application/json"})
                began = time.monotonic()
                urllib.request.urlopen(asked, timeout=10).close()
                minted.append(time.monotonic() - began)
            issuer.stdin.close()
    return [
        Check("issuer-for-tests ready", statistics.median(ready) * 1e3, 100, "ms"),
        Check("a token of its minted", statistics.median(minted) * 1e3, 10, "ms"),
    ]


def curve(bench: Bench) -> list[Check]:
    """Rates beside those of a small database: users, clients, families and audit entries, as many of each."""
    with ExitStack() as stack:
        stands = {}
        for name, size in SIZES.items():
            stand = stands[name] = stack.enter_context(Stand(bench.server))
            stand.grants(1)
            stand.fill(users=size, clients=size, families=size, audit=size)
        rates = defaultdict(lambda: defaultdict(list))
        for _ in range(3):
            for work in ("client_credentials", "refresh, rotating", "authorization code", "introspection", "/users/me"):
                for name, stand in stands.items():
                    rates[work][name].append(ways_of(stand, bench)[work]().rate)
    return [
        Check(
            f"{work} with {name} of all, of its rate with {next(iter(SIZES))}",
            statistics.median(big / small for big, small in zip(of[name], of[next(iter(SIZES))])),
            0.9,
            rate=statistics.median(of[name]),
        )
        for work, of in rates.items()
        for name in SIZES
    ]


if __name__ == "__main__":
    play(main, "Not finished.")
