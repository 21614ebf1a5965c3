"""What every page needs to know of the tenants."""

from django.http import HttpRequest

from lofty_admin.tenants.access import visible_tenants

SWITCHER_LENGTH = 200


def switcher(request: HttpRequest) -> dict[str, object]:
    """`switcher_tenants`: the first tenants the signed-in person may see; none for nobody."""
    user = getattr(request, "user", None)
    tenants = visible_tenants(user)[:SWITCHER_LENGTH] if user is not None else []
    return {"switcher_tenants": tenants}
