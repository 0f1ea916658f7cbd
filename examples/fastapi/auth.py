"""Checks the access tokens of one API: the guides' `OAuth2PasswordBearer` and `SecurityScopes`, with tokens from
claviger. `Security(caller, scopes=["items:read"])` demands a scope, and gives what the token says.

Needs `fastapi` and `PyJWT[crypto]`.
"""

from typing import Annotated

import jwt
from fastapi import Depends, HTTPException
from fastapi.security import OAuth2PasswordBearer, SecurityScopes

ISSUER = "http://127.0.0.1:8080"
AUDIENCE = "https://items.example"
SCOPES = {"items:read": "Read items", "items:write": "Write items"}

oauth2_scheme = OAuth2PasswordBearer(tokenUrl=f"{ISSUER}/token", scopes=SCOPES, auto_error=False)
# Kept for 300 seconds, and fetched again when a token names a key that is not known.
keys = jwt.PyJWKClient(f"{ISSUER}/.well-known/jwks.json", lifespan=300)


def caller(scopes: SecurityScopes, token: Annotated[str | None, Depends(oauth2_scheme)]) -> dict:
    """What the token says (RFC 9068 §4)."""
    unknown = set(scopes.scopes) - SCOPES.keys()
    if unknown:
        raise ValueError(f"scopes that the API does not have: {unknown}")
    if token is None:
        raise refusal(401, None, scopes)
    try:
        if str(jwt.get_unverified_header(token).get("typ")).lower() not in ("at+jwt", "application/at+jwt"):
            raise jwt.InvalidTokenError("not an access token")
        claims = jwt.decode(
            token,
            keys.get_signing_key_from_jwt(token),
            algorithms=["RS256"],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=30,
            options={"require": ["exp", "iat", "iss", "sub", "aud", "client_id", "jti"]},
        )
    except jwt.PyJWKClientConnectionError:
        raise HTTPException(503, headers={"Retry-After": "5"}) from None
    except jwt.PyJWTError:
        raise refusal(401, "invalid_token", scopes) from None
    if not set(scopes.scopes) <= set(claims.get("scope", "").split(" ")):
        raise refusal(403, "insufficient_scope", scopes)
    return claims


def refusal(status: int, error: str | None, scopes: SecurityScopes) -> HTTPException:
    """RFC 6750 §3: who brought no token is told no error."""
    parts = [f'error="{error}"'] if error else []
    parts += [f'scope="{scopes.scope_str}"'] if scopes.scopes else []
    challenge = " ".join(["Bearer", ", ".join(parts)]).strip()
    return HTTPException(status, error, headers={"WWW-Authenticate": challenge})
