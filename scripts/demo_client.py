"""Signing in on our pages: a client of ours in the browser, and what a person does there, step by step."""

import base64
import hashlib
import http.server
import secrets
import threading
import time
import urllib.parse
from pathlib import Path

import jwt

from server import Server
from shown import ALICE, API, BLUE, Client, decoded, expect, run, say, short, show, step, verified
from visitor import Page, Visitor


class ClientPage:
    """`demo_client.html`, served at an origin of its own."""

    CLIENT = "notes"

    def __init__(self, server: Server):
        page = Path(__file__).with_name("demo_client.html").read_text()
        page = page.replace("ISSUER", server.issuer).replace("CLIENT", self.CLIENT).encode()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_) -> None:
                pass

        self.listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.listener.server_port}"
        self.url = f"{self.origin}/"

    def __enter__(self) -> "ClientPage":
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self.listener.shutdown()
        self.listener.server_close()


def sign_in_on_pages(server: Server, page: ClientPage) -> None:
    """What a person does at the client's page, and the page's script for them."""
    step("A page of somebody else's, where people sign in through our pages")
    scopes = "--scope openid --scope profile --scope email --scope notes:read"
    addresses = f"--redirect-uri {page.url} --post-logout-redirect-uri {page.url} --origin {page.origin}"
    grants = "--grant authorization_code --grant refresh_token"
    run(server, f"client add {page.CLIENT} --name Notes --public --api {API} {grants} {scopes} {addresses}")
    time.sleep(1)  # within which a running server obeys the command line
    client = Client(server.port, page.CLIENT)
    metadata = client.get("/.well-known/openid-configuration", 200).json

    step("Authorization code with PKCE (RFC 6749 §4.1, RFC 7636): alice signs in and allows it")
    verifier, state, nonce = (secrets.token_urlsafe(32) for _ in range(3))
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    question = {
        "response_type": "code",
        "client_id": page.CLIENT,
        "redirect_uri": page.url,
        "scope": "openid profile email notes:read",
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    alice = Visitor(show_page)
    alice.open(f"{metadata['authorization_endpoint']}?{urllib.parse.urlencode(question)}")
    alice.submit(username="alice", password=ALICE)
    answer = alice.submit(button=("decision", "allow")).query
    expect("the client is told whose answer it is (RFC 9207)", answer["iss"] == server.issuer)
    expect("and to which question", answer["state"] == state)

    step("The code for tokens, once")
    form = {"grant_type": "authorization_code", "code": answer["code"], "redirect_uri": page.url}
    first = client.token(200, **form, code_verifier=verifier).json
    keys = jwt.PyJWKClient(metadata["jwks_uri"])
    claims = verified(keys, server, first["id_token"], page.CLIENT)
    show({"ID token": claims, "access token": decoded(first["access_token"])[1]})
    expect("PyJWT accepts the ID token, and it answers this question", claims["nonce"] == nonce)
    told = client.get("/userinfo", 200, first["access_token"]).json
    is_hers = (told["sub"], told["preferred_username"]) == (claims["sub"], "alice")
    expect("it is alice", is_hers)
    second = client.refresh(200, first).json

    step("Signing out (OpenID Connect RP-Initiated Logout) ends what the client was given")
    goodbye = {"id_token_hint": first["id_token"], "post_logout_redirect_uri": page.url, "state": "goodbye"}
    answer = alice.open(f"{metadata['end_session_endpoint']}?{urllib.parse.urlencode(goodbye)}")
    expect("the browser is sent back to the client", answer.location == f"{page.url}?state=goodbye")
    expect("the refresh token is refused", client.refresh(400, second).json["error"] == "invalid_grant")


def show_page(method: str, url: str, page: Page) -> None:
    target = urllib.parse.urlsplit(url)
    say(f"> {method} {target.path}" + (f"?{short(target.query)}" if target.query else ""), BLUE)
    say(f"< {page.status}" + (f" “{page.title}”" if page.title else f" to {short(page.location or '')}"), BLUE)
