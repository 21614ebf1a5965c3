"""Pages are sent compressed; nothing else is, exports least of all. docs/security.md says why."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware


class PagesOnlyGZipMiddleware(GZipMiddleware):
    """Django's, with its random bytes against BREACH, for whole pages and parts of them."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        kind = response.headers.get("Content-Type", "")
        if response.streaming or not kind.startswith("text/html"):
            return response
        return super().process_response(request, response)
