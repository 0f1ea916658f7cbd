"""Which functions a server calls: first those of a start, then those that only requests call.

Run by `scripts/order`. Servers run under valgrind, which writes down each function that was called.
"""

import os
import re
import shutil
from pathlib import Path

from server import ROOT, Failed, binary
from shown import play, say
from stand import Stand

LIST = ROOT / "scripts/order.txt"
LENGTH = 80  # of a name; types may make it several thousand

# As the processor goes under valgrind, so few connections for so many seconds.
CONNECTIONS, SECONDS = 4, 3


def main() -> None:
    calls = ROOT / "target/order/calls"
    shutil.rmtree(calls, ignore_errors=True)
    calls.mkdir(parents=True)
    # A file for each process.
    valgrind = f"valgrind --tool=callgrind --demangle=no --compress-strings=no --callgrind-out-file={calls}/%p"
    cores = ",".join(map(str, os.sched_getaffinity(0)))
    with Stand(cores, under=tuple(valgrind.split())) as stand:
        say("a start")  # the second: the first makes database and keys
        stand.restart()
        started = stand.server.process.pid
        stand.restart()
        say("requests")
        served = stand.server.process.pid
        ask(stand)
        stand.server.stop()
    start, requests = names(calls / str(started)), names(calls / str(served))
    if len(start) < 1000:
        raise Failed(f"only {len(start)} functions of {binary()} were seen; it needs its symbols, in `.text`")
    lines = sorted(start) + sorted(requests - start)
    LIST.write_text("".join(f"{line}\n" for line in lines))
    say(f"{LIST.relative_to(ROOT)} has {len(start)} names of a start, and {len(requests - start)} of requests.")


def ask(stand: Stand) -> None:
    """Of everything that scripts/bench measures a little."""
    stand.client_credentials(SECONDS, CONNECTIONS)
    stand.refresh(SECONDS, CONNECTIONS)
    stand.password(1, 1)
    stand.code(CONNECTIONS, CONNECTIONS)
    stand.introspection(SECONDS, CONNECTIONS)
    for path in ("/users/me", "/userinfo"):
        stand.bearer(path, SECONDS, CONNECTIONS)
    for path in ("/.well-known/jwks.json", "/.well-known/openid-configuration"):
        stand.document(path, SECONDS, CONNECTIONS)


def names(file: Path) -> set[str]:
    """The server's functions that were called, as patterns without what a compiler or a library's version puts in."""
    found, is_ours = set(), False
    for line in file.read_text().splitlines():
        key, _, value = line.partition("=")
        if key == "ob":
            is_ours = value == str(binary().resolve())
        elif key == "fn" and is_ours and re.fullmatch(r"[A-Za-z_][\w.$']*", value):  # no address, no `(below main)`
            found.add(pattern(value))
    return found


def pattern(name: str) -> str:
    name = re.sub(r"'\d+$", "", name)  # how deep it called itself
    name = re.sub(r"17h[0-9a-f]{16}E.*$", "17h*", name)  # the compiler's hash
    name = re.sub(r"(\.[a-z]+)?\.\d.*$", "*", name)  # a part or a copy
    name = re.sub(r"Cs[0-9A-Za-z]+_", "Cs*_", name)  # which build of a crate
    name = re.sub(r"aws_lc_\d+_\d+_\d+_", "aws_lc_*_", name)
    return name if len(name) <= LENGTH else f"{name[:LENGTH].rstrip('*')}*"


if __name__ == "__main__":
    play(main, "Not finished.")
