"""A console with one of everything, and what its addresses give."""

from dataclasses import dataclass

from playwright.sync_api import Page


@dataclass(frozen=True)
class Site:
    """`paths`: an address for each view, by its name. `cookie`: Rosa's, a superuser with an app."""

    cookie: dict[str, str]
    paths: dict[str, str]


def kind(page: Page, path: str) -> str:
    """What a GET of this address gives."""
    answer = page.request.get(path, max_redirects=0)
    if answer.status == 405:
        return "takes a POST"
    if answer.status >= 400:
        return f"{answer.status}"
    if answer.status == 302:
        return "leads on"
    if "text/html" not in answer.headers["content-type"]:
        return "no page"
    return "page" if answer.text().lstrip().lower().startswith("<!doctype") else "part of a page"
