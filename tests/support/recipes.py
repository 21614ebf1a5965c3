"""Compare what a test finds with what is registered, and point to the recipe for adding it."""

from collections.abc import Iterable

ADD_SETTING = "Add a setting"
ADD_EVENT_KIND = "Add an audit event kind"
ADD_PAGE = "Add a page"
RECIPES = (ADD_SETTING, ADD_EVENT_KIND, ADD_PAGE)


def assert_registered(
    found: Iterable[str], registered: Iterable[str], *, where: str, recipe: str
) -> None:
    """Fail if the names differ: name each one, the place it belongs to, and the recipe."""
    names, known = set(found), set(registered)
    problems = [f"{name} is missing in {where}." for name in sorted(names - known)]
    problems += [f"{name} is in {where}, but does not exist." for name in sorted(known - names)]
    assert not problems, "\n".join([*problems, advice(recipe)])


def advice(recipe: str) -> str:
    return f"Follow the recipe “{recipe}” in CONTRIBUTING.md."
