"""Read what is on a page: its text, its forms, its hidden fields."""

import html
import re
from html import unescape
from html.parser import HTMLParser
from typing import Protocol


def hidden_fields(html: str, action: str) -> list[tuple[str, str]]:
    """The hidden fields of the page's form with this action, as a browser would send them."""
    body = html.split(f'action="{action}"')[1].split("</form>")[0]
    matches = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', body)
    return [(unescape(name), unescape(value)) for name, value in matches]


class Page(Protocol):
    """What a test client answers with, as far as we look at it."""

    @property
    def content(self) -> bytes: ...
    @property
    def status_code(self) -> int: ...


class FormReader(HTMLParser):
    """The fields of one form of a page, with the values a browser would send."""

    def __init__(self, action: str) -> None:
        super().__init__()
        self.action, self.inside = action, False
        self.fields: dict[str, list[str]] = {}
        self._select = self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "form":
            self.inside = attributes.get("action") == self.action
        if not self.inside or "disabled" in attributes:
            return
        name, value = attributes.get("name") or "", attributes.get("value") or ""
        if tag == "input" and (
            attributes.get("type") not in ("checkbox", "radio") or "checked" in attributes
        ):
            self._add(name, value or ("on" if attributes.get("type") == "checkbox" else ""))
        elif tag == "select":
            self._select = name
        elif tag == "option" and "selected" in attributes:
            self._add(self._select, value)
        elif tag == "textarea":
            self._text = name
            self._add(name, "")

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "form"
        self._text = "" if tag == "textarea" else self._text

    def handle_data(self, data: str) -> None:
        if self._text and self.inside:
            self.fields[self._text][-1] += data.lstrip("\r\n")

    def _add(self, name: str, value: str) -> None:
        if name:
            self.fields.setdefault(name, []).append(value)


def form_of(page: Page, action: str) -> dict[str, list[str]]:
    reader = FormReader(action)
    reader.feed(page.content.decode())
    assert reader.fields, f"no form for {action}: {text_of(page)[:300]}"
    return reader.fields


def text_of(page: Page) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.content.decode())))
