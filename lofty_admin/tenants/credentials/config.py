"""Where Lofty is, and the OAuth app of this console, from the deployment's environment."""

from dataclasses import replace
from uuid import UUID

from django.conf import settings

from lofty_admin.core.environment import OAuthApp
from lofty_admin.lofty.endpoint import Endpoint
from lofty_admin.lofty.errors import Misconfigured
from lofty_admin.lofty.oauth import OAuthClient
from lofty_admin.tenants.credentials.call_limits import gate_of, slot_only


def endpoint(tenant_id: UUID | None = None) -> Endpoint:
    """Return Lofty's API endpoint for a tenant; calls also count towards the tenant's limits."""
    environment = settings.ENVIRONMENT
    return Endpoint(
        base_url=environment.lofty_base_url,
        allowed_hosts=environment.lofty_allowed_hosts,
        allow_loopback=environment.lofty_allow_loopback,
        deadline=environment.lofty_deadline,
        gate=gate_of(tenant_id, environment.lofty_base_url),
    )


def oauth_app() -> OAuthApp | None:
    """Return the OAuth app, or None if there is none: then only pasted keys and tokens work."""
    app: OAuthApp | None = settings.ENVIRONMENT.oauth_app
    return app


def oauth_client() -> OAuthClient:
    """Return a client of Lofty's token endpoint. Raises Misconfigured without an OAuth app."""
    app = oauth_app()
    if app is None:
        raise Misconfigured("This console is not registered as an OAuth app in Lofty.")
    return OAuthClient(
        app.token_url,
        app.client_id,
        app.client_secret,
        endpoint=replace(endpoint(), gate=slot_only),
    )
