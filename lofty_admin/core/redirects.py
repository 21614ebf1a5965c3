"""Where a browser may be sent by an address it brought along."""

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

MAX_LENGTH = 2000  # browsers and proxies take no longer ones, Django redirects to none


def is_ours(url: str | None) -> bool:
    """Return whether `url` is an address of this console, given as a path from its root."""
    # A word without "/" would be looked up by `redirect` as the name of a view.
    if not url or not url.startswith("/") or len(url) > MAX_LENGTH:
        return False
    return url_has_allowed_host_and_scheme(url, allowed_hosts=None, require_https=True)


def safe_next(request: HttpRequest, *, default: str) -> str:
    """Return the `next` that was posted or is in the query, or `default` if it is not ours."""
    url = request.POST.get("next") or request.GET.get("next", "")
    return url if is_ours(url) else default
