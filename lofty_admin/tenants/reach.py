"""Where Lofty is and as which OAuth app the console comes, by this deployment's environment."""

from django.conf import settings

from lofty_admin.environment import OAuthApp
from lofty_admin.lofty.endpoint import Endpoint
from lofty_admin.lofty.errors import Misconfigured
from lofty_admin.lofty.oauth import OAuthClient


def endpoint() -> Endpoint:
    """Lofty's API."""
    environment = settings.ENVIRONMENT
    return Endpoint(
        base_url=environment.lofty_base_url,
        allowed_hosts=environment.lofty_allowed_hosts,
        allow_loopback=environment.lofty_allow_loopback,
        deadline=environment.lofty_deadline,
    )


def oauth_app() -> OAuthApp | None:
    """None if the deployment has none: then only pasted keys and tokens can be used."""
    app: OAuthApp | None = settings.ENVIRONMENT.oauth_app
    return app


def oauth_client() -> OAuthClient:
    """Lofty's token endpoint. Raises Misconfigured without an OAuth app."""
    app = oauth_app()
    if app is None:
        raise Misconfigured("This console is not registered as an OAuth app at Lofty.")
    return OAuthClient(app.token_url, app.client_id, app.client_secret, endpoint=endpoint())
