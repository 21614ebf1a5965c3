"""Session lifetime, the list of a user's sessions, and ending them."""

import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import F, Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from lofty_admin.accounts.models import User
from lofty_admin.accounts.unsent import PAGE_OWNER
from lofty_admin.audit.context import Actor, person
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.core import clocks
from lofty_admin.core.http import ConsoleRequest

SIGNED_IN_AT = "console.signed_in_at"  # seconds since 1970
SEEN_AT = "console.seen_at"
_WRITE_EVERY = 60  # seconds: "last seen" is no more exact than that
_BROWSERS = (  # the first that fits: each names the later ones too
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
)
# Why a session has ended: the sign-in page shows it, by the code in its URL.
IDLE, TOO_OLD, WRONG_CLOCK, ENDED = "idle", "age", "clock", "ended"
_FOR_THE_RECORD = {
    IDLE: "inactive for too long",
    TOO_OLD: "signed in too long ago",
    WRONG_CLOCK: "dated in the future by a wrong clock",
}
_KEPT_AT_SIGN_IN = (AUTHENTICATION_METHODS_SESSION_KEY, "account_authentication_methods_user")


def start_clock(sender: object, request: ConsoleRequest, user: User, **kwargs: Any) -> None:
    """Start the session clock on Django's `user_logged_in`, which every way to sign in sends."""
    request.session[SIGNED_IN_AT] = time.time()


def forget_before_sign_in(request: HttpRequest) -> None:
    """Start an empty session under a new key; keep only how the user authenticated.

    What anyone put into this browser's session before must not follow the user inside.
    """
    kept = {key: request.session[key] for key in _KEPT_AT_SIGN_IN if key in request.session}
    request.session.flush()
    request.session.update(kept)


def expiry_reason(session: SessionBase) -> str:
    """Return the code of why a session has expired; "" while it is valid."""
    now = time.time()
    since = float(session.get(SIGNED_IN_AT, 0))
    if max(since, float(session.get(SEEN_AT, since))) > now + clocks.SKEW.total_seconds():
        return WRONG_CLOCK
    if now - since > settings.SESSION_COOKIE_AGE:
        return TOO_OLD
    if now - float(session.get(SEEN_AT, since)) > settings.SESSION_IDLE_AGE:
        return IDLE
    return ""


def expire(request: ConsoleRequest, reason: str) -> None:
    """End the expired session of this request; the record has the reason."""
    user = request.user
    with transaction.atomic():
        UserSession.objects.filter(session_key=request.session.session_key).delete()
        logout(request)
        _record_expiry(user, _FOR_THE_RECORD[reason], actor=person(user))
    request.session_ended, request.was_signed_out = reason, True


def why_signed_out(request: ConsoleRequest) -> str:
    """Return the code of why this browser's session has ended; "" if it never had one."""
    had_one = settings.SESSION_COOKIE_NAME in request.COOKIES and not request.session.session_key
    return request.session_ended or (ENDED if had_one or PAGE_OWNER in request.POST else "")


def in_words(reason: str) -> str:
    """Return the sentence that explains the sign-in page; "" for an unknown code."""
    minutes, hours = settings.SESSION_IDLE_AGE // 60, settings.SESSION_COOKIE_AGE // 3600
    words = {
        IDLE: _("You were signed out after %(minutes)d minutes without activity."),
        TOO_OLD: _("You were signed out %(hours)d hours after signing in."),
        WRONG_CLOCK: _("You were signed out because the console's clock was wrong."),
        ENDED: _(
            "You were signed out. A session ends after %(minutes)d minutes without activity,"
            " %(hours)d hours after signing in, or when it is ended from another device."
        ),
    }
    return words.get(reason, "") % {"minutes": minutes, "hours": hours}


def touch(request: ConsoleRequest) -> None:
    """Keep the session from going idle; saved once a minute at most."""
    now = time.time()
    if now - float(request.session.get(SEEN_AT, 0)) >= _WRITE_EVERY:
        request.session[SEEN_AT] = now
        UserSession.objects.create_from_request(request)


def sessions_of(user: User) -> list[UserSession]:
    """Return a user's sessions, last used first, without those that have ended."""
    found: list[UserSession] = UserSession.objects.purge_and_list(user)
    return sorted(found, key=lambda one: one.last_seen_at, reverse=True)


def delete_expired() -> int:
    """End the sessions that expired without a further request; return how many."""
    now = timezone.now()
    idle = now - timedelta(seconds=settings.SESSION_IDLE_AGE + _WRITE_EVERY)
    oldest = now - timedelta(seconds=settings.SESSION_COOKIE_AGE)
    is_over = Q(last_seen_at__lt=idle) | Q(created_at__lt=oldest)
    is_over |= Q(last_seen_at__gt=now + clocks.SKEW) | Q(created_at__gt=now + clocks.SKEW)
    found = list(UserSession.objects.filter(is_over).select_related("user"))
    for session in found:
        with transaction.atomic():
            session.end()
            _record_expiry(session.user, "no sign-in before the time limit")
    Session.objects.filter(expire_date__lt=now).delete()
    return len(found)


def browser_of(user_agent: str) -> str:
    """Return "Firefox on Windows": the part of a user agent string that a user recognizes."""
    browser = next((name for sign, name in _BROWSERS if sign in user_agent), _("Unknown browser"))
    system = next((name for sign, name in _SYSTEMS if sign in user_agent), "")
    if not system:
        return browser
    return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}


def end_sessions(user: User, *, keep: str | None = None, only: int | None = None) -> int:
    """End a user's sessions at once; return how many.

    Ends all, all but the key `keep`, or with `only` the one with this id.
    """
    with transaction.atomic():
        found: Iterable[UserSession] = UserSession.objects.filter(user=user)
        chosen = [s for s in found if s.session_key != keep and only in (None, s.pk)]
        for session in chosen:
            session.end()
        if chosen:
            detail = {"number": len(chosen)}
            record(Kind.SESSIONS_ENDED, subject=user.email, outcome=Outcome.DONE, detail=detail)
    return len(chosen)


def end_everything(user: User) -> int:
    """End a user's sessions and unfinished sign-ins, also those this console does not list.

    Return how many sessions were listed.
    """
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(session_version=F("session_version") + 1)
        user.refresh_from_db(fields=["session_version"])
        return end_sessions(user)


def end_all_sessions(**kwargs: object) -> None:
    """End every session and unfinished sign-in of all users.

    Receiver of `restore_acknowledged`: sessions that had ended since the backup work again.
    """
    with transaction.atomic():
        User.objects.update(session_version=F("session_version") + 1)
        detail = {"number": UserSession.objects.count()}
        UserSession.objects.all().delete()
        Session.objects.all().delete()
        record(Kind.SESSIONS_ENDED, subject="All users", outcome=Outcome.DONE, detail=detail)


def _record_expiry(user: Any, reason: str, *, actor: Actor | None = None) -> None:
    record(
        Kind.SESSION_EXPIRED,
        subject=user.email,
        outcome=Outcome.DONE,
        detail={"because": reason},
        actor=actor,
    )
