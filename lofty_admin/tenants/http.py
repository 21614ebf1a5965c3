"""The request of a signed-in user, as views of tenants get it."""

from typing import TypeGuard

from lofty_admin.accounts.models import User
from lofty_admin.core.http import ConsoleRequest
from lofty_admin.tenants.models import Role, Tenant


class PageRequest(ConsoleRequest):
    """A request that may be about a tenant: `get_tenant` sets it and the user's role in it.

    `PageTenantMiddleware` sets both to None first.
    """

    tenant: Tenant | None
    role: Role | None


class SignedInRequest(PageRequest):
    """A request to a view that SignInRequiredMiddleware guards: its user is never anonymous."""

    user: User


def is_signed_in(request: PageRequest) -> TypeGuard[SignedInRequest]:
    """Return whether a user is signed in, in a view that is open to anyone."""
    return isinstance(request.user, User)
