"""Every text for users is marked for translation, and pages use the chosen language."""

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.template.base import Lexer, TokenType
from django.test import Client
from django.utils.translation import override

from lofty_admin.accounts.models import User
from tests.support.users import signed_in

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
NOT_SHOWN = {"migrations", "management", "sandbox"}
MODULES = sorted(
    path for path in (ROOT / "lofty_admin").rglob("*.py") if not NOT_SHOWN & set(path.parts)
)
SPOKEN = {"title", "placeholder", "aria-label", "alt", "aria-description", "label"}
# Names, and what is the same in every language.
NOT_WORDS = {"Lofty", "UTC", "CSV", "JSON Lines", "PUT", "GET", "Sales Agent console"}
NOT_WORDS |= {"Ctrl", "Ctrl-K", "Esc", "ms"}
# These repeat what Lofty said, exactly.
WORDS_OF_LOFTY = {"agentsettings/answer.html", "agentsettings/operation.html"}
# Of these functions every argument is read by people; of these keywords the value is.
SAYING = {"ValidationError", "success", "info", "warning", "error", "add_error"}
SAYING |= {"Submit", "NotOpen", "MailNotSent"}
LOGS = {"logger", "_log"}  # English, as everything that is kept
SAID = {"label", "help_text", "empty_label", "placeholder", "verbose_name"}


class Spoken(HTMLParser):
    """Collects what a browser would say: text, and attributes that are read aloud."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in {"script", "style", "code"}
        self.found += [value or "" for name, value in attrs if name in SPOKEN]

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in {"script", "style", "code"}

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.found.append(data)


def unmarked_in_template(text: str) -> list[str]:
    """Words outside of translate and blocktranslate."""
    spoken = Spoken()
    spoken.feed(_without_tags(text))
    said = (" ".join(one.split()) for one in spoken.found)
    return [
        one for one in said if re.search(r"[^\W\d_]{2}", one) and one.strip(" ·:") not in NOT_WORDS
    ]


def _without_tags(text: str) -> str:
    kept, inside = [], ""
    for token in Lexer(text).tokenize():
        name = token.split_contents()[0] if token.token_type == TokenType.BLOCK else ""
        if inside:
            inside = "" if name == inside else inside
        elif name in {"blocktranslate", "comment", "verbatim"}:
            inside = f"end{name}"
        elif token.token_type == TokenType.TEXT:
            kept.append(token.contents)
    return "".join(kept)


def called_english(text: str) -> list[str]:
    """Variables said to be English, which the tag `recorded` should translate."""
    return re.findall(r'lang="en"[^<]*>[^<]*{{[^<]*', text)


def unmarked_in_module(source: str) -> Iterator[tuple[int, str]]:
    """Texts given to what speaks to people, as (line, text), that are not marked."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and not _is_log(node.func):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            name = node.func.id if isinstance(node.func, ast.Name) else name
            said = [k.value for k in node.keywords if k.arg in SAID]
            said += node.args if name in SAYING else []
            yield from ((part.lineno, ast.unparse(part)) for part in said if _speaks(part))


def _is_log(called: ast.expr) -> bool:
    on = called.value if isinstance(called, ast.Attribute) else None
    return isinstance(on, ast.Name) and on.id in LOGS


def _speaks(node: ast.expr) -> bool:
    plain = isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value
    if not isinstance(node, ast.JoinedStr):
        return plain
    fixed = (part.value for part in node.values if isinstance(part, ast.Constant))
    return any(re.search(r"[^\W\d_]", str(text)) for text in fixed)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_template__what_is_read__is_marked(path: Path) -> None:
    assert unmarked_in_template(path.read_text()) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_template__recorded_text__is_shown_in_the_language_of_the_page(path: Path) -> None:
    name = str(path.relative_to(ROOT / "templates"))
    assert name in WORDS_OF_LOFTY or not called_english(path.read_text())


def test_modules__messages_for_users__are_marked() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{line}": text
        for path in MODULES
        for line, text in unmarked_in_module(path.read_text())
    }
    assert found == {}


def test_guard__words_of_each_kind__are_seen() -> None:
    text = '{% if x %}<p title="A title">{% translate "marked" %} plain {{ name }}</p>{% endif %}'
    assert unmarked_in_template(text) == ["A title", "plain"]
    assert called_english('<dd lang="en" class="x">“{{ row.message }}”</dd>')
    assert not called_english('<p lang="en">plain</p> {{ name }} {% recorded name %}')
    assert unmarked_in_template("{% blocktranslate %}all {{ name }}{% endblocktranslate %}") == []
    assert [line for line, _ in unmarked_in_module('messages.error(r, "not marked")')] == [1]
    assert (
        list(unmarked_in_module('messages.error(r, _("marked"))\nCharField(label=_("x y"))')) == []
    )


def test_language__as_the_browser_asks_and_then_as_chosen(superuser: User) -> None:
    client = signed_in(superuser)
    assert 'lang="en"' in client.get("/").content.decode()
    assert 'lang="es"' in client.get("/", headers={"accept-language": "es-MX"}).content.decode()
    answer = client.post("/language/", {"language": "es", "next": "/people/?q=x"})
    assert answer.headers["Location"] == "/people/?q=x"
    page = client.get("/").content.decode()
    assert 'lang="es"' in page
    assert "words/es.js" in page
    with override("es"):
        assert (
            client.post("/language/", {"next": "https://example.com/"}).headers["Location"] == "/"
        )


def test_language__without_a_session__can_be_chosen(db: None) -> None:
    client = Client()
    client.post("/language/", {"language": "es"})
    assert 'lang="es"' in client.get("/accounts/login/").content.decode()
