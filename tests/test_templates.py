"""Templates load what they use, and nothing else."""

import re
from pathlib import Path

import pytest
from django.template import Engine
from django.template.base import Lexer, TokenType

ROOT = Path(__file__).resolve().parent.parent / "templates"
TEMPLATES = sorted(ROOT.rglob("*.html"))


def unused_loads(text: str) -> list[str]:
    """The libraries of `{% load %}` of which the template uses no tag and no filter."""
    tokens = Lexer(text).tokenize()
    blocks = [t.split_contents() for t in tokens if t.token_type == TokenType.BLOCK]
    loaded = {name for block in blocks if block[0] == "load" for name in block[1:]}
    tags = {block[0] for block in blocks}
    filters = set(re.findall(r"\|(\w+)", text))
    libraries = Engine.get_default().template_libraries
    return sorted(
        name
        for name in loaded
        if not tags & set(libraries[name].tags) and not filters & set(libraries[name].filters)
    )


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_template__what_it_loads__is_used(path: Path) -> None:
    assert unused_loads(path.read_text()) == []


def test_guard__load_without_use__is_seen() -> None:
    assert unused_loads("{% load i18n tz %}{% translate 'x' %}") == ["tz"]
    assert unused_loads("{% load humanize %}{{ n|intcomma }}") == []
