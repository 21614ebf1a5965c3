"""Limit requests to the identity provider in time, size, and number, and cache its answers.

A slow provider must not take the console down with it. The sign-in pages may hold at most half of a
process's threads, each for a few seconds; further requests fail at once.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django.utils.translation import gettext_noop

MAX_SECONDS = 5.0  # for a whole answer
MAX_SILENCE = 3.0  # seconds, to connect and between two chunks of an answer
MAX_BYTES = 1_000_000
MAX_AT_ONCE = max(1, int(os.environ.get("WEB_THREADS", "8")) // 2)
PAUSE_AFTER_FAILURE = 5.0  # seconds in which a failed provider is not called again
TOO_SLOW = gettext_noop("the provider did not respond in time")
TOO_MANY = gettext_noop("the provider is slow and too many users are waiting for it")
UNREACHABLE = gettext_noop("the provider could not be reached")
TOO_LARGE = gettext_noop("the provider's response is too large")

_Value = TypeVar("_Value")
_waiters = threading.BoundedSemaphore(max(1, MAX_AT_ONCE // 2))
_slots = threading.BoundedSemaphore(MAX_AT_ONCE)
_pool = ThreadPoolExecutor(MAX_AT_ONCE, thread_name_prefix="identity-provider")


@dataclass(frozen=True)
class ProviderAnswer:
    """The provider's response, with the names that allauth uses."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        return json.loads(self.content)

    def raise_for_status(self) -> None:
        if self.status_code != 200:
            raise OAuth2Error(UNREACHABLE)


class ProviderSession:
    """Replaces the requests session that allauth uses."""

    def __init__(self, session: Any) -> None:
        session.trust_env = False  # no proxy, no netrc
        self._session = session

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: the requesting thread closes the session."""

    def get(self, url: str, **options: Any) -> ProviderAnswer:
        return self.request("GET", url, **options)

    def request(self, method: str, url: str, **options: Any) -> ProviderAnswer:
        """Send a request, and wait for the whole response. Raises OAuth2Error."""
        return _within_limits(lambda: _ask(self._session, method, url, options))


def _within_limits(ask: Callable[[], ProviderAnswer]) -> ProviderAnswer:
    """Run `ask` in a thread of its own, so that nothing it does can exceed the deadline.

    Its slot is released when the thread has really ended, not when the page gave up on it.
    """
    if not _slots.acquire(blocking=False):
        raise OAuth2Error(TOO_MANY)
    asked: Future[ProviderAnswer] = _pool.submit(ask)
    asked.add_done_callback(lambda _: _slots.release())
    try:
        return asked.result(timeout=MAX_SECONDS)
    except FutureTimeoutError:
        raise OAuth2Error(TOO_SLOW) from None
    except (OSError, ValueError):  # the errors of requests are OSErrors
        raise OAuth2Error(UNREACHABLE) from None


def _ask(session: Any, method: str, url: str, options: dict[str, Any]) -> ProviderAnswer:
    until = time.monotonic() + MAX_SECONDS
    options = {**options, "allow_redirects": False, "stream": True, "timeout": MAX_SILENCE}
    with session, session.request(method, url, **options) as response:
        content = b""
        for piece in response.iter_content(None):
            content += piece
            if len(content) > MAX_BYTES:
                raise OAuth2Error(TOO_LARGE)
            if time.monotonic() > until:
                raise OAuth2Error(TOO_SLOW)
        return ProviderAnswer(response.status_code, response.headers, content)


class Kept(Generic[_Value]):
    """An answer of the provider, cached in this process for `seconds`, per issuer.

    While it is fetched again, or cannot be, the previous one is used for a day.
    """

    MAX_AGE = 24 * 3600.0

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._values: dict[str, tuple[float, _Value]] = {}
        self._failed_at: dict[str, float] = {}
        self._asking = threading.Lock()

    def get(self, issuer: str, fetch: Callable[[], _Value], *, newer: bool = False) -> _Value:
        """Return the cached value, or what `fetch` returns; `newer` requires one just fetched.

        Raises OAuth2Error when there is none, at once if it is being fetched or just failed.
        """
        age, value = self._kept(issuer)
        if value is not None and age < self._seconds and not newer:
            return value
        failed_at = self._failed_at.get(issuer)
        is_paused = failed_at is not None and time.monotonic() - failed_at < PAUSE_AFTER_FAILURE
        if is_paused or not self._may_ask(is_patient=value is None):
            return _or_refuse(value, TOO_SLOW if is_paused else TOO_MANY)
        try:
            is_new = self._kept(issuer)[0] < age  # another thread fetched it meanwhile
            return self._values[issuer][1] if is_new else self._fetch(issuer, fetch, value)
        finally:
            self._asking.release()

    def clear(self) -> None:
        """Clear the cache."""
        self._values.clear()
        self._failed_at.clear()

    def _may_ask(self, *, is_patient: bool) -> bool:
        """Acquire the one slot to fetch; only a few wait for it, and only without a value."""
        if self._asking.acquire(blocking=False):
            return True
        if not is_patient or not _waiters.acquire(blocking=False):
            return False
        try:
            return self._asking.acquire(timeout=MAX_SECONDS)
        finally:
            _waiters.release()

    def _kept(self, issuer: str) -> tuple[float, _Value | None]:
        fetched_at, value = self._values.get(issuer, (0.0, None))
        age = time.monotonic() - fetched_at
        return age, value if age < self.MAX_AGE else None

    def _fetch(self, issuer: str, fetch: Callable[[], _Value], kept: _Value | None) -> _Value:
        try:
            value = fetch()
        except Exception as error:
            self._failed_at[issuer] = time.monotonic()
            if kept is not None and isinstance(error, OAuth2Error):
                return kept
            raise
        self._failed_at.pop(issuer, None)
        self._values[issuer] = time.monotonic(), value
        return value


def _or_refuse(value: _Value | None, reason: str) -> _Value:
    if value is None:
        raise OAuth2Error(reason)
    return value
