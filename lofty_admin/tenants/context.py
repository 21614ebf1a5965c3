"""What every page needs to know of the tenants."""

from django.http import HttpRequest

from lofty_admin.tenants.access import ROLE_KEY
from lofty_admin.tenants.models import Role


def switcher(request: HttpRequest) -> dict[str, object]:
    """`has_switcher`: the page may show it; its list comes when it is opened (views.switcher).

    `is_manager`: whether the person manages the tenant of the page.
    """
    return {"has_switcher": True, "is_manager": request.META.get(ROLE_KEY) == Role.MANAGER}
