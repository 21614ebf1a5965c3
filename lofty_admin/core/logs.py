"""Configure logging: one event per line on stderr, each with the user and the request id."""

import logging
import re
from datetime import UTC, datetime
from typing import Any

from pythonjsonlogger.json import JsonFormatter

MAX_TEXT = 20_000
_FORMATTERS = {
    "json": "lofty_admin.core.logs.JsonLines",
    "plain": "lofty_admin.core.logs.PlainLines",
}
# Never at DEBUG: their lines would show URLs, SQL parameters or job arguments. They get no handlers
# of their own: those that Django, runserver and gunicorn bring neither escape nor add context.
_LOGGERS = (
    "django",
    "django.db.backends",
    "django.server",
    "gunicorn.error",
    "procrastinate",
    "psycopg",
    "urllib3",
)
# These log a line for each use of a connection, each task at every start, and each request with its
# query string (the proxy in front logs requests).
_CHATTERS = ("psycopg.pool", "procrastinate.periodic", "gunicorn.access")
# C0, DEL, C1, the two Unicode line breaks, the marks that reverse text, lone surrogates.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def logging_config(level: str, style: str) -> dict[str, Any]:
    """Return Django's LOGGING. `level` is a level name; `style` is "json" or "plain"."""
    at_least_info = "INFO" if level == "DEBUG" else level
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "context": {"()": "lofty_admin.audit.log.log_filter.ContextFilter"},
            "minor": {"()": "lofty_admin.core.logs.MinorFilter"},
        },
        "formatters": {"lines": {"()": _FORMATTERS[style]}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "lines",
                "filters": ["context"],
            }
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            name: {"level": at_least_info, "handlers": [], "propagate": True} for name in _LOGGERS
        }
        | {name: {"level": "WARNING"} for name in _CHATTERS}
        | {"django.security.DisallowedHost": {"filters": ["minor"]}},
    }


class MinorFilter(logging.Filter):
    """Make a record one warning line without traceback.

    Anyone can send a wrong Host header, and Django logs each as an error with a traceback.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.exc_info = None
        return True


class JsonLines(JsonFormatter):
    """Format each record as one JSON object per line.

    Keys: time (UTC, ISO 8601), level, logger, message, request_id, actor, path, exc_info (traceback
    text, no local values), and extras that are plain values. Everything outside printable ASCII is
    escaped. Extras that are objects are left out: their repr may show anything.
    """

    def __init__(self) -> None:
        super().__init__(
            ["levelname", "name", "message"],
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp="time",
        )

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        plain = {name: _plain(value) for name, value in log_data.items()}
        return {name: value for name, value in plain.items() if value not in (None, "")}

    def jsonify_log_record(self, log_data: dict[str, Any]) -> str:
        return super().jsonify_log_record(log_data).replace("\x7f", "\\u007f")


def _plain(value: object) -> bool | int | float | str | None:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, str):
        return capped(value)
    return value if isinstance(value, bool | int | float) else None


class PlainLines(logging.Formatter):
    """Format each record as one line for a terminal: `time level logger [request] message`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")

    def format(self, record: logging.LogRecord) -> str:
        return _CONTROL.sub(_escape, capped(super().format(record)))


def _escape(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape").decode()


def capped(text: str) -> str:
    """Cut the middle out of a very long `text`: a traceback's end is the most useful part."""
    if len(text) <= MAX_TEXT:
        return text
    half = MAX_TEXT // 2
    return f"{text[:half]} … (cut: {len(text):,} characters) … {text[-half:]}"
