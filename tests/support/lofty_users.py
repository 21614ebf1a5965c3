"""The practice Lofty's users Acme and Globex, and their tokens."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone
from pytest_django import Settings

from lofty_admin.audit.models import AuditEvent
from lofty_admin.core.environment import OAuthApp
from lofty_admin.lofty.client import Scheme
from lofty_admin.tenants.credentials import (
    config,
    oauth_flow,
    token_store,
    token_verification,
)
from lofty_admin.tenants.models import Connection, Tenant, TokenRefresh
from tools.practice_control import control

TOKEN = "canary-Acme-0123456789-abcdefgh-WXYZ"


NEXT_TOKEN = "canary-Acme-second-9876543210-QRST"


OTHER_TOKEN = "canary-Globex-5555555555-oauth-JKLM"


@dataclass(frozen=True)
class Lofty:
    """The practice Lofty by its control API."""

    url: str

    def control(
        self, method: str, path: str, body: Mapping[str, object] | None = None
    ) -> dict[str, Any]:
        return control(self.url, method, path, None if method == "GET" else body or {})

    def change(self, slug: str, **wish: object) -> None:
        self.control("PATCH", f"customers/{slug}", wish)

    def fault(self, slug: str, **fault: object) -> None:
        self.control("POST", f"customers/{slug}/faults", fault)

    def register(self, **app: object) -> None:
        wish = {"client_id": APP_ID, "client_secret": APP_SECRET, "redirect_url": CALLBACK}
        self.control("POST", "apps", {**wish, **app})

    def code(self, slug: str) -> str:
        """As Lofty's authorise page gives it when that customer lets the app in."""
        return str(self.control("POST", "codes", {"client_id": APP_ID, "slug": slug})["code"])

    def calls_made(self, slug: str) -> int:
        found = self.control("GET", f"customers/{slug}")["tokens"]
        assert isinstance(found, list)
        return sum(token["rate_limit"] - token["rate_remaining"] for token in found)


APP_ID = "console-app"


APP_SECRET = "canary-app-secret-0123456789-UVWX"


CALLBACK = "http://testserver/oauth/lofty/callback"


def register_console(lofty: Lofty, settings: Settings) -> Lofty:
    """The console is an OAuth app of that practice Lofty from now on."""
    lofty.register(expires_in=3600)
    registered = OAuthApp(
        client_id=APP_ID,
        client_secret=APP_SECRET,
        authorize_url=f"{lofty.url}/page/vendor-auth.html",
        token_url=f"{lofty.url}/api/user-web/oauth/token",
        redirect_url="",
    )
    settings.ENVIRONMENT = dataclasses.replace(settings.ENVIRONMENT, oauth_app=registered)
    return lofty


def connected(tenant: Tenant, lofty: Lofty, slug: str = "") -> Connection:
    """The tenant by an OAuth connection of that customer's, or of its own namesake's."""
    tokens = config.oauth_client().exchange_code(lofty.code(slug or tenant.slug), CALLBACK)
    checked = token_verification.ask_lofty(oauth_flow._checked(tokens))
    return token_store.set_connection(tenant, checked, meant=True)


def checked(token: str = TOKEN, scheme: Scheme = Scheme.API_KEY) -> token_verification.CheckedToken:
    """That token with what the practice Lofty says of it."""
    return token_verification.check_token(scheme, token)


def kinds() -> list[str]:
    return list(AuditEvent.objects.order_by("seq").values_list("kind", flat=True))


def set_row(**fields: Any) -> None:
    Connection.objects.filter(retired_at=None).update(**fields)


def set_refresh(**fields: Any) -> None:
    TokenRefresh.objects.filter(connection__retired_at=None).update(**fields)


def ends_in(seconds: float) -> None:
    """Moves the access token's end; also when it was renewed, so that its life is an hour."""
    now = timezone.now()
    set_row(access_expires_at=now + timedelta(seconds=seconds))
    set_refresh(refreshed_at=now + timedelta(seconds=seconds - 3600))
