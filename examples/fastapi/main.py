"""An API with two operations, protected by `auth.py`."""

from typing import Annotated

from fastapi import FastAPI, Security

from auth import caller

app = FastAPI()


@app.get("/items")
def read_items(caller: Annotated[dict, Security(caller, scopes=["items:read"])]):
    return {"items": ["one", "two"], "for": caller["sub"]}


@app.post("/items")
def write_item(caller: Annotated[dict, Security(caller, scopes=["items:write"])]):
    return {"written_by": caller["sub"]}
