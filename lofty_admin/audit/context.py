"""Make the actor, the request id, and the client address available without passing them along."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from django.conf import settings
from django.utils.functional import LazyObject, empty

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from lofty_admin.core.http import ConsoleRequest

_GetResponse = Callable[["ConsoleRequest"], "HttpResponse"]


@dataclass(frozen=True)
class Actor:
    """The user, job or command that acts, as text: the record outlives the account.

    `kind` is `person`, `job`, `command` or `nobody` (not signed in).
    """

    kind: str
    id: str
    name: str


NOBODY = Actor("nobody", "", "")

_request_id: ContextVar[str] = ContextVar("request_id", default="")
_ip: ContextVar[str] = ContextVar("ip", default="")
_actor: ContextVar[Actor | None] = ContextVar("actor", default=None)
_request: ContextVar[ConsoleRequest | None] = ContextVar("request", default=None)


def current_request_id() -> str:
    """Return the 32 hex digits shared by all work of one request or run; "" outside of both."""
    return _request_id.get()


def current_ip() -> str:
    """Return the client's address, "" when there is none (jobs, commands, Unix sockets)."""
    return _ip.get()


def current_actor() -> Actor:
    """Return the actor set by `acting_as`, else the request's signed-in user, else `NOBODY`.

    May read the session and the user from the database the first time in a request.
    """
    actor = _actor.get()
    if actor is not None:
        return actor
    request = _request.get()
    return NOBODY if request is None else person(request.user)


def is_in_request() -> bool:
    """Return whether a web request is being answered, as opposed to a job or a command."""
    return _request.get() is not None


def known_actor_id() -> str:
    """Return the actor's id if it is known without a query, else "". For log lines."""
    request = _request.get()
    if _actor.get() is None and request is not None and _not_loaded(request.user):
        return ""
    return current_actor().id


def _not_loaded(user: object) -> bool:
    # LazyObject answers for its own slot through __dict__ only; any other access would load it.
    return isinstance(user, LazyObject) and user.__dict__.get("_wrapped", empty) is empty


def person(user: object) -> Actor:
    """Return the Actor for a Django user; `NOBODY` for an anonymous one."""
    if not getattr(user, "is_authenticated", False):
        return NOBODY
    return Actor("person", str(getattr(user, "pk", "")), str(user))


def is_acting(user: object) -> bool:
    """Return whether this Django user is the current actor."""
    actor = current_actor()
    return actor.kind == "person" and actor.id == str(getattr(user, "pk", ""))


@contextmanager
def acting_as(actor: Actor, request_id: str | None = None) -> Iterator[Actor]:
    """Set the actor for the enclosed code, for jobs and commands.

    Keeps the current request id unless `request_id` names another; without either, makes one.
    """
    id_token = _request_id.set(request_id or current_request_id() or uuid4().hex)
    actor_token = _actor.set(actor)
    try:
        yield actor
    finally:
        _actor.reset(actor_token)
        _request_id.reset(id_token)


class RequestContextMiddleware:
    """Give each request an id of our own and its client address. It must come first.

    The response carries the id as X-Request-ID. An id sent by the client is never used.
    """

    def __init__(self, get_response: _GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: ConsoleRequest) -> HttpResponse:
        request_id = uuid4().hex
        # Django logs 4xx responses after the last middleware has ended: the id must outlive it.
        request.request_id = request_id
        id_token, ip_token = _request_id.set(request_id), _ip.set(client_ip(request))
        try:
            response = self.get_response(request)
        finally:
            _ip.reset(ip_token)
            _request_id.reset(id_token)
        response.headers["X-Request-ID"] = request_id
        return response


class ActorMiddleware:
    """Make the signed-in user the actor, looked up only when needed.

    It must come after Django's AuthenticationMiddleware. A sign-in or sign-out inside the request
    takes effect at once.
    """

    def __init__(self, get_response: _GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: ConsoleRequest) -> HttpResponse:
        token = _request.set(request)
        try:
            return self.get_response(request)
        finally:
            _request.reset(token)


def client_ip(request: HttpRequest) -> str:
    """Return the client's address, by settings.ALLAUTH_TRUSTED_PROXY_COUNT.

    With n trusted proxies it is the n-th X-Forwarded-For entry from the right; without any the
    header is ignored, since any client can send it. "" when the entry is not an address.
    """
    proxies = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if proxies and len(forwarded) >= proxies:
        return _address(forwarded[-proxies])
    return _address(request.META.get("REMOTE_ADDR", ""))


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return ""
