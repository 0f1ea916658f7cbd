"""A FastAPI application as the guides have it, with `OAuth2PasswordBearer` and `SecurityScopes`.

Only two places know that the tokens come from elsewhere: `tokenUrl`, and the line that decodes a token.
"""

from typing import Annotated

import jwt
from fastapi import Depends, FastAPI, HTTPException, Security, status
from fastapi.security import OAuth2PasswordBearer, SecurityScopes
from pydantic import BaseModel, ValidationError


class TokenData(BaseModel):
    username: str
    scopes: list[str] = []


class User(BaseModel):
    username: str


def notes_api(issuer: str, audience: str) -> FastAPI:
    app = FastAPI()
    keys = jwt.PyJWKClient(f"{issuer}/.well-known/jwks.json")
    oauth2_scheme = OAuth2PasswordBearer(
        tokenUrl=f"{issuer}/token",
        scopes={"notes:read": "Read notes.", "notes:write": "Write notes."},
    )

    def get_current_user(security_scopes: SecurityScopes, token: Annotated[str, Depends(oauth2_scheme)]) -> User:
        if security_scopes.scopes:
            authenticate_value = f'Bearer scope="{security_scopes.scope_str}"'
        else:
            authenticate_value = "Bearer"
        credentials_exception = HTTPException(
            status_code=status.HTTP_401_UNAUTHORIZED,
            detail="Could not validate credentials",
            headers={"WWW-Authenticate": authenticate_value},
        )
        try:
            key = keys.get_signing_key_from_jwt(token)
            payload = jwt.decode(token, key, algorithms=["RS256"], audience=audience, issuer=issuer)
            username = payload.get("sub")
            if username is None:
                raise credentials_exception
            scope: str = payload.get("scope", "")
            token_data = TokenData(scopes=scope.split(" "), username=username)
        except (jwt.PyJWTError, ValidationError):
            raise credentials_exception from None
        for scope in security_scopes.scopes:
            if scope not in token_data.scopes:
                raise HTTPException(
                    status_code=status.HTTP_401_UNAUTHORIZED,
                    detail="Not enough permissions",
                    headers={"WWW-Authenticate": authenticate_value},
                )
        return User(username=token_data.username)

    @app.get("/notes/")
    def read_notes(user: Annotated[User, Security(get_current_user, scopes=["notes:read"])]):
        return [{"note": "Foo", "owner": user.username}]

    @app.post("/notes/")
    def write_note(user: Annotated[User, Security(get_current_user, scopes=["notes:write"])]):
        return {"note": "Bar", "owner": user.username}

    @app.get("/status/")
    def read_system_status(user: Annotated[User, Depends(get_current_user)]):
        return {"status": "ok"}

    return app
