"""Add the current request and user to every log line."""

import logging


class ContextFilter(logging.Filter):
    """Add `request_id`, `actor` (an id) and `path` (never the query) to a log record."""

    def filter(self, record: logging.LogRecord) -> bool:
        # Imported late: logging is configured before the settings and the models exist.
        from lofty_admin.audit.context import current_request_id, known_actor_id

        request = getattr(record, "request", None)
        record.request_id = current_request_id() or getattr(request, "request_id", "")
        record.actor = known_actor_id()
        record.path = getattr(request, "path", "")
        return True
