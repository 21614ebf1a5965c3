"""Keep forms that could not be sent because of a sign-out or an outdated page.

Such a form is not carried out. Its values are kept for an hour, sealed, for the user the page was
rendered for: after signing in they see it again and decide whether to send it. Every form carries a
signed marker of that user, because the session can be gone by then. Without a marker nothing is
kept, so visitors who never signed in cannot write to the database.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from lofty_admin.accounts.models import UnsentForm, User
from lofty_admin.core import clocks, vault
from lofty_admin.core.redirects import is_ours

PAGE_OWNER = "page_of"
COOKIE = "console_unsent" if settings.DEMO else "__Host-console_unsent"
MAX_CHARACTERS = 1_000_000
MAX_PER_USER = 10
# Never kept. `pasted` is a list of tenants with their tokens, `again` a repeated password.
_SECRET_NAMES = frozenset({"again", "code", "credential", "pasted"})
_SECRET_PARTS = re.compile(r"password|token|secret")
_NOT_TYPED = frozenset({"csrfmiddlewaretoken", PAGE_OWNER})
_MARKER_SALT = "lofty_admin.accounts.unsent.owner"
_MARKER_AGE = 7 * 24 * 3600  # seconds; a tab may be open over a long weekend
_BROWSER_KEY = re.compile(r"[A-Za-z0-9_-]{43}")
_FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True)
class Content:
    """The typed values. `page` is the URL of the page with the form, "" if unknown."""

    path: str
    page: str
    fields: list[tuple[str, str]]
    dropped: list[str]
    files: list[str]

    @property
    def has_gaps(self) -> bool:
        return bool(self.dropped or self.files)


def is_secret(name: str) -> bool:
    """Return whether a field of this name may hold a secret, which is not kept."""
    return name in _SECRET_NAMES or bool(_SECRET_PARTS.search(name.lower()))


def owner_marker(user: User) -> str:
    """Return the marker that a form of this user's page carries: signed, and not secret."""
    return signing.TimestampSigner(salt=_MARKER_SALT).sign(str(user.pk))


def page_owner_id(request: HttpRequest) -> int:
    """Return the id of the user the posted page was rendered for, 0 without a valid marker."""
    signer = signing.TimestampSigner(salt=_MARKER_SALT)
    try:
        return int(signer.unsign(request.POST.get(PAGE_OWNER, ""), max_age=_MARKER_AGE))
    except (signing.BadSignature, ValueError):
        return 0


def keep(request: HttpRequest) -> UnsentForm | None:
    """Keep a posted form for the user of its page; None if it has no such user or is too big."""
    owner = User.objects.filter(pk=page_owner_id(request), is_active=True).first()
    if owner is None or request.content_type not in _FORM_TYPES:
        return None
    plain = json.dumps(_posted(request))
    if len(plain) > MAX_CHARACTERS:
        return None
    row = UnsentForm(user=owner, browser=_digest(_browser_key(request)))
    row.sealed = vault.seal(plain, **_place(row))
    with transaction.atomic():
        row.save(force_insert=True)
        _drop_old(owner)
    return row


def find(request: HttpRequest, pk: UUID) -> UnsentForm | None:
    """Return the form this browser kept under that id in the last hour, whoever is signed in."""
    key = request.COOKIES.get(COOKIE, "")
    rows = UnsentForm.objects.filter(
        pk=pk, browser=_digest(key), created_at__gt=UnsentForm.oldest()
    )
    return rows.select_related("user").first() if key else None


def opened(row: UnsentForm) -> Content | None:
    """Return the content; None if its key is gone or the row was changed in the database."""
    try:
        data = json.loads(vault.open_sealed(row.sealed, **_place(row)))
    except vault.VaultError:
        return None
    data["fields"] = [(name, value) for name, value in data["fields"]]
    return Content(**data)


def bind_browser(request: HttpRequest, response: HttpResponse) -> None:
    """Set the cookie that lets only this browser open the kept form."""
    response.set_cookie(
        COOKIE,
        _browser_key(request),
        max_age=UnsentForm.LIFETIME,
        secure=not settings.DEMO,
        httponly=True,
        samesite="Lax",
    )


def clear_expired() -> int:
    """Delete forms older than an hour, or from a clock that was ahead; return how many."""
    is_over = clocks.happened_long_ago("created_at", timezone.now(), UnsentForm.LIFETIME)
    return UnsentForm.objects.filter(is_over).delete()[0]


def _posted(request: HttpRequest) -> dict[str, Any]:
    names = [name for name in request.POST if name not in _NOT_TYPED]
    kept = [name for name in names if not is_secret(name)]
    return {
        "path": request.get_full_path(),
        "page": _page_of(request),
        "fields": [(name, value) for name in kept for value in request.POST.getlist(name)],
        "dropped": [n for n in names if is_secret(n) and any(request.POST.getlist(n))],
        "files": sorted(request.FILES),
    }


def _page_of(request: HttpRequest) -> str:
    """Return the referring page without scheme and host; "" if it is not one of ours."""
    parts = urlsplit(request.headers.get("Referer", ""))
    page = parts._replace(scheme="", netloc="").geturl()
    return page if parts.netloc == request.get_host() and is_ours(page) else ""


def _browser_key(request: HttpRequest) -> str:
    """Return this browser's key, made on first use; one key for all responses to a request."""
    key = request.COOKIES.get(COOKIE, "")
    if not _BROWSER_KEY.fullmatch(key):
        key = request.COOKIES[COOKIE] = secrets.token_urlsafe(32)
    return key


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _drop_old(owner: User) -> None:
    """Delete a user's oldest forms, so that few are kept however often a script posts."""
    rows = UnsentForm.objects.filter(user=owner)
    newest: Iterable[UUID] = rows.order_by("-created_at").values_list("pk", flat=True)[
        :MAX_PER_USER
    ]
    rows.exclude(pk__in=list(newest)).delete()
    clear_expired()


def _place(row: UnsentForm) -> dict[str, Any]:
    return {
        "table": row._meta.db_table,
        "column": "sealed",
        "owner": row.id,
        "version": row.version,
    }
