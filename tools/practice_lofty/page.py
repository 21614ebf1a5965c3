"""The pages for people, from `templates/`.

Django's template engine on its own, without Django's settings. It escapes every value.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from django.template import Context, Engine

from tools.practice_lofty.faults import KINDS, METHODS, Fault
from tools.practice_lofty.messages import Answer, as_html
from tools.practice_lofty.tour import TRIES

CUSTOMER_PREFIX = "/customers/"
TOUR = "/tour"
FOLDER = Path(__file__).with_name("assets")
ASSETS: Mapping[str, str] = {
    "/assets/sandbox.css": "text/css; charset=utf-8",
    "/assets/sandbox.js": "text/javascript; charset=utf-8",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)
_ENGINE = Engine(
    dirs=[str(Path(__file__).with_name("templates"))],
    builtins=["tools.practice_lofty.page_filters"],
)
_EXAMPLE = {"assistantName": "Mia", "startActiveHour": 10}


@dataclass(frozen=True)
class Option:
    """One of a customer's options, as its form shows it. Without choices it is a number."""

    name: str
    words: str
    choices: tuple[str, ...] = ()
    chosen: object = None
    is_switch: bool = False


_SWITCH = ("false", "true")
_OPTIONS = (
    Option("omitted", "What a PUT leaves out", ("keep", "clear")),
    Option("oversize", "Too many members asked for", ("cap", "refuse")),
    Option("member_maximum", "Most members per page"),
    Option("metadata_key", "Name of the paging data", ("_metadata", "get_metadata")),
    Option("shuffle_lists", "Lists come back in another order", _SWITCH),
    Option("repeat_pages", "Every page of a list is the first one again", _SWITCH),
    Option("false_total", "Total that lists name (-1 = the true one)"),
    Option("strict_put", "A PUT with an unknown property is refused", _SWITCH),
    Option("dead_answers_400", "A dead token answers 400 instead of 401", _SWITCH),
)


def asset(path: str) -> Answer:
    return Answer(200, (FOLDER / Path(path).name).read_bytes(), ASSETS[path])


def index(customers: Sequence[Mapping[str, object]], *, has_tour: bool = False) -> Answer:
    """Show every customer in short; `customers` as Control.summary gives them."""
    values = {"customers": customers, "prefix": CUSTOMER_PREFIX, "kinds": KINDS.values()}
    return _page("index", "Practice Lofty", {**values, "has_tour": has_tour, "tour": TOUR})


def customer(details: Mapping[str, object], puts: Sequence[Mapping[str, object]]) -> Answer:
    """Show one customer; `details` as Control.describe gives them, `puts` oldest first."""
    settings = details["settings"]
    values = {
        "customer": details,
        "settings": settings.items() if isinstance(settings, Mapping) else None,
        "url": f"/_control/customers/{details['slug']}",
        "kinds": KINDS.values(),
        "methods": METHODS,
        "example": _EXAMPLE,
        "puts": puts[::-1],
        "options": [_filled_in(option, details["options"]) for option in _OPTIONS],
    }
    return _page("customer", str(details["name"]), values)


def _filled_in(option: Option, options: object) -> Option:
    value = options[option.name] if isinstance(options, Mapping) else None
    is_switch = isinstance(value, bool)
    chosen = json.dumps(value) if is_switch else value
    return Option(option.name, option.words, option.choices, chosen, is_switch)


def tour(console_url: str, faults: Mapping[str, Sequence[Fault]]) -> Answer:
    """Show things to try in the console; `faults`: what each customer's requests will meet."""
    kinds = {slug: {fault.kind for fault in waiting} for slug, waiting in faults.items()}
    waiting = [one for one in TRIES if one.fault.get("kind") in kinds.get(one.slug, ())]
    values = {"tries": TRIES, "waiting": waiting, "console_url": console_url}
    return _page("tour", "Things to try", values)


def message(status: int, title: str, text: str) -> Answer:
    return _page("page", title, {"text": text}, status=status)


def authorise(name: str, client_id: str, redirect_url: str, slugs: Iterable[str]) -> Answer:
    """Show where a customer lets an app in. The browser must be free to go back to the app."""
    target = urlsplit(redirect_url)
    values = {"name": name, "client_id": client_id, "slugs": slugs}
    back_to = f"{target.scheme}://{target.netloc}"
    return _page("authorise", "Let this app in?", values, back_to=back_to)


def _page(
    template: str,
    title: str,
    values: Mapping[str, object],
    *,
    status: int = 200,
    back_to: str = "",
) -> Answer:
    context = Context({"title": title, **values}, use_l10n=False, use_tz=False)
    text = _ENGINE.get_template(f"{template}.html").render(context)
    return as_html(status, text).plus(
        {
            "Content-Security-Policy": f"{POLICY} {back_to}".strip(),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
    )
