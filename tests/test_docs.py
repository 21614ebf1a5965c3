"""What README and docs name exists: files, headings, make targets, commands, tests."""

import re
from functools import cache
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from tests.support.recipes import RECIPES
from tools.processes import ROOT

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"")
MAKE = re.compile(r"(?:`|^)make ([a-z]+)", re.MULTILINE)
MANAGE = re.compile(r"manage\.py ([a-z_]+)((?: (?:--)?[a-zA-Z][\w-]*)*)")
MODULE = re.compile(r"python -m ((?:tools|lofty_admin)[\w.]*)")
TEST = re.compile(r"\btest_[a-z0-9_]+")
IN_OUR_OWN_WORDS = {"procrastinate"}  # a command of a library, with arguments of its own
GROUPS = {"### Added", "### Changed", "### Fixed", "### Security"}
PREFIX = re.compile(r"- (Added|Changed|Fixed|Security):")
pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@cache
def text(page: Path) -> str:
    return page.read_text()


@cache
def anchors(page: Path) -> set[str]:
    """The names that headings have on the web."""
    heads = re.findall(r"^#+ (.+)$", text(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pages
def test_docs__each_link__leads_to_a_file_and_a_heading(page: Path) -> None:
    for pair in LINK.findall(text(page)):
        target = next(filter(None, pair))
        if target.startswith(("https://", "http://")):
            continue
        name, _, heading = target.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), target
        assert not heading or heading in anchors(file), target


@pages
def test_docs__each_make_target__exists(page: Path) -> None:
    targets = re.findall(r"^([a-z]+):", text(ROOT / "Makefile"), re.MULTILINE)
    assert set(MAKE.findall(text(page))) <= set(targets)


@pages
def test_docs__each_command__exists_and_takes_what_is_named(page: Path) -> None:
    for name, arguments in MANAGE.findall(text(page)):
        assert name in get_commands(), name
        if name in IN_OUR_OWN_WORDS:
            continue
        command = load_command_class(get_commands()[name], name)
        words = arguments.split()
        parser = command.create_parser("manage.py", name)
        known = parser.format_help() + "".join(_help_of_actions(parser))
        for option in (word for word in words if word.startswith("--")):
            assert option in known, f"{name} {option}"
    for module in MODULE.findall(text(page)):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or path.is_dir(), module


@pytest.mark.parametrize("recipe", RECIPES)
def test_contributing__each_recipe_that_tests_point_to__exists(recipe: str) -> None:
    assert f"### {recipe}\n" in text(ROOT / "CONTRIBUTING.md")


@pages
def test_docs__each_test__exists(page: Path) -> None:
    files = {path.stem: text(path) for path in (ROOT / "tests").rglob("test_*.py")}
    functions = "\n".join(files.values())
    for name in TEST.findall(text(page)):
        assert name in files or f"def {name}(" in functions, f"{name} does not exist: moved?"


def _help_of_actions(parser: object) -> list[str]:
    """Of `person add`, `right give` and the like."""
    actions = getattr(parser, "_actions", [])
    found = [action.choices for action in actions if isinstance(action.choices, dict)]
    return [sub.format_help() for choices in found for sub in choices.values()]


def test_docs__every_page_of_docs__is_named_in_the_readme() -> None:
    readme = text(ROOT / "README.md")
    for page in (ROOT / "docs").glob("*.md"):
        assert f"docs/{page.name}" in readme


def test_docs__every_decision__is_named_in_the_list_of_decisions() -> None:
    folder = ROOT / "docs" / "adr"
    listed = set(LINK.findall(text(folder / "README.md")))
    decisions = {(page.name, "") for page in folder.glob("0*.md")}
    assert decisions
    assert decisions == listed


def test_changelog__each_line__is_a_heading_or_an_entry_of_a_group() -> None:
    """Merged branches tend to leave entries at the end, with their group in front."""
    _, _, released = text(ROOT / "CHANGELOG.md").partition("\n## ")
    lines = [line for line in released.splitlines()[1:] if line]
    assert {line for line in lines if line.startswith("#")} <= GROUPS
    assert lines[0] in GROUPS
    entries = [line for line in lines if not line.startswith("#")]
    assert [line for line in entries if not line.startswith("- ") or PREFIX.match(line)] == []
    assert len(set(entries)) == len(entries)


def test_docs__every_picture__is_shown_somewhere_and_small() -> None:
    shown = "".join(text(page) for page in PAGES)
    pictures = list((ROOT / "docs").rglob("*.png"))
    assert pictures
    for picture in pictures:
        assert picture.name in shown, picture.name
    assert sum(picture.stat().st_size for picture in pictures) < 2_000_000
