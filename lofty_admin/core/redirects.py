"""Decide where a redirect may send the browser, given a URL from the request."""

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

MAX_LENGTH = 2000  # browsers and proxies reject longer URLs, and Django doesn't redirect to them


def is_ours(url: str | None) -> bool:
    """Return whether `url` is a URL of this console, given as a path from its root."""
    # `redirect` would look up a word without "/" as the name of a view.
    if not url or not url.startswith("/") or len(url) > MAX_LENGTH:
        return False
    return url_has_allowed_host_and_scheme(url, allowed_hosts=None, require_https=True)


def safe_next(request: HttpRequest, *, default: str) -> str:
    """Return `next` from the POST data or the query, or `default` if it is not a safe URL."""
    url = request.POST.get("next") or request.GET.get("next", "")
    return url if is_ours(url) else default
