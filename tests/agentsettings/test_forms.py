"""The settings form: untouched values stay exact, edited ones get Lofty's types."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lofty_admin.agentsettings.fields import SETTINGS
from lofty_admin.agentsettings.forms import SettingsForm
from lofty_admin.agentsettings.widgets import ListChoice, Scope
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.schema import EDITABLE, differing
from lofty_admin.tenants.models import Tenant
from tests.support.documented_settings import EXAMPLE, EXAMPLE_REQUEST
from tests.support.setting_values import any_values, values
from tests.support.settings_form import posted, sent, snapshot

pytestmark = pytest.mark.django_db
SLOW = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def test_form__the_documented_example_with_one_change__sends_all_with_right_types(
    acme: Tenant,
) -> None:
    expected = EXAMPLE_REQUEST
    body = sent(acme, EXAMPLE, assistantName="Bella")
    assert body == {**expected, "assistantName": "Bella"}
    for name, value in body.items():
        assert type(value) is type(EXAMPLE[name])


@SLOW
@given(any_values())
def test_form__anything_untouched__changes_nothing(acme: Tenant, raw: dict[str, JSON]) -> None:
    form = SettingsForm(acme, snapshot(raw), posted(raw))
    if form.is_valid():
        assert differing(raw, form.after) == ()
        assert {n: form.after.get(n) for n in EDITABLE} == {n: raw.get(n) for n in EDITABLE}
    else:
        # Only what breaks a rule on the way in may be refused, never sent as something else.
        assert all(name in EDITABLE for name in form.errors)


@SLOW
@given(values())
def test_form__settings_of_the_right_types_untouched__are_never_refused(
    acme: Tenant, raw: dict[str, JSON]
) -> None:
    raw = {"id": 12345, **raw}
    form = SettingsForm(acme, snapshot(raw), posted(raw))
    assert form.is_valid(), form.errors
    assert differing(raw, form.after) == ()


@SLOW
@given(any_values(), st.sampled_from(["agentIds", "officeIds", "leadPondIds"]))
def test_form__access_for_everyone__is_sent_as_minus_one(
    acme: Tenant, raw: dict[str, JSON], name: str
) -> None:
    raw[name] = [101]
    form = SettingsForm(acme, snapshot(raw), posted(raw, **{name: ListChoice(Scope.ALL)}))
    form.is_valid()
    assert name not in form.errors
    assert form.cleaned_data[name].stored(form.fields[name].setting) == [-1]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "choice", "expected"),
    [
        ("agentIds", ListChoice(Scope.ALL), [-1]),
        ("agentIds", ListChoice(Scope.NONE), []),
        ("agentIds", ListChoice(Scope.ONLY, ("844510972070138",)), [844510972070138]),
        ("activeDays", ListChoice(Scope.ALL), []),
        ("activeDays", ListChoice(Scope.ONLY, ("0", "6")), [0, 6]),
        ("leadTypes", ListChoice(Scope.ONLY, ("-1", "2")), [-1, 2]),
        ("leadSources", ListChoice(Scope.ALL), []),
    ],
)
def test_form__list_choices__are_stored_in_loftys_notation(
    acme: Tenant, name: str, choice: ListChoice, expected: JSON
) -> None:
    assert sent(acme, EXAMPLE, **{name: choice})[name] == expected


@pytest.mark.parametrize("name", [setting.name for setting in SETTINGS if setting.is_list])
def test_form__only_these_with_nothing_picked__is_an_error(acme: Tenant, name: str) -> None:
    data = posted(EXAMPLE, **{name: ListChoice(Scope.ONLY)})
    form = SettingsForm(acme, snapshot(EXAMPLE), data)
    assert not form.is_valid()
    assert "nothing is selected" in str(form.errors[name])


@pytest.mark.parametrize("name", [setting.name for setting in SETTINGS if setting.is_list])
def test_form__list_that_did_not_arrive__is_an_error(acme: Tenant, name: str) -> None:
    data = posted(EXAMPLE)
    del data[f"{name}-scope"]
    form = SettingsForm(acme, snapshot(EXAMPLE), data)
    assert not form.is_valid()
    assert name in form.errors


@pytest.mark.parametrize("name", ["leadSources", "leadPipelines", "activeDays", "leadTypes"])
def test_form__empty_list_for_a_filter__is_refused(acme: Tenant, name: str) -> None:
    data = posted(EXAMPLE, **{name: ListChoice(Scope.NONE)})
    assert name in SettingsForm(acme, snapshot(EXAMPLE), data).errors


@pytest.mark.parametrize("bad", ["abc", "1e5", "1.5", "٣", "99999999999999999999", "-1", "--1"])
def test_form__invalid_agent_id__is_refused(acme: Tenant, bad: str) -> None:
    data = posted(EXAMPLE, agentIds=ListChoice(Scope.ONLY, ("101", bad)))
    assert "agentIds" in SettingsForm(acme, snapshot(EXAMPLE), data).errors


def test_form__all_next_to_members_untouched__is_sent_back_as_stored(acme: Tenant) -> None:
    raw = {**EXAMPLE, "agentIds": [-1, 101]}
    assert sent(acme, raw, assistantName="Bella")["agentIds"] == [-1, 101]


def test_form__nulls_and_missing_untouched__are_not_sent(acme: Tenant) -> None:
    raw = {**EXAMPLE, "virtualNumber": None, "textChannel": None, "startActiveHour": None}
    del raw["officeIds"]
    body = sent(acme, raw, assistantName="Bella")
    assert not {"virtualNumber", "textChannel", "startActiveHour", "officeIds"} & set(body)


def test_form__unknown_values__survive_and_are_shown(acme: Tenant) -> None:
    raw = {**EXAMPLE, "callTransferType": "ToTheMoon", "startActiveHour": 25, "leadTypes": [1, 77]}
    body = sent(acme, raw, assistantName="Bella")
    assert body["callTransferType"] == "ToTheMoon"
    assert body["startActiveHour"] == 25
    assert body["leadTypes"] == [1, 77]
    html = SettingsForm(acme, snapshot(raw)).as_p()
    assert "ToTheMoon" in html
    assert "unknown (77)" in html


@pytest.mark.parametrize("count", [1, 1000, 1001, 10_000])
def test_form__big_selections__are_sent_as_one_field(acme: Tenant, count: int) -> None:
    ids = tuple(str(844510972070000 + i) for i in range(count))
    body = sent(acme, EXAMPLE, agentIds=ListChoice(Scope.ONLY, ids))
    assert body["agentIds"] == [int(i) for i in ids]


def test_form__unknown_extra_fields__change_nothing(acme: Tenant) -> None:
    data = posted(EXAMPLE)
    data["id"] = "666"
    data["headUrl"] = "https://evil.example/"
    form = SettingsForm(acme, snapshot(EXAMPLE), data)
    assert form.is_valid()
    assert form.after == EXAMPLE


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "  kept  "])
def test_form__text_untouched__keeps_its_line_breaks_and_spaces(acme: Tenant, text: str) -> None:
    raw = {**EXAMPLE, "agentExperience": text}
    assert sent(acme, raw, assistantName="Bella")["agentExperience"] == text


def test_form__cut_off__is_refused_as_a_whole(acme: Tenant) -> None:
    data = posted(EXAMPLE)
    del data["end"]
    form = SettingsForm(acme, snapshot(EXAMPLE), data)
    assert "The form arrived incomplete" in str(form.non_field_errors())


@pytest.mark.parametrize(
    "name",
    ["assistantName", "virtualNumber", "virtualNumberCountry", "callTransferType", "endActiveHour"],
)
def test_form__field_that_did_not_arrive__is_an_error(acme: Tenant, name: str) -> None:
    data = posted(EXAMPLE)
    del data[name]
    assert "This value didn&#x27;t arrive" in str(
        SettingsForm(acme, snapshot(EXAMPLE), data).errors[name]
    )


@pytest.mark.parametrize("name", ["startActiveHour", "followUpRole"])
def test_form__empty_choice__is_an_error(acme: Tenant, name: str) -> None:
    data = posted(EXAMPLE)
    data[name] = ""
    assert name in SettingsForm(acme, snapshot(EXAMPLE), data).errors


def test_form__back_from_review_with_unexpected_values__offers_and_reads_them(acme: Tenant) -> None:
    shown = {**EXAMPLE, "followUpRole": "Robot", "startActiveHour": 24}
    html = SettingsForm(acme, snapshot(EXAMPLE), shown=shown).as_p()
    assert html.count("selected") >= 2
    form = SettingsForm(acme, snapshot(EXAMPLE), posted(shown), shown=shown)
    assert form.is_valid(), form.errors
    assert (form.after["followUpRole"], form.after["startActiveHour"]) == ("Robot", 24)


def test_form__line_breaks_in_a_one_line_text__survive(acme: Tenant) -> None:
    raw = {**EXAMPLE, "assistantName": "Anna\nMaria"}
    assert "<textarea" in str(SettingsForm(acme, snapshot(raw))["assistantName"])
    assert sent(acme, raw, emailChannel=False)["assistantName"] == "Anna\nMaria"


def test_form__long_text_with_line_breaks_untouched__does_not_stop_a_save(acme: Tenant) -> None:
    raw = {**EXAMPLE, "agentExperience": "line\n" * 2000}
    assert sent(acme, raw, emailChannel=False)["agentExperience"] == "line\n" * 2000
