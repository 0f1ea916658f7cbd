"""JupyterHub as its documentation sets up GenericOAuthenticator; the environment tells where, and as which client."""

import os

from oauthenticator.generic import GenericOAuthenticator

c = get_config()  # noqa: F821, which JupyterHub gives to this file

HERE, ISSUER, CLIENT = (os.environ[name] for name in ("HERE", "ISSUER", "CLIENT_ID"))

c.JupyterHub.bind_url = HERE
c.JupyterHub.hub_port = int(os.environ["HUB_PORT"])
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{os.environ['PROXY_PORT']}"
c.ConfigurableHTTPProxy.command = os.environ["PROXY"].split()
c.JupyterHub.db_url = "sqlite:///jupyterhub.sqlite"
c.JupyterHub.default_url = "/hub/home"  # and no notebook is started
c.JupyterHub.log_level = "WARN"

c.JupyterHub.authenticator_class = GenericOAuthenticator
c.GenericOAuthenticator.client_id = CLIENT
c.GenericOAuthenticator.client_secret = os.environ["CLIENT_SECRET"]
c.GenericOAuthenticator.oauth_callback_url = f"{HERE}/hub/oauth_callback"
c.GenericOAuthenticator.authorize_url = f"{ISSUER}/authorize"
c.GenericOAuthenticator.token_url = f"{ISSUER}/token"
c.GenericOAuthenticator.userdata_url = f"{ISSUER}/userinfo"
c.GenericOAuthenticator.scope = ["openid", "profile", "email"]
c.GenericOAuthenticator.username_claim = "preferred_username"
c.GenericOAuthenticator.login_service = "claviger"
c.GenericOAuthenticator.allow_all = True
c.GenericOAuthenticator.logout_redirect_url = f"{ISSUER}/logout"
