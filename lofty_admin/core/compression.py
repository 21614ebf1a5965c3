"""Compress pages, and nothing else: exports must not be compressed. docs/security.md says why."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware


class PagesOnlyGZipMiddleware(GZipMiddleware):
    """Compress pages and fragments with Django's GZipMiddleware and its bytes against BREACH."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        kind = response.headers.get("Content-Type", "")
        if response.streaming or not kind.startswith("text/html"):
            return response
        return super().process_response(request, response)
