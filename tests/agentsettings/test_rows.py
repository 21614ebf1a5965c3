"""Settings in words: different values never read the same."""

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from lofty_admin.agentsettings.changes import Change
from lofty_admin.agentsettings.display.naming import words
from lofty_admin.agentsettings.display.rows import change_rows
from lofty_admin.agentsettings.fields import BY_NAME, SETTINGS, Setting
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.schema import same

IDS = st.sampled_from([-1, 0, 1, 2, 5, 7, 101, 102, 103, 104, 2**63 - 1])
MEMBERS = st.one_of(IDS, st.sampled_from([True, 1.0, -1.0, "1", "101", None, 2**63]))
TEXTS = st.sampled_from(
    [
        *["", "empty", "not set in Lofty", "US", "us", "United States of America (US)"],
        *["Disabled", "Not transferred", "unknown (5)", "5", '"5"', "true", "Everyone"],
        *["may text leads", "8 AM", "8", "Anna K.", "Anna K.\u200b", "Anna K. "],
        *["⟨JSON⟩ 5", "⟨text⟩ empty"],
    ]
)
ANY: st.SearchStrategy[JSON] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 25),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXTS,
    st.text(st.characters(), max_size=6),
    st.lists(MEMBERS, max_size=4),
    st.just({"a": 1}),
)
# Namesakes, a name with a comma, names that read like phrases.
NAMES = {
    "101": "Anna K.",
    "102": "Anna K.",
    "103": "Everyone",
    "104": "Anna K., Anna K.",
    "1": "No one (an empty list)",
    "2": "Anna K. (101)",
    "7": "unknown (5)",
}


def collapsed(text: str) -> str:
    return " ".join(text.split())


@given(st.sampled_from(SETTINGS), ANY, ANY)
@example(BY_NAME["agentIds"], [-1], [-1, 101])
@example(BY_NAME["agentIds"], [101], [102])
@example(BY_NAME["agentIds"], [104], [101, 102])
@example(BY_NAME["agentIds"], [103], [-1])
@example(BY_NAME["leadTypes"], [5], 5)
@example(BY_NAME["assistantName"], "", "empty")
@example(BY_NAME["assistantName"], 5, "5")
@example(BY_NAME["virtualNumberCountry"], "US", "United States of America (US)")
@example(BY_NAME["callTransferType"], "Disabled", "Not transferred")
@example(BY_NAME["textChannel"], True, "may text leads")
@example(BY_NAME["startActiveHour"], 8, "8")
def test_words__two_values_that_are_not_the_same__read_differently(
    setting: Setting, one: JSON, other: JSON
) -> None:
    assume(not same(setting.name, one, other))
    table = {setting.name: NAMES}
    assert collapsed(words(setting, one, table)) != collapsed(words(setting, other, table))


def test_words__ordinary_values__read_as_before() -> None:
    table = {"agentIds": {"101": "Anna K.", "102": "Ben L."}}
    assert words(BY_NAME["agentIds"], [101, 102, 1002], table) == "Anna K., Ben L., unknown (1002)"
    assert words(BY_NAME["agentIds"], [-1], table) == "Everyone"
    assert words(BY_NAME["agentIds"], [], table) == "No one (an empty list)"
    assert words(BY_NAME["activeDays"], [], {}) == "Every day"


@pytest.mark.parametrize("unseen", ["\u200b", "\u00a0", "\u202e", "\u2066", "\ufeff", "\u00ad"])
def test_change_rows__values_that_differ_in_an_invisible_character__show_it(unseen: str) -> None:
    change = Change(BY_NAME["assistantName"], "Anna K.", f"Anna K.{unseen}")
    (row,) = change_rows([change], {})
    assert (row.before, row.after) == ("Anna K.", f"Anna K.⟨U+{ord(unseen):04X}⟩")


def test_words__a_name_of_the_directory_with_an_invisible_character__shows_it() -> None:
    table = {"agentIds": {"101": "Anna K.", "102": "Anna K.\u200b"}}
    shown = words(BY_NAME["agentIds"], [101, 102], table)
    assert "Anna K.⟨U+200B⟩" in shown
