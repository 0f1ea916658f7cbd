"""A FastAPI application as the guides have it, with tokens from here, and what its documentation page sends."""

import pytest
import requests
from fastapi.testclient import TestClient

from notes_api import notes_api


@pytest.fixture(scope="module")
def api(server) -> TestClient:
    return TestClient(notes_api(server.issuer, server.api))


def bearer(tokens: dict) -> dict:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def test_a_token_opens_what_its_scope_allows(api, server):
    headers = bearer(server.sign_in(scope="notes:read"))

    assert api.get("/notes/", headers=headers).status_code == 200
    assert api.get("/status/", headers=headers).json() == {"status": "ok"}

    refused = api.post("/notes/", headers=headers)
    assert refused.status_code == 401
    assert refused.json() == {"detail": "Not enough permissions"}


def test_a_refreshed_token_opens_the_same(api, server):
    tokens = server.sign_in(scope="notes:read notes:write")
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    refreshed = requests.post(server.token_endpoint, form, timeout=30).json()

    assert api.post("/notes/", headers=bearer(refreshed)).status_code == 200


def test_a_token_for_another_audience_opens_nothing(api, server):
    headers = bearer(server.sign_in(**server.account))

    assert api.get("/status/", headers=headers).status_code == 401


def test_a_tampered_token_opens_nothing(api, tampered):
    assert api.get("/status/", headers=bearer({"access_token": tampered})).status_code == 401


def test_the_application_sends_its_users_here(api, server):
    schemes = api.get("/openapi.json").json()["components"]["securitySchemes"]

    assert schemes["OAuth2PasswordBearer"]["flows"]["password"]["tokenUrl"] == server.token_endpoint


# What clients of the guides' `/token` send, who know of no client: nothing, empty values, or, with the Authorize
# dialog of Swagger UI left empty, `Basic` of ":".
NO_CLIENT = {
    "nothing": ({}, {}),
    "empty values": ({"scope": "", "client_id": "", "client_secret": ""}, {}),
    "the Authorize dialog": ({"scope": ""}, {"Authorization": "Basic Og==", "X-Requested-With": "XMLHttpRequest"}),
    "the Authorize dialog, secrets in the body": ({"scope": ""}, {"X-Requested-With": "XMLHttpRequest"}),
}


@pytest.mark.parametrize("how", NO_CLIENT)
def test_a_request_that_names_no_client_is_served_as_the_default_one(how, api, server):
    form, headers = NO_CLIENT[how]
    form = {"grant_type": "password", "username": server.username, "password": server.password, **form}
    answer = requests.post(server.token_endpoint, form, headers={"Origin": server.page, **headers}, timeout=30)

    assert answer.status_code == 200, answer.text
    assert answer.headers["Access-Control-Allow-Origin"] == server.page
    assert answer.json()["token_type"] == "Bearer"
    assert api.get("/notes/", headers=bearer(answer.json())).status_code == 200


def test_a_browser_may_send_what_the_authorize_dialog_sends(server):
    answer = requests.options(
        server.token_endpoint,
        headers={
            "Origin": server.page,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,x-requested-with",
        },
        timeout=30,
    )
    allowed = {name.strip().lower() for name in answer.headers["Access-Control-Allow-Headers"].split(",")}

    assert answer.ok
    assert answer.headers["Access-Control-Allow-Origin"] == server.page
    assert {"authorization", "x-requested-with"} <= allowed


def test_a_wrong_password_is_told_to_the_page(server):
    form = {"grant_type": "password", "username": server.username, "password": "not-the-password-at-all"}
    answer = requests.post(server.token_endpoint, form, headers={"Origin": server.page}, timeout=30)

    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_grant"
    assert answer.headers["Access-Control-Allow-Origin"] == server.page
