"""Warnings about the settings as they would become; new ones are separate from existing ones."""

import pytest
from hypothesis import given

from lofty_admin.agentsettings.cautions import Known, existing_warnings, lint, new_warnings
from lofty_admin.agentsettings.changes import reaches_all
from lofty_admin.agentsettings.fields import SETTINGS
from lofty_admin.lofty.json_strict import JSON
from tests.support.documented_settings import EXAMPLE
from tests.support.setting_values import any_values

SOUND: dict[str, JSON] = {
    **EXAMPLE,
    "virtualNumber": "+1 415 555 2671",
    "virtualNumberCountry": "US",
    "fixedNumber": "(415) 555-2671",
}


def warning_texts(values: dict[str, JSON], known: Known | None = None) -> str:
    return "\n".join(caution.text for caution in lint(values, known or Known()))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"virtualNumber": ""}, "no texting number"),
        ({"websiteChannel": False, "textChannel": False, "emailChannel": False}, "All three"),
        ({"startActiveHour": 8, "endActiveHour": 8}, "Lofty's documentation doesn't say"),
        ({"startActiveHour": 20, "endActiveHour": 6}, "overnight"),
        ({"fixedNumber": "call me"}, "does not look like a valid phone number"),
        ({"agentIds": []}, "an empty list"),
        ({"newLeadEnable": False, "visitorsEnable": False}, "off for both new leads"),
    ],
)
def test_lint__unusual_setting__is_pointed_out(changed: dict[str, JSON], expected: str) -> None:
    assert any(expected in caution.text for caution in lint({**EXAMPLE, **changed}))


def test_lint__valid_numbers_and_everything_on__says_nothing() -> None:
    sound = {**EXAMPLE, "virtualNumber": "+1 415 555 2671", "fixedNumber": "(415) 555-2671"}
    assert lint(sound) == ()


@given(any_values())
def test_lint__any_settings__never_fails(values: dict[str, JSON]) -> None:
    lint(values)
    for setting in SETTINGS:
        reaches_all(setting.name, values.get(setting.name))


def test_new_warnings__old_and_new__are_separated() -> None:
    before = {**EXAMPLE, "fixedNumber": "nonsense"}
    after = {**before, "agentIds": []}
    assert ["empty list" in caution.text for caution in new_warnings(before, after)] == [True]
    assert any("nonsense" in caution.text for caution in existing_warnings(before, after))


@given(any_values(), any_values())
def test_warnings__new_and_existing__add_up_to_all(
    before: dict[str, JSON], after: dict[str, JSON]
) -> None:
    new, existing = new_warnings(before, after), existing_warnings(before, after)
    assert set(new) | set(existing) == set(lint(after))
    assert not set(new) & set(lint(before))


def test_lint__until_midnight__is_not_overnight() -> None:
    until_midnight = {**EXAMPLE, "startActiveHour": 8, "endActiveHour": 0}
    assert not any("overnight" in caution.text for caution in lint(until_midnight))


# --- Texting hours --------------------------------------------------------------------------------
TEXTING: dict[str, JSON] = {**SOUND, "textChannel": True, "activeDays": []}
CALIFORNIA, TEXAS, FLORIDA, TOLL_FREE = (
    "+14155552671",
    "+15125552671",
    "+13055552671",
    "+18005552671",
)


def hours(start: int, end: int, **more: JSON) -> dict[str, JSON]:
    return {**TEXTING, "startActiveHour": start, "endActiveHour": end, **more}


@pytest.mark.parametrize(
    ("start", "end", "warns"),
    [(8, 21, False), (9, 18, False), (7, 20, True), (8, 22, True), (20, 2, True), (8, 8, True)],
)
def test_texting__outside_8_am_to_9_pm__warns(start: int, end: int, *, warns: bool) -> None:
    assert ("8 AM to 9 PM in the lead's time zone" in warning_texts(hours(start, end))) is warns
    assert "US law" not in warning_texts({**hours(start, end), "textChannel": False})


@pytest.mark.parametrize(
    ("number", "zone", "start", "end", "days", "states"),
    [
        (TEXAS, "", 8, 20, [1], ["Texas"]),
        (TEXAS, "", 9, 21, [1, 6], []),
        (TEXAS, "", 9, 21, [0], ["Texas"]),
        (TEXAS, "", 12, 21, [0], []),
        (FLORIDA, "", 8, 20, [], []),
        (FLORIDA, "", 8, 21, [], ["Florida"]),
        ("+12405552671", "", 8, 21, [], ["Maryland"]),
        ("+14055552671", "", 8, 21, [], ["Oklahoma"]),
        ("+12065552671", "", 8, 21, [], ["Washington"]),
        (CALIFORNIA, "America/Chicago", 8, 21, [], []),
        (TOLL_FREE, "America/Chicago", 8, 21, [], ["Texas", "Florida", "Oklahoma"]),
        (TOLL_FREE, "America/Phoenix", 8, 21, [], []),
        (TOLL_FREE, "", 8, 21, [], ["Texas", "Florida", "Maryland", "Oklahoma", "Washington"]),
        (TOLL_FREE, "", 12, 20, [], []),
    ],
)
def test_texting__stricter_states__are_named_where_they_may_apply(
    number: str, zone: str, start: int, end: int, days: list[JSON], states: list[str]
) -> None:
    values = hours(start, end, virtualNumber=number, activeDays=days)
    text = warning_texts(values, Known(zone=zone))
    named = ["Texas", "Florida", "Maryland", "Oklahoma", "Washington"]
    assert [state for state in named if f"{state}: " in text] == states
    assert ("Lofty doesn't say" in text) is bool(states)


@pytest.mark.parametrize(
    ("number", "country", "zone"),
    [("+442079460018", "GB", "America/Chicago"), ("+14165550123", "CA", ""), ("", "DE", "")],
)
def test_texting__a_number_of_another_country__us_rules_are_not_named(
    number: str, country: str, zone: str
) -> None:
    values = hours(5, 23, virtualNumber=number, virtualNumberCountry=country)
    assert "Text messages may be sent" not in warning_texts(values, Known(zone=zone))


def test_texting__switched_on_at_night__is_a_new_warning_once() -> None:
    before = {**hours(6, 22), "textChannel": False}
    after = {**before, "textChannel": True}
    assert any("US law" in caution.text for caution in new_warnings(before, after))
    renamed = {**after, "assistantName": "Bella"}
    assert not any("US law" in caution.text for caution in new_warnings(after, renamed))
    assert any("US law" in caution.text for caution in existing_warnings(after, renamed))


# --- Numbers --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("number", "country", "warns"),
    [
        (CALIFORNIA, "DE", True),
        (CALIFORNIA, "US", False),
        ("+4930123456", "US", True),
        ("+1 555 555 0100", "DE", True),
        ("+14165550123", "US", True),
        ("4155552671", "US", False),
        (CALIFORNIA, "", False),
    ],
)
def test_number__of_another_country_than_is_set__warns(
    number: str, country: str, *, warns: bool
) -> None:
    text = warning_texts({**SOUND, "virtualNumber": number, "virtualNumberCountry": country})
    assert ("but the texting number country is" in text) is warns


@pytest.mark.parametrize(
    "number",
    [
        "+1415555\u200b2671",
        "+1\u00a0415\u00a0555\u00a02671",
        "\u202a+14155552671\u202c",
        "+1 415\u2011555\u20112671",
        "＋１４１５５５５２６７１",
        "+١٤١٥٥٥٥٢٦٧١",
        "+1 415 555 2671\n",
        "tel:+14155552671",
        "+1 415 555 2671 ext. 5",
    ],
)
def test_number__valid_but_not_in_plain_ascii__warns(number: str) -> None:
    assert "does not look like a valid phone number" in warning_texts(
        {**SOUND, "virtualNumber": number}
    )


# --- Entries of the directory ---------------------------------------------------------------------
def test_gone__agents_who_left__get_a_warning_each() -> None:
    known = Known(gone={"agentIds": {101: "Anna K.", 102: "Ben L."}})
    before = {**SOUND, "agentIds": [101, 103]}
    after = {**SOUND, "agentIds": [101, 102, 103]}
    (new,) = new_warnings(before, after, known)
    assert new.text == "Agents: Ben L. (102) is no longer in Lofty."
    assert "Anna K." in existing_warnings(before, after, known)[-1].text


def test_foreign__ids_of_another_kind__adding_by_name_is_a_new_warning() -> None:
    known = Known(foreign={"agentIds": "Other ids."}, listed={"agentIds": frozenset({101})})
    before = {**SOUND, "agentIds": [844510972070138]}
    after = {**SOUND, "agentIds": [844510972070138, 101]}
    assert [caution.text for caution in existing_warnings(before, after, known)] == ["Other ids."]
    assert "may be the wrong ones" in new_warnings(before, after, known)[0].text
