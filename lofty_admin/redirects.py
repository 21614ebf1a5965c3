"""Where a browser may be sent by an address it brought along."""

from django.utils.http import url_has_allowed_host_and_scheme


def is_ours(url: str | None) -> bool:
    """Only addresses of this console, given without scheme and host."""
    return url_has_allowed_host_and_scheme(url, allowed_hosts=None, require_https=True)
