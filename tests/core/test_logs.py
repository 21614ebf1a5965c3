"""One event is one line, with user and request, and without private data."""

import json
import logging
import logging.config
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.utils.log import log_response
from hypothesis import given
from hypothesis import strategies as st

from lofty_admin.audit.context import Actor, RequestContextMiddleware, acting_as
from lofty_admin.core.logs import MAX_TEXT, logging_config
from tests.support.requests import get_request

JOB = Actor("job", "reconcile", "Reconcile")
HOSTILE = [
    "a\nb",
    "a\r\nb",
    "a\x1b[2Jb",
    "a\u2028b",
    "a\u2029b",
    "a\x85b",
    "a\x7fb",
    "a\x0bb",
    "\u202eb",
]
NO_PRINTABLE_LINE = tuple("\n\r\x0b\x0c\x1b\x1c\x1d\x1e\x7f\x85\u2028\u2029\u202e\0")


class Stream(StringIO):
    """What went to standard error, as bytes on the wire would show it."""

    def lines(self) -> list[str]:
        return self.getvalue().splitlines()

    def one(self) -> dict[str, Any]:
        (line,) = self.lines()
        parsed: dict[str, Any] = json.loads(line)
        return parsed


def set_up(style: str, stream: Stream, level: str = "DEBUG") -> None:
    config = logging_config(level, style)
    config["handlers"]["stderr"]["stream"] = stream
    logging.config.dictConfig(config)


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    """Leave logging to the other tests as this one found it."""
    names = [None, *logging.root.manager.loggerDict]
    before = [
        (log, log.level, log.handlers[:], log.propagate) for log in map(logging.getLogger, names)
    ]
    yield
    for log, level, handlers, propagate in before:
        log.setLevel(level)
        log.handlers[:], log.propagate = handlers, propagate


@pytest.fixture(params=["json", "plain"])
def either(request: pytest.FixtureRequest) -> Stream:
    stream = Stream()
    set_up(request.param, stream)
    return stream


@pytest.fixture
def lines() -> Stream:
    stream = Stream()
    set_up("json", stream)
    return stream


logger = logging.getLogger("lofty_admin.test")


@pytest.mark.parametrize("text", HOSTILE)
def test_log__control_characters__one_line_without_them(either: Stream, text: str) -> None:
    logger.warning("name %s", text)
    assert len(either.lines()) == 1
    assert not set(either.getvalue().rstrip("\n")) & set(NO_PRINTABLE_LINE)


@pytest.mark.parametrize("style", ["json", "plain"])
@given(text=st.text())
def test_log__any_text__one_line(style: str, text: str) -> None:
    stream = Stream()
    set_up(style, stream)
    logger.warning("name %s", text)
    assert len(stream.lines()) == 1
    stream.getvalue().encode()


def test_log__forged_second_line__stays_in_the_message(lines: Stream) -> None:
    forged = 'x\n{"level": "ERROR", "message": "forged"}'
    logger.warning("name %s", forged)
    assert lines.one()["message"] == f"name {forged}"


def test_log__json__fields(lines: Stream) -> None:
    with acting_as(JOB, "run-1"):
        logger.warning("Ünïcode %s", 7, extra={"tenant": "acme", "calls": 3, "late": False})
    line = lines.one()
    assert datetime.fromisoformat(line.pop("time")).utcoffset() is not None
    assert line == {
        "level": "WARNING",
        "logger": "lofty_admin.test",
        "message": "Ünïcode 7",
        "request_id": "run-1",
        "actor": "reconcile",
        "tenant": "acme",
        "calls": 3,
        "late": False,
    }


def test_log__plain__fields() -> None:
    stream = Stream()
    set_up("plain", stream)
    with acting_as(JOB, "run-1"):
        logger.warning("hello")
    (line,) = stream.lines()
    assert line.endswith("+00:00 WARNING lofty_admin.test [run-1] hello")


class Secretive:
    def __repr__(self) -> str:
        return "SENTINEL"


def test_log__extra_is_an_object__left_out(lines: Stream) -> None:
    logger.warning("hello", extra={"credential": Secretive(), "params": ["SENTINEL"]})
    assert "SENTINEL" not in lines.getvalue()
    assert lines.one()["message"] == "hello"


def fail_with_local() -> None:
    held = "".join(("SENTI", "NEL"))
    raise PermissionDenied(f"{len(held)} letters\nsecond line")


def test_log__exception__traceback_text_without_locals(either: Stream) -> None:
    try:
        fail_with_local()
    except PermissionDenied:
        logger.exception("failed")
    (line,) = either.lines()
    assert "fail_with_local" in line
    assert "8 letters" in line
    assert "SENTINEL" not in line


def test_log__one_megabyte__cut_and_says_so(either: Stream) -> None:
    logger.warning("start %s end", "x" * 1_000_000)
    (line,) = either.lines()
    assert len(line) < MAX_TEXT + 500
    assert "start" in line
    assert "end" in line
    assert "(cut: 1,000," in line


def test_log__refusal_logged_after_the_middlewares__still_has_its_request_id(
    lines: Stream,
) -> None:
    def forbidden(request: HttpRequest) -> HttpResponse:
        return HttpResponse(status=403)

    request = get_request("/t/acme/settings/?q=SENTINEL")
    response = RequestContextMiddleware(forbidden)(request)
    log_response("Forbidden: %s", request.path, response=response, request=request)
    line = lines.one()
    assert line["request_id"] == response.headers["X-Request-ID"]
    assert (line["logger"], line["path"], line["status_code"]) == (
        "django.request",
        "/t/acme/settings/",
        403,
    )
    assert "SENTINEL" not in lines.getvalue()


@pytest.mark.parametrize(
    "name", ["django.request", "django.security.DisallowedHost", "django.server", "gunicorn.error"]
)
def test_log__servers_and_security__through_our_handler_once(lines: Stream, name: str) -> None:
    logging.getLogger(name).warning("hello")
    assert lines.one()["logger"] == name


def test_log__request_with_a_wrong_host__one_warning_without_traceback(lines: Stream) -> None:
    Client().get("/", headers={"host": "10.0.0.1"})
    line = lines.one()
    assert (line["logger"], line["level"]) == ("django.security.DisallowedHost", "WARNING")
    assert "10.0.0.1" in line["message"]
    assert "exc_info" not in line


@pytest.mark.parametrize(
    "name", ["urllib3.connectionpool", "django.db.backends", "psycopg", "procrastinate.jobs"]
)
def test_log__level_debug__talkative_libraries_still_at_info(lines: Stream, name: str) -> None:
    logging.getLogger(name).debug("SENTINEL")
    logging.getLogger(name).info("hello")
    assert lines.one()["message"] == "hello"


@pytest.mark.parametrize("name", ["psycopg.pool", "procrastinate.periodic", "gunicorn.access"])
def test_log__libraries_that_chatter__only_their_warnings(lines: Stream, name: str) -> None:
    logging.getLogger(name).info("connection requested")
    logging.getLogger(name).warning("hello")
    assert lines.one()["message"] == "hello"


def test_log__level_warning__information_left_out() -> None:
    stream = Stream()
    set_up("json", stream, "WARNING")
    logger.info("hello")
    logging.getLogger("urllib3").info("hello")
    assert stream.lines() == []


def test_logging_config__unknown_style__error() -> None:
    with pytest.raises(KeyError):
        logging_config("INFO", "xml")


def test_logs__imported_by_the_settings__touches_no_model() -> None:
    code = "import sys, lofty_admin.core.logs; print('django.db.models' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"
