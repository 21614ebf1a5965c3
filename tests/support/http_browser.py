"""A browser without JavaScript that keeps cookies and sends forms as users leave them."""

import time
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests

from tests.support.deployment import PASSWORD

Fields = list[tuple[str, str]]


@dataclass
class Form:
    """`fields`: the names and values a browser would send, in the page's order."""

    action: str
    fields: Fields = field(default_factory=list)

    def filled(self, **values: str) -> "Form":
        """A copy with these fields filled in. Each must be in the form."""
        missing = set(values) - {name for name, _ in self.fields}
        assert not missing, f"no such fields: {missing}"
        return Form(self.action, [(name, values.get(name, old)) for name, old in self.fields])


class Browser:
    """Everything is relative to the console at `url`. Time-outs in seconds."""

    def __init__(self, url: str, timeout: float = 30) -> None:
        self.url, self.timeout = url, timeout
        self._start()
        self.signed_in_at: float | None = None

    def _start(self) -> None:
        self._session = requests.Session()
        self._session.trust_env = False

    @property
    def signed_in_for(self) -> float:
        """Seconds since the last sign-in."""
        return float("inf") if self.signed_in_at is None else time.monotonic() - self.signed_in_at

    def sign_in(self, email: str) -> "Browser":
        """Sign in with a fresh session, also if signed in already."""
        self._start()
        form = form_in(self.get("/accounts/login/"), "/accounts/login/")
        page = self.send(form.filled(login=email, password=PASSWORD))
        assert "/accounts/login/" not in page.url, "not signed in"
        self.signed_in_at = time.monotonic()
        return self

    def twin(self) -> "Browser":
        """Another browser with the same cookies."""
        twin = Browser(self.url, self.timeout)
        twin._session.cookies.update(self._session.cookies)
        return twin

    def get(self, path: str) -> requests.Response:
        page = self.ask(path)
        page.raise_for_status()
        return page

    def ask(self, path: str) -> requests.Response:
        """Like `get`, whatever the status is."""
        return self._session.get(urljoin(self.url, path), timeout=self.timeout)

    def send(self, form: Form) -> requests.Response:
        """POST it and follow to where that leads."""
        headers = {"Referer": self.url}
        page = self._session.post(
            urljoin(self.url, form.action), form.fields, headers=headers, timeout=self.timeout
        )
        page.raise_for_status()
        return page

    def reviewed(self, slug: str, **values: str) -> Form:
        """Open the tenant's settings, fill in these, review: the form that applies them."""
        settings = form_in(self.get(f"/t/{slug}/settings/"), f"/t/{slug}/settings/review/")
        page = self.send(settings.filled(**values))  # leads to the draft
        return form_in(page, f"{urlsplit(page.url).path}apply/")


def form_in(page: requests.Response, action: str) -> Form:
    """The page's form with this action."""
    parser = _Forms()
    parser.feed(page.text)
    forms = [form for form in parser.forms if form.action == action]
    assert len(forms) == 1, f"{len(forms)} forms for {action} on {page.url}"
    return forms[0]


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._select: tuple[str, list[tuple[str, bool]]] = ("", [])
        self._area = ""
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(attributes.get("action", "")))
        elif "disabled" in attributes:
            return
        elif tag == "input" and _is_sent(attributes):
            self._add(attributes["name"], attributes.get("value", "on"))
        elif tag == "select":
            self._select = (attributes.get("name", ""), [])
        elif tag == "option":
            self._select[1].append((attributes.get("value", ""), "selected" in attributes))
        elif tag == "textarea":
            self._area, self._text = attributes.get("name", ""), ""

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            name, options = self._select
            chosen = [value for value, selected in options if selected] or [options[0][0]]
            self._add(name, chosen[-1])
        elif tag == "textarea":
            self._add(self._area, self._text.removeprefix("\n"))

    def _add(self, name: str, value: str) -> None:
        if self.forms and name:
            self.forms[-1].fields.append((name, value))


def _is_sent(found: dict[str, str]) -> bool:
    kind = found.get("type", "text")
    unchosen = kind in {"checkbox", "radio"} and "checked" not in found
    return bool(found.get("name")) and kind not in {"submit", "button"} and not unchosen
