"""What every page needs to know of the tenants."""

from django.http import HttpRequest

from lofty_admin.tenants.access import ROLE_KEY, visible_tenants
from lofty_admin.tenants.models import Role

SWITCHER_LENGTH = 200


def switcher(request: HttpRequest) -> dict[str, object]:
    """`switcher_tenants`: the first tenants the signed-in person may see; none for nobody.

    `is_manager`: whether the person manages the tenant of the page.
    """
    user = getattr(request, "user", None)
    tenants = visible_tenants(user)[:SWITCHER_LENGTH] if user is not None else []
    is_manager = request.META.get(ROLE_KEY) == Role.MANAGER
    return {"switcher_tenants": tenants, "is_manager": is_manager}
