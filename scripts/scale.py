"""How throughput grows from one server to three, printed as a table.

Run by `scripts/nodes --measure`, on a machine that has nothing else to do. Each round measures every case once, in an
order that turns, and compares it with one server in the same round: what slows the machine down meanwhile slows all of
them. First each server has a slice of a core, as if it had a small machine to itself (by a cgroup, which takes root);
then all of them share the machine with PostgreSQL, nginx and the load.
"""

import json
import os
import platform
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from cluster import Nginx, cluster
from server import Failed, Server
from shown import ALICE, API, password_grant, play, say, settle

ROUNDS = 5
SECONDS = 5
CONNECTIONS = 24
SLICE = 0.2  # of a core

# For wrk. A refresh token that was used is forgotten, and its successor used next.
LOAD = """
local tokens = TOKENS
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
function request()
    return wrk.format(nil, nil, nil, "FORM" .. (table.remove(tokens) or ""))
end
function response(_, _, body)
    table.insert(tokens, body:match('"refresh_token":"([^"]+)"'))
end
function done(summary, latency)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    io.write(string.format('\\n{"requests": %d, "microseconds": %d, "p99": %f, "failed": %d}\\n', summary.requests,
        summary.duration, latency:percentile(99), failed))
end
"""


@dataclass
class Case:
    """So many servers, asked through one port."""

    name: str
    servers: list[Server]
    port: int


@dataclass
class Figures:
    """What was seen in one case in one round."""

    rate: float  # requests a second
    p99: float  # milliseconds
    cores: float  # that the servers used
    busy: float  # cores that everything used


def main() -> None:
    with cluster('login = "off"\n') as several, Nginx() as before_one, Nginx() as before_two:
        nodes = several.nodes
        settle(nodes[0])
        several.start()
        before_one.start(nodes[:1])
        before_two.start(nodes[:2])
        cases = [
            Case("1, without nginx", nodes[:1], nodes[0].port),
            Case("1", nodes[:1], before_one.port),
            Case("2", nodes[:2], before_two.port),
            Case("3", nodes, several.front.port),
        ]
        forms = {"`client_credentials`": client_credentials(nodes[0]), "`refresh_token`": REFRESH}
        say(f"\n{machine()}; {CONNECTIONS} connections, {ROUNDS} rounds of {SECONDS} s each.")
        with slices(nodes) as slice_to:
            for title, share in ((f"Each server has {SLICE} of a core", SLICE), ("All share the machine", None)):
                table(title, rounds(cases, forms, lambda: slice_to(share), lambda: slice_to(None)))


REFRESH = "grant_type=refresh_token&client_id=app&refresh_token="


def client_credentials(server: Server) -> str:
    """The form by which a client of its own asks for a token."""
    added = server.json(
        f"client add load --auth-method client_secret_post --first-party --api {API}"
        " --grant client_credentials --scope notes:read"
    )
    credentials = {"client_id": added["client_id"], "client_secret": added["client_secret"]}
    return urllib.parse.urlencode({"grant_type": "client_credentials", **credentials})


def rounds(
    cases: list[Case], forms: dict[str, str], begin: Callable[[], None], end: Callable[[], None]
) -> dict[tuple[str, str], list[Figures]]:
    """The figures of every form in every case, round by round."""
    figures = defaultdict(list)
    for turn in range(ROUNDS):
        turn %= len(cases)
        for name, form in forms.items():
            for case in cases[turn:] + cases[:turn]:
                tokens = signed_in(case.servers) if form == REFRESH else []
                begin()
                figures[name, case.name].append(measured(case, form, tokens))
                end()
    return figures


def signed_in(servers: list[Server]) -> list[str]:
    """A refresh token for each connection, and as many to spare."""

    def token(number: int) -> str:
        form = {"client_id": "app", **password_grant("alice", ALICE, "notes:read")}
        url = f"http://127.0.0.1:{servers[number % len(servers)].port}/token"
        with urllib.request.urlopen(url, urllib.parse.urlencode(form).encode(), timeout=60) as answer:
            return json.load(answer)["refresh_token"]

    with ThreadPoolExecutor(len(servers)) as pool:
        return list(pool.map(token, range(2 * CONNECTIONS)))


def measured(case: Case, form: str, tokens: list[str]) -> Figures:
    """Lets wrk ask, as fast as it is answered."""
    table = "{" + ", ".join(f'"{token}"' for token in tokens) + "}"
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(LOAD.replace("TOKENS", table).replace("FORM", form))
        script.flush()
        options = f"-t1 -c{CONNECTIONS} -d{SECONDS}s --timeout 20s -s {script.name}"
        used, busy, began = cores(case.servers), machine_busy(), time.monotonic()
        command = ["wrk", *options.split(), f"http://127.0.0.1:{case.port}/token"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS + 60)
        took = time.monotonic() - began
    if done.returncode != 0:
        raise Failed(f"wrk ended with {done.returncode}: {done.stderr.strip()}")
    summary = json.loads(done.stdout.splitlines()[-1])
    if summary["failed"]:
        raise Failed(f"{summary['failed']} of {summary['requests']} requests to {case.name} failed")
    return Figures(
        rate=summary["requests"] / summary["microseconds"] * 1e6,
        p99=summary["p99"] / 1000,
        cores=(cores(case.servers) - used) / took,
        busy=(machine_busy() - busy) / took,
    )


def table(title: str, figures: dict[tuple[str, str], list[Figures]]) -> None:
    say(f"\n{title}:\n")
    say("| grant | servers | requests/s | of one (least–most) | p99 | cores of servers | of the machine |")
    say("|---|---|---|---|---|---|---|")
    for (form, case), seen in figures.items():
        ratios = [each.rate / one.rate for each, one in zip(seen, figures[form, "1"])]
        say(
            f"| {form} | {case} | {median(each.rate for each in seen):.0f}"
            f" | {median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
            f" | {median(each.p99 for each in seen):.0f} ms"
            f" | {median(each.cores for each in seen):.2f} | {median(each.busy for each in seen):.2f} |"
        )


@contextmanager
def slices(servers: list[Server]) -> Iterator[Callable[[float | None], None]]:
    """A way to give each server a share of a core that is its own, or a place among all that runs here."""
    root = Path("/sys/fs/cgroup")
    unified = (root / "cgroup.controllers").exists()
    if not unified:
        root /= "cpu"
    groups = [root / f"claviger-{server.process.pid}" for server in servers]

    def slice_to(share: float | None) -> None:
        for group, server in zip(groups, servers):
            if share:
                quota = f"{share * 100_000:.0f}"  # of as many microseconds
                # What a server may have it gets, whatever else runs: it weighs as much as ten processes.
                if unified:
                    (group / "cpu.max").write_text(f"{quota} 100000")
                    (group / "cpu.weight").write_text("1000")
                else:
                    (group / "cpu.cfs_quota_us").write_text(quota)
                    (group / "cpu.shares").write_text("10240")
            ((group if share else root) / "cgroup.procs").write_text(str(server.process.pid))

    try:
        if unified:
            (root / "cgroup.subtree_control").write_text("+cpu")
        for group in groups:
            group.mkdir()
    except OSError as error:
        raise Failed(f"no slice of a core can be given: {error}\nhint: run it as root, with cgroups") from error
    try:
        yield slice_to
    finally:
        slice_to(None)
        for group in groups:
            group.rmdir()


def cores(servers: list[Server]) -> float:
    """Seconds of a core that the servers have used so far."""

    def used(server: Server) -> float:
        # After the name, which stands in brackets, the 12th and 13th field (proc_pid_stat(5)).
        fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    return sum(used(server) for server in servers)


def machine_busy() -> float:
    """Seconds of a core that everything has used so far, in user and system mode and for interrupts."""
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    user, nice, system, _idle, _iowait, interrupts, soft = fields[:7]
    return (user + nice + system + interrupts + soft) / os.sysconf("SC_CLK_TCK")


def machine() -> str:
    """What it was measured on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    model = models[0] if models else platform.machine()
    return f"{os.cpu_count()} cores ({model}), Linux {platform.release()}"


if __name__ == "__main__":
    play(main, "Not finished.")
