"""Template context about the page's tenant, for every page."""

from collections.abc import Callable

from lofty_admin.accounts.models import User
from lofty_admin.tenants.http import PageRequest
from lofty_admin.tenants.models import Role
from lofty_admin.tenants.recents import is_pinned


def header(request: PageRequest) -> dict[str, object]:
    """Return the context of the page header.

    `is_manager`: whether the user manages the page's tenant. `is_pinned`: whether they pinned it;
    queried only where it is shown.
    """
    return {
        "is_manager": request.role == Role.MANAGER,
        "is_pinned": _pinned(request),
    }


def _pinned(request: PageRequest) -> Callable[[], bool]:
    def asked() -> bool:
        user, tenant = request.user, request.tenant
        return isinstance(user, User) and tenant is not None and is_pinned(user, tenant)

    return asked
