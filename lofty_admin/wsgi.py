"""The console as a WSGI application, for gunicorn."""

import os
from collections.abc import Mapping
from typing import Any

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lofty_admin.settings")


class Request(WSGIRequest):
    """Django's request, which a Content-Type with an unusable charset does not break."""

    def _set_content_type_params(self, meta: Mapping[str, Any]) -> None:
        """Read the Content-Type. A body that is not UTF-8 counts as one of no known type.

        Django's own method looks the charset up, and decodes the query with it, before any
        middleware: a failure there is the web server's bare 500.
        """
        try:
            kind, parameters = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:
            kind, parameters = "", {}
        if parameters.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
            kind, parameters = "", {}
        self.content_type, self.content_params = kind, parameters


class Handler(WSGIHandler):
    request_class = Request


django.setup(set_prefix=False)
application = Handler()
