"""Who is acting, in which request, from which address: known everywhere without being passed on."""

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

REQUEST_ID_KEY = "console.request_id"
_GetResponse = Callable[["HttpRequest"], "HttpResponse"]


@dataclass(frozen=True)
class Actor:
    """Who acts, as text: the record outlives the account.

    `kind` is "person", "job", "command" or "nobody" (not signed in).
    """

    kind: str
    id: str
    name: str


NOBODY = Actor("nobody", "", "")

_request_id: ContextVar[str] = ContextVar("request_id", default="")
_ip: ContextVar[str] = ContextVar("ip", default="")
_actor: ContextVar[Actor | None] = ContextVar("actor", default=None)
_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)


def current_request_id() -> str:
    """32 hex digits that join everything one request or run did; "" outside of both."""
    return _request_id.get()


def current_ip() -> str:
    """The client's address, "" when there is none (jobs, commands, Unix sockets)."""
    return _ip.get()


def current_actor() -> Actor:
    """The actor set by `acting_as`, else the signed-in person of the request, else NOBODY.

    May read the session and the user from the database the first time in a request.
    """
    actor = _actor.get()
    if actor is not None:
        return actor
    request = _request.get()
    return NOBODY if request is None else person(request.user)


def is_in_request() -> bool:
    """Whether a web request is being answered, as opposed to a job or a command."""
    return _request.get() is not None


def known_actor_id() -> str:
    """The actor's id if no query is needed to tell, else "". For log lines."""
    request = _request.get()
    if _actor.get() is None and request is not None and _not_loaded(request.user):
        return ""
    return current_actor().id


def _not_loaded(user: object) -> bool:
    # LazyObject answers for its own slot through __dict__ only; any other look would load it.
    return isinstance(user, LazyObject) and user.__dict__.get("_wrapped", empty) is empty


def person(user: object) -> Actor:
    """The Actor for a Django user; NOBODY for an anonymous one."""
    if not getattr(user, "is_authenticated", False):
        return NOBODY
    return Actor("person", str(getattr(user, "pk", "")), str(user))


def is_acting(user: object) -> bool:
    """Whether this Django user is the person who acts now."""
    actor = current_actor()
    return actor.kind == "person" and actor.id == str(getattr(user, "pk", ""))


@contextmanager
def acting_as(actor: Actor, request_id: str | None = None) -> Iterator[Actor]:
    """Everything inside is done by `actor`: for jobs and commands.

    Keeps a request id that is already there, unless `request_id` names another; else makes one.
    """
    id_token = _request_id.set(request_id or current_request_id() or uuid4().hex)
    actor_token = _actor.set(actor)
    try:
        yield actor
    finally:
        _actor.reset(actor_token)
        _request_id.reset(id_token)


class RequestContextMiddleware:
    """Gives each request an id of our own making and its client address. Must stand first.

    The answer carries the id as X-Request-ID. An id sent by the client is never taken over.
    """

    def __init__(self, get_response: _GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = uuid4().hex
        # Django logs 4xx answers after the last middleware has ended: the id must outlive it.
        request.META[REQUEST_ID_KEY] = request_id
        id_token, ip_token = _request_id.set(request_id), _ip.set(client_ip(request))
        try:
            response = self.get_response(request)
        finally:
            _ip.reset(ip_token)
            _request_id.reset(id_token)
        response.headers["X-Request-ID"] = request_id
        return response


class ActorMiddleware:
    """Makes the signed-in person the actor, looked up only when asked for.

    Must stand after Django's AuthenticationMiddleware. A sign-in or sign-out inside the request
    counts at once.
    """

    def __init__(self, get_response: _GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = _request.set(request)
        try:
            return self.get_response(request)
        finally:
            _request.reset(token)


def client_ip(request: HttpRequest) -> str:
    """The address of the client, by settings.ALLAUTH_TRUSTED_PROXY_COUNT.

    With n trusted proxies it is the n-th X-Forwarded-For entry from the right; with none the
    header is ignored, since anybody can send it. "" when what is found is no address.
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
