"""Add the current request and user to every log line."""

import logging


class ContextFilter(logging.Filter):
    """Add `request_id`, `actor` (an id) and `path` (never the query) to a log record."""

    def filter(self, record: logging.LogRecord) -> bool:
        # Imported late: logging is configured before the settings and the models exist.
        from lofty_admin.audit.log.context import REQUEST_ID_KEY, current_request_id, known_actor_id

        request = getattr(record, "request", None)
        meta = getattr(request, "META", {})
        record.request_id = current_request_id() or meta.get(REQUEST_ID_KEY, "")
        record.actor = known_actor_id()
        record.path = getattr(request, "path", "")
        return True
