"""The server's description of itself: it is OpenAPI, and says what the metadata say."""

import requests
from openapi_spec_validator import OpenAPIV31SpecValidator


def test_it_is_openapi_3_1(server):
    description = requests.get(f"{server.issuer}/openapi.json", timeout=30).json()

    assert description["openapi"].startswith("3.1.")
    assert [error.message for error in OpenAPIV31SpecValidator(description).iter_errors()] == []


def test_it_says_what_the_metadata_say(server, metadata):
    description = requests.get(f"{server.issuer}/openapi.json", timeout=30).json()
    [base] = [server["url"] for server in description["servers"]]
    endpoints = {name: url for name, url in metadata.items() if name.endswith(("_endpoint", "_uri"))}

    assert base == metadata["issuer"]
    assert "authorization_endpoint" in endpoints
    for name, url in endpoints.items():
        assert url.removeprefix(base) in description["paths"], name
