"""The exception tree: what each error means for the requested change."""

import inspect
from datetime import UTC, datetime

import pytest

from lofty_admin.lofty import errors

UNTIL = datetime(2026, 11, 23, 19, 5, 30, tzinfo=UTC)
CLASSES = [
    found
    for _, found in inspect.getmembers(errors, inspect.isclass)
    if issubclass(found, errors.LoftyError)
]


def make(kind: type[errors.LoftyError]) -> errors.LoftyError:
    if issubclass(kind, errors.RateLimited | errors.BudgetSpent | errors.CallsStopped):
        return kind(until=UNTIL)
    return kind()


@pytest.mark.parametrize("kind", CLASSES)
def test_error__any__has_message_advice_and_effect(kind: type[errors.LoftyError]) -> None:
    error = make(kind)
    for text in (error.message, error.advice, error.effect):
        assert text.endswith(".")
        assert len(text) > 15
    assert str(error) == error.message


@pytest.mark.parametrize("kind", CLASSES)
def test_error__any__sent_says_whether_lofty_may_have_done_it(
    kind: type[errors.LoftyError],
) -> None:
    error = make(kind)
    surely_not = issubclass(kind, errors.NotSent | errors.Rejected)
    surely_not = surely_not and kind is not errors.NotLofty  # whoever answered, it was not Lofty
    assert error.sent is (False if surely_not else None)
    assert ("may or may not" in error.effect) is not surely_not


@pytest.mark.parametrize("kind", CLASSES)
def test_error__any__is_in_the_tree_of_the_docstring(kind: type[errors.LoftyError]) -> None:
    assert kind.__name__ in (errors.__doc__ or "")


def test_timed__advice__names_the_time() -> None:
    for kind in (errors.RateLimited, errors.BudgetSpent):
        error = kind(until=UNTIL)
        assert error.until == UNTIL
        assert "19:05:30 UTC" in error.advice


def test_unauthorised__wrong_scheme__is_caught_by_it() -> None:
    assert issubclass(errors.WrongScheme, errors.Unauthorised)
    assert issubclass(errors.MalformedSettings, errors.Unknown)
