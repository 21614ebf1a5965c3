"""Who acts in which request, in threads and jobs too."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from lofty_admin.accounts.models import User
from lofty_admin.audit.context import (
    NOBODY,
    Actor,
    ActorMiddleware,
    RequestContextMiddleware,
    acting_as,
    client_ip,
    current_actor,
    current_ip,
    current_request_id,
    known_actor_id,
)
from lofty_admin.core.http import ConsoleRequest
from tests.support.requests import get_request

JOB = Actor("job", "reconcile", "Reconcile")
Seen = list[Any]


def answer(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def get(**meta: str) -> ConsoleRequest:
    return get_request("/t/acme/settings/", **meta)


def test_request_id__two_requests__different_and_on_the_answer() -> None:
    seen: Seen = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(current_request_id())
        return HttpResponse()

    middleware = RequestContextMiddleware(view)
    sent = [middleware(get()).headers["X-Request-ID"] for _ in range(2)]
    assert sent == seen
    assert len(set(seen)) == 2
    assert all(len(request_id) == 32 for request_id in seen)


def test_request_id__sent_by_the_client__not_taken_over() -> None:
    response = RequestContextMiddleware(answer)(get(HTTP_X_REQUEST_ID="a" * 32))
    assert response.headers["X-Request-ID"] != "a" * 32


def test_request_context__view_fails__gone_afterwards() -> None:
    def view(request: HttpRequest) -> HttpResponse:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        RequestContextMiddleware(ActorMiddleware(view))(get())
    assert (current_request_id(), current_ip(), current_actor()) == ("", "", NOBODY)


FORWARDED = "6.6.6.6, 203.0.113.7, 10.0.0.2"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, FORWARDED, "127.0.0.1"),
        (0, "", "127.0.0.1"),
        (1, FORWARDED, "10.0.0.2"),
        (2, FORWARDED, "203.0.113.7"),
        (2, "203.0.113.7,10.0.0.2", "203.0.113.7"),
        (3, "10.0.0.2", "127.0.0.1"),
        (1, "not an address", ""),
        (1, "2001:DB8::0001", "2001:db8::1"),
        (1, "<img src=x onerror=alert(1)>", ""),
    ],
)
def test_client_ip__trusted_proxy_count__entry_from_the_right(
    settings: Settings, proxies: int, forwarded: str, expected: str
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    assert client_ip(get(HTTP_X_FORWARDED_FOR=forwarded)) == expected


@given(st.text())
def test_client_ip__any_spoofed_header_without_proxies__peer_address(header: str) -> None:
    request = get()
    request.META["HTTP_X_FORWARDED_FOR"] = header
    assert client_ip(request) == "127.0.0.1"


def test_client_ip__unix_socket__nothing() -> None:
    assert client_ip(get(REMOTE_ADDR="")) == ""


def test_current_ip__inside_a_request__the_clients() -> None:
    seen: Seen = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(current_ip())
        return HttpResponse()

    RequestContextMiddleware(view)(get(REMOTE_ADDR="198.51.100.4"))
    assert seen == ["198.51.100.4"]


def actors_seen(user: object) -> Seen:
    """known id, actor, known id again: as a view sees them."""
    seen: Seen = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.extend((known_actor_id(), current_actor(), known_actor_id()))
        return HttpResponse()

    request = get()
    request.user = user  # type: ignore[assignment] # as AuthenticationMiddleware does
    ActorMiddleware(view)(request)
    return seen


def test_current_actor__signed_in__the_person_looked_up_only_when_asked() -> None:
    olivia = User(pk=7, email="olivia@example.com", name="Olivia Owner")
    person = Actor("person", "7", "Olivia Owner")
    assert actors_seen(SimpleLazyObject(lambda: olivia)) == ["", person, "7"]


def test_current_actor__not_signed_in__is_anonymous() -> None:
    assert actors_seen(SimpleLazyObject(AnonymousUser)) == ["", NOBODY, ""]


def test_actor_middleware__actor_not_needed__user_never_loaded() -> None:
    def load() -> User:
        raise AssertionError("the user was loaded")

    request = get()
    request.user = SimpleLazyObject(load)  # type: ignore[assignment] # as AuthenticationMiddleware does
    assert ActorMiddleware(answer)(request).status_code == 200


def test_current_actor__signed_in_during_the_request__counts_at_once() -> None:
    seen: Seen = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(current_actor())
        request.user = User(pk=7, email="olivia@example.com", name="")
        seen.append(current_actor())
        return HttpResponse()

    request = get()
    request.user = AnonymousUser()
    ActorMiddleware(view)(request)
    assert seen == [NOBODY, Actor("person", "7", "olivia@example.com")]


def test_acting_as__nested__outer_returns_and_one_request_id() -> None:
    with acting_as(JOB, "run-1"):
        with acting_as(Actor("command", "tenant", "tenant add")) as inner:
            assert (current_actor(), current_request_id()) == (inner, "run-1")
        assert (current_actor(), current_request_id()) == (JOB, "run-1")
    assert (current_actor(), current_request_id()) == (NOBODY, "")


def test_acting_as__no_request_id_yet__new_one_each_time() -> None:
    ids = []
    for _ in range(2):
        with acting_as(JOB):
            ids.append(current_request_id())
    assert len(set(ids)) == 2
    assert all(len(request_id) == 32 for request_id in ids)


def test_acting_as__other_thread__unaffected() -> None:
    with acting_as(JOB), ThreadPoolExecutor(1) as pool:
        assert pool.submit(current_actor).result() == NOBODY
