"""How the console logs: one event, one line, on stderr; who and which request on every line."""

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
# Never at DEBUG: their lines would show URLs, SQL parameters or job arguments. And no handlers of
# their own: Django, runserver and gunicorn bring some, which know neither escapes nor context.
_LOGGERS = (
    "django",
    "django.db.backends",
    "django.server",
    "gunicorn.error",
    "procrastinate",
    "psycopg",
    "urllib3",
)
# A line for each use of a connection, for each task at every start, for each request with its query
# (the proxy in front has that one).
_CHATTERS = ("psycopg.pool", "procrastinate.periodic", "gunicorn.access")
# C0, DEL, C1, the two Unicode line breaks, the marks that reverse text, lone surrogates.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def logging_config(level: str, style: str) -> dict[str, Any]:
    """Django's LOGGING. `level` is a level name; `style` is "json" or "plain"."""
    at_least_info = "INFO" if level == "DEBUG" else level
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"context": {"()": "lofty_admin.audit.log.log_filter.ContextFilter"}},
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
        | {name: {"level": "WARNING"} for name in _CHATTERS},
    }


class JsonLines(JsonFormatter):
    """One JSON object per line: time (UTC, ISO 8601), level, logger, message, request_id, actor,
    path, exc_info (traceback text, no local values), and extras that are plain values.

    Everything outside printable ASCII is escaped. Extras that are objects are left out: their
    repr may show anything.
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
    """`time level logger [request] message`, for a person's terminal; also one line per event."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")

    def format(self, record: logging.LogRecord) -> str:
        return _CONTROL.sub(_escape, capped(super().format(record)))


def _escape(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape").decode()


def capped(text: str) -> str:
    """`text` without its middle when it is very long: a traceback's end says the most."""
    if len(text) <= MAX_TEXT:
        return text
    half = MAX_TEXT // 2
    return f"{text[:half]} … (cut: {len(text):,} characters) … {text[-half:]}"
