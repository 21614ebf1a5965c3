"""Trust a browser in which a user signed in before: wrong passwords elsewhere don't lock it.

Guessing a user's password from anywhere uses up the attempts of all unknown browsers, and guessing
any user's uses up those of all unknown browsers at the same network address. A known browser
carries a signed cookie for that user and has attempts of its own; a copied cookie gives a guesser
those few attempts and nothing else.
"""

from contextlib import suppress
from datetime import timedelta
from ipaddress import IPv6Network

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import get_random_string

from lofty_admin.accounts.identity import canonical_email
from lofty_admin.accounts.models import User
from lofty_admin.accounts.throttle import Limit

COOKIE = "console_known" if settings.DEMO else "__Host-console_known"
_SALT = "lofty_admin.accounts.trusted_device"
_LASTS = timedelta(days=90)
PER_PERSON, PERSON_PERIOD = 5, timedelta(minutes=5)
PER_ADDRESS, ADDRESS_PERIOD = 10, timedelta(minutes=1)


def limits(request: HttpRequest, email: str, address: str) -> list[Limit]:
    """Return the limits that apply to this attempt.

    A known browser has attempts of its own, whatever happens elsewhere. All others share those for
    the user, and those of their network address.
    """
    person = canonical_email(email)
    if name := _known_as(request, email):
        return [Limit(f"browser|{person}|{name}", PER_PERSON, PERSON_PERIOD)]
    return [
        Limit(f"person|{person}", PER_PERSON, PERSON_PERIOD),
        Limit(f"address|{_network(address)}", PER_ADDRESS, ADDRESS_PERIOD),
    ]


def _network(address: str) -> str:
    """Return the IPv6 network in which a client can choose its address, or the IPv4 address."""
    with suppress(ValueError):
        return str(IPv6Network(f"{address}/64", strict=False).network_address)
    return address


def remember_device(response: HttpResponse, user: User) -> None:
    """Set the cookie that makes this browser a known one."""
    value = signing.dumps([canonical_email(user.email), get_random_string(16)], salt=_SALT)
    response.set_cookie(
        COOKIE,
        value,
        max_age=_LASTS,
        secure=not settings.DEMO,
        httponly=True,
        samesite="Lax",
    )


def _known_as(request: HttpRequest, email: str) -> str:
    try:
        owner, name = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=_LASTS)
    except (signing.BadSignature, ValueError, TypeError):
        return ""
    return str(name) if owner == canonical_email(email) else ""
