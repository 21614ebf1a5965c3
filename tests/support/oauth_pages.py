"""Connect a tenant by OAuth over the pages."""

from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPErrorProcessor, Request, build_opener

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from tests.support.lofty_users import APP_ID, Lofty


class _KeepRedirects(HTTPErrorProcessor):
    """A browser's address bar: the answer itself, not where it leads."""

    def http_response(self, request, response):  # type: ignore[no-untyped-def]  # as its base
        return response


def lofty_sends_back(lofty: Lofty, slug: str, decision: str = "approve") -> str:
    """Press a button on Lofty's page as that customer: path and query it sends the browser to."""
    fields = {"clientId": APP_ID, "customer": slug, "decision": decision}
    page = Request(  # noqa: S310 - the practice Lofty
        f"{lofty.url}/page/vendor-auth.html",
        data=urlencode(fields).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    answer = build_opener(_KeepRedirects).open(page, timeout=10)
    back = urlsplit(answer.headers["Location"])
    assert f"{back.scheme}://{back.netloc}" == "http://testserver"
    return f"{back.path}?{back.query}"


def go(client: Client, name: str, slug: str = "acme", **data: str) -> HttpResponse:
    url = reverse(name, args=[slug])
    answer: HttpResponse = client.post(url, data, follow=True)  # type: ignore[assignment]  # its subclass
    return answer


def text(answer: object) -> str:
    assert isinstance(answer, HttpResponse)
    return answer.content.decode()
