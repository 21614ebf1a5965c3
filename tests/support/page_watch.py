"""Watch pages for CSP violations, script errors, and failed requests."""

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, Response, WebError

REPORT = """addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP: ${event.effectiveDirective} ${event.blockedURI || "inline"}`))"""
# A page shows its own status (422: a form sent back; 502: Lofty not readable).
OF_A_PAGE = "Failed to load resource: the server responded with a status"
# What htmx says of a request without an answer: that is looked at by itself, below.
OF_A_REQUEST = ("htmx:afterRequest", "htmx:sendError", "htmx:sendAbort")
# Left while it still loaded something; back to a page that was the answer to a form.
LEFT = ("net::ERR_ABORTED", "net::ERR_CACHE_MISS")


class Watch:
    """Gathers the problems of all pages of a context. `url`: our own host.

    `session_ends`: a test that ends the session expects what scripts then get.
    """

    def __init__(self, context: BrowserContext, url: str, *, session_ends: bool = False) -> None:
        self.problems: list[str] = []
        self._session_ends = session_ends
        self._context, self._url = context, url
        context.add_init_script(REPORT)
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("requestfailed", self._failed)
        context.on("response", self._response)

    def close(self) -> None:
        self._context.close()

    def _console(self, message: ConsoleMessage) -> None:
        if self._session_ends and "Error Code 401" in message.text:
            return
        told_elsewhere = message.text.startswith((OF_A_PAGE, *OF_A_REQUEST))
        if message.type in ("error", "warning") and not told_elsewhere:
            self.problems.append(f"console: {message.text}")

    def _error(self, error: WebError) -> None:
        self.problems.append(f"script: {error.error}")

    def _failed(self, request: Request) -> None:
        if request.url.startswith(self._url) and request.failure not in LEFT:
            self.problems.append(f"request: {request.url} {request.failure}")

    def _response(self, response: Response) -> None:
        if self._session_ends and response.status == 401:
            return
        a_page = response.request.resource_type == "document"
        if response.status == 500 or (response.status > 400 and not a_page):
            self.problems.append(f"status {response.status}: {response.url}")
