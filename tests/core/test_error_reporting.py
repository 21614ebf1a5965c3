"""Error reports of nine kinds of failing views show none of their values."""

import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import RequestFactory
from django.views.debug import ExceptionReporter

from lofty_admin.core.error_reporting import NothingPrivateFilter

# Put together here, so that no line of source code that a report quotes has it.
TOKEN = "-".join(("sen", "ti", "nel", "0451"))
FORMS = (TOKEN, TOKEN[::-1], b64encode(TOKEN.encode()).decode())
View = Callable[[HttpRequest], object]


class Holder:
    """Shows what it holds, like many libraries' objects do."""

    def __init__(self, value: str) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"Holder({self.value})"

    def fail(self) -> None:
        raise ValueError("failed")


def local_value(request: HttpRequest) -> None:
    value = TOKEN
    raise ValueError(f"failed after {len(value)}")


def argument(request: HttpRequest, value: str = TOKEN) -> None:
    raise ValueError("failed")


def object_shown(request: HttpRequest) -> None:
    holder = Holder(TOKEN)
    holder.fail()


def deeper_frame(request: HttpRequest) -> None:
    argument(request, request.POST["value"])


def closure(request: HttpRequest) -> None:
    value = TOKEN

    def inner() -> None:
        raise ValueError(f"failed after {len(value)}")

    inner()


def generator(request: HttpRequest) -> None:
    def values() -> Iterator[str]:
        yield TOKEN
        raise ValueError("failed")

    list(values())


def collection(request: HttpRequest) -> None:
    headers = {"Accept": "x", "X-Value": f"Bearer {TOKEN}"}
    raise ValueError(f"failed after {len(headers)}")


def chained(request: HttpRequest) -> None:
    try:
        local_value(request)
    except ValueError as error:
        raise RuntimeError("failed again") from error


def encoded(request: HttpRequest) -> None:
    value, reversed_value = b64encode(TOKEN.encode()), TOKEN[::-1]
    raise ValueError(f"failed after {len(value) + len(reversed_value)}")


VIEWS: list[View] = [
    *(local_value, argument, object_shown, deeper_frame, closure),
    *(generator, collection, chained, encoded),
]


def request_full_of_secrets() -> HttpRequest:
    request = RequestFactory().post(
        "/t/acme/connection/",
        {"password": TOKEN, "value": TOKEN, "note": f"new one: {TOKEN}"},
        headers={"Authorization": f"Bearer {TOKEN}", "X-Odd": TOKEN, "Referer": f"/{TOKEN}"},
    )
    request.COOKIES.update({"console_session": TOKEN, "plain": TOKEN})
    request.META["HTTP_COOKIE"] = f"console_session={TOKEN}"
    request.exception_reporter_filter = NothingPrivateFilter()  # type: ignore[attr-defined] # Django's own hook
    return request


def report(view: View) -> dict[str, Any]:
    request = request_full_of_secrets()
    try:
        view(request)
    except (ValueError, RuntimeError):
        reporter = ExceptionReporter(request, *sys.exc_info())
    return {"html": reporter.get_traceback_html(), "text": reporter.get_traceback_text()}


@pytest.mark.parametrize("form", ["html", "text"])
@pytest.mark.parametrize("view", VIEWS)
def test_report__view_that_held_a_token__not_in_it(view: View, form: str) -> None:
    text = report(view)[form]
    assert view.__name__ in text
    assert "failed" in text
    assert not [secret for secret in FORMS if secret in text]


def test_report__posted_fields__names_without_values() -> None:
    text = report(local_value)["text"]
    assert "password = " in text
    assert "note = " in text


def test_report__settings__none_shown() -> None:
    text = report(local_value)["text"]
    assert "SECRET_KEY" not in text
    assert "DATABASES" not in text


def test_report__without_a_request__still_no_values() -> None:
    try:
        local_value(HttpRequest())
    except ValueError:
        reporter = ExceptionReporter(None, *sys.exc_info())
    reporter.filter = NothingPrivateFilter()
    assert TOKEN not in reporter.get_traceback_html()


def test_filter__debug_switched_on__still_active(settings: Any) -> None:
    settings.DEBUG = True
    assert NothingPrivateFilter().is_active(None)
    assert TOKEN not in report(local_value)["html"]
