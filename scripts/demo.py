"""The main job, step by step: each request and answer is shown, and each expectation checked.

Run by `scripts/demo`, in the virtual environment that has the third-party verifier.
"""

import sys
import time

import jwt

from demo_client import ClientPage, sign_in_on_pages
from server import Server, binary
from shown import ALICE, API, BOB, GREEN, Client, decoded, expect, password_grant, play, run, say, settle, show
from shown import step, verified


def main() -> None:
    with Server() as server, ClientPage(server) as page:
        demonstrate(server)
        sign_in_on_pages(server, page)
        say("\nEverything was as it must be.", GREEN)
        if "--once" not in sys.argv[1:]:
            go_on_by_hand(server, page)


def demonstrate(server: Server) -> None:
    step("A server with an API, two roles, a client and two users")
    settle(server)
    server.start()
    say(f"claviger serves {server.issuer}")
    client = Client(server.port)

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


def go_on_by_hand(server: Server, page: ClientPage) -> None:
    step(f"The server goes on until Ctrl-C; to go on in a browser, as alice with the password {ALICE}")
    page_of_endpoints = f"{server.issuer}/docs"
    grants = "--grant authorization_code --grant password --scope openid --scope profile"
    redirect = f"--redirect-uri {page_of_endpoints}/oauth2-redirect.html"
    server.command(f"client add docs --public --first-party {redirect} {grants}")
    say(f"{page.url}    the client's page")
    say(f"{server.issuer}/account    her account")
    say(f"{page_of_endpoints}    every endpoint, to be tried after signing in there (Authorize)")

    step("To go on at a prompt")
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


if __name__ == "__main__":
    play(main, "The server has ended, and its files are gone.")
