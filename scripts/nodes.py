"""Three servers on one PostgreSQL behind an nginx, step by step; each expectation is checked.

Run by `scripts/nodes`, in the virtual environment that has the third-party verifier.
"""

import signal
import sys
import time

import jwt

from cluster import LEFT_OUT, Cluster, cluster
from server import Server, binary
from shown import ALICE, BLUE, BOB, GREEN, Client, decoded, expect, password_grant, play, run, say, settle, step
from shown import verified


def main() -> None:
    with cluster() as several:
        demonstrate(several)
        say("\nEverything was as it must be.", GREEN)
        if "--once" not in sys.argv[1:]:
            go_on_by_hand(several)


def demonstrate(several: Cluster) -> None:
    one, two, _ = nodes = several.nodes
    front = Client(several.front.port)

    step("A database with an API, two roles, a client and two users; three servers, and nginx before them")
    settle(one)
    several.start()
    for number, node in enumerate(nodes, 1):
        say(f"server {number} listens on 127.0.0.1:{node.port}, with the process {node.process.pid}")
    say(f"nginx listens on 127.0.0.1:{several.front.port}")

    step("A token through the front, for the issuer that all are; the header `Node` says who answered")
    first = front.token(200, **password_grant("alice", ALICE, "notes:read profile")).json
    good_at(nodes, first)

    step("Refreshed through the front, by whichever server comes next")
    latest, answered = refreshed(front, first, 6)
    expect("each of the three took part", len(answered) == 3)

    step("Guesses at a password, on all three: five a minute are counted together, in Redis")
    guess = password_grant("mallory", "correct horse battery staple", "notes:read")
    for _ in range(5):
        front.token(400, **guess)
    front.token(429, **guess)

    step("The signing key is rotated on one server, at once")
    run(two, "keys rotate --now")
    time.sleep(1)  # within which all of them obey the command line
    second = front.token(200, **password_grant("bob", BOB, "notes:write")).json
    kids = [decoded(tokens["access_token"])[0]["kid"] for tokens in (first, second)]
    expect("the new token is signed with another key", kids[0] != kids[1])
    good_at(nodes, first, second)

    step("One server is killed")
    say(f"$ kill -KILL {one.process.pid}", BLUE)
    one.process.kill()
    one.process.wait()
    third = front.token(200, **password_grant("alice", ALICE, "notes:read profile")).json
    latest, answered = refreshed(front, latest, 6)
    expect("the two others answer", len(answered) == 2)
    good_at(nodes[1:], first, second, third, latest)

    step("It is started again, and takes part again")
    one.start()
    time.sleep(LEFT_OUT + 2)  # nginx counts whole seconds
    _, answered = refreshed(front, latest, 6)
    expect("each of the three took part", len(answered) == 3)
    good_at(nodes, first, second, third)


def refreshed(front: Client, tokens: dict, times: int) -> tuple[dict, set[str]]:
    """The last successor of `tokens`, and which servers answered."""
    answered = set()
    for _ in range(times):
        answer = front.refresh(200, tokens)
        tokens = answer.json
        # With those before it that did not answer.
        answered.add(answer.header("node").split(", ")[-1])
    return tokens, answered


def good_at(nodes: list[Server], *tokens: dict) -> None:
    """Expects the access tokens to verify by the JWKS of each server."""
    what = "it" if len(tokens) == 1 else f"all {len(tokens)} tokens"
    for node in nodes:
        keys = jwt.PyJWKClient(f"http://127.0.0.1:{node.port}/.well-known/jwks.json")
        is_good = all(verified(keys, node, each["access_token"]) for each in tokens)
        expect(f"PyJWT verifies {what} by the JWKS of 127.0.0.1:{node.port}", is_good)


def go_on_by_hand(several: Cluster) -> None:
    step("The servers go on until Ctrl-C; to go on by hand")
    one, two, three = several.nodes
    url, claviger = several.front.url, f"{binary()} --config"
    say(
        f"""\
token=$(curl -s {url}/token -d client_id=app -d grant_type=password -d username=alice \\
    -d password={ALICE} |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
curl -i {url}/users/me -H "Authorization: Bearer $token"    # the header `Node` says who answered

{claviger} {two.config} keys rotate --now    # and every server publishes and signs with the same key:
for port in {one.port} {two.port} {three.port}; do curl -s 127.0.0.1:$port/.well-known/jwks.json; echo; done

kill -KILL {one.process.pid}    # nginx turns to the others; and back, when it is there again:
{claviger} {one.config} serve

psql {several.database}
tail -f {one.log} {two.log} {three.log}"""
    )
    while True:
        signal.pause()


if __name__ == "__main__":
    play(main, "All of them have ended, and their files are gone.")
