"""A web application that signs people in with Authlib; the environment tells where, and as which client."""

import os

import uvicorn
from authlib.integrations.starlette_client import OAuth
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.routing import Route

HERE = f"http://localhost:{os.environ['PORT']}"

claviger = OAuth().register(
    "claviger",
    client_id=os.environ["CLIENT_ID"],
    client_secret=os.environ["CLIENT_SECRET"],
    server_metadata_url=os.environ["ISSUER"] + "/.well-known/openid-configuration",
    client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256"},
)


async def home(request: Request):
    user = request.session.get("user")
    return PlainTextResponse(f"Hello, {user}!" if user else "Who are you?")


async def sign_in(request: Request):
    return await claviger.authorize_redirect(request, f"{HERE}/callback")


async def callback(request: Request):
    tokens = await claviger.authorize_access_token(request)
    claims = await claviger.userinfo(token=tokens)
    if claims["sub"] != tokens["userinfo"]["sub"]:
        raise ValueError("the ID token is about somebody else")
    request.session.update(user=claims["preferred_username"], id_token=tokens["id_token"])
    return RedirectResponse("/")


async def sign_out(request: Request):
    id_token = request.session.pop("id_token")
    del request.session["user"]
    return await claviger.logout_redirect(request, f"{HERE}/signed-out", id_token)


async def signed_out(request: Request):
    await claviger.validate_logout_response(request)
    return RedirectResponse("/")


app = Starlette(
    routes=[
        Route("/", home),
        Route("/sign-in", sign_in),
        Route("/callback", callback),
        Route("/sign-out", sign_out),
        Route("/signed-out", signed_out),
    ],
    middleware=[Middleware(SessionMiddleware, secret_key=os.urandom(32).hex())],
)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
