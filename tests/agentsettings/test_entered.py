"""Typed values are cleaned before they are checked and sent."""

import unicodedata

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from lofty_admin.agentsettings.cautions import lint
from lofty_admin.agentsettings.entered import entered_name, entered_number, entered_text
from lofty_admin.agentsettings.forms import SettingsForm
from lofty_admin.agentsettings.widgets import ListChoice, Scope
from lofty_admin.core.visible import has_unseen
from lofty_admin.directory.models import Entry, EntryKind
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.tenants.models import Tenant
from tests.support.documented_settings import EXAMPLE
from tests.support.settings_form import posted, sent, snapshot

TEXTS = ["assistantName", "agentExperience", "virtualNumber", "fixedNumber"]
TRICKY = st.text(
    st.sampled_from("Ana K.\u200b\u200d\u00a0\u202e\u2066\ufeff\u00ad\t\n") | st.characters(),
    max_size=15,
)


@given(TRICKY)
def test_entered_name__any_text__has_no_invisible_characters_left(text: str) -> None:
    name = entered_name(text)
    assert name == entered_name(name)
    assert name == " ".join(name.split())
    assert not {unicodedata.category(sign) for sign in name} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(TRICKY)
def test_entered_text__any_text__keeps_its_lines_and_every_letter(text: str) -> None:
    cleaned = entered_text(text)
    assert cleaned == entered_text(cleaned)
    assert ascii_letters(cleaned) == ascii_letters(unicodedata.normalize("NFC", text))


def ascii_letters(text: str) -> str:
    return "".join(sign for sign in text if sign.isascii() and sign.isalnum())


@pytest.mark.parametrize(
    ("typed", "sent_as"),
    [
        ("(415) 555-0132", "+14155550132"),
        ("+1 415 555 0132", "+14155550132"),
        ("+1\u00a0415\u2011555\u20110132", "+14155550132"),
        ("\u202a+14155550132\u202c", "+14155550132"),
        ("+1415555\u200b0132", "+14155550132"),
        ("+1415555\U000e01000132", "+14155550132"),
        ("415\u2800555\u31640132\ufe0f", "+14155550132"),
        ("４１５ ５５５ ０１３２", "+14155550132"),
        ("٤١٥-٥٥٥-٠١٣٢", "+14155550132"),
        ("415.555.0132", "+14155550132"),
        ("+44 20 7946 0018", "+442079460018"),
        ("tel 415 555 0132", "tel 415 555 0132"),
        ("415 555 0132 ext. 5", "415 555 0132 ext. 5"),
        ("415 555 0132, 415 555 0133", "415 555 0132, 415 555 0133"),
        ("1-800-FLOWERS", "1-800-FLOWERS"),
        ("555 0132", "555 0132"),
        ("123", "123"),
        ("", ""),
        ("\u200b", ""),
    ],
)
def test_entered_number__as_users_write_it__is_one_number_or_stays_text(
    typed: str, sent_as: str
) -> None:
    assert entered_number(typed, "US") == sent_as


@given(TRICKY | st.text("0123456789+() -.\u200b\u00a0", max_size=20))
def test_entered_number__any_text__once_is_enough_and_no_digit_is_lost(text: str) -> None:
    number = entered_number(text, "US")
    assert entered_number(number, "US") == number
    if number.startswith("+") and number[1:].isdigit():
        digits = [str(unicodedata.decimal(sign)) for sign in text if sign.isdecimal()]
        assert number.endswith("".join(digits)[-6:])


@given(st.text("0123456789+() -.\u200b\u00a0\u202e１٢", max_size=18))
def test_lint__a_number_without_a_warning__is_ascii_digits_with_plain_separators(
    number: str,
) -> None:
    told = lint({"virtualNumber": number, "virtualNumberCountry": "US"})
    if number and not any("virtualNumber" in caution.names for caution in told):
        assert set(number) <= set("0123456789+() -.")


@pytest.mark.django_db
def test_form__an_entered_number__is_sent_as_shown_in_the_review(acme: Tenant) -> None:
    body = sent(acme, EXAMPLE, virtualNumber="(415)\u00a0555-0132\u200b", virtualNumberCountry="US")
    assert body["virtualNumber"] == "+14155550132"


@pytest.mark.django_db
def test_form__an_entered_number_and_its_country__are_read_together(acme: Tenant) -> None:
    body = sent(acme, EXAMPLE, virtualNumber="020 7946 0018", virtualNumberCountry="GB")
    assert body["virtualNumber"] == "+442079460018"


@pytest.mark.django_db
def test_form__an_entered_name__is_sent_without_invisible_characters(acme: Tenant) -> None:
    body = sent(acme, EXAMPLE, assistantName="\ufeff Bella\u00a0 K.\u200b\u202e ")
    assert body["assistantName"] == "Bella K."


@pytest.mark.django_db
@pytest.mark.parametrize("name", TEXTS)
def test_form__untouched_stored_text__stays_byte_for_byte(acme: Tenant, name: str) -> None:
    stored = "\u202aAnna  K.\u200b \u00a0e\u0301 １"
    body = sent(acme, {**EXAMPLE, name: stored}, emailChannel=not EXAMPLE["emailChannel"])
    assert body[name] == stored


@pytest.mark.django_db
def test_form__a_stored_text_with_invisible_characters__warns_next_to_the_field(
    acme: Tenant,
) -> None:
    form = SettingsForm(acme, snapshot({**EXAMPLE, "assistantName": "Anna K.\u200b"}))
    assert "Anna K.⟨U+200B⟩" in str(form.fields["assistantName"].help_text)
    assert has_unseen("Anna K.\u200b")


# --- Ids and choices that Lofty cannot have -------------------------------------------------------
CRAFTED = [
    ("activeDays", "7"),
    ("activeDays", "-1"),
    ("activeDays", "8"),
    ("leadTypes", "3"),
    ("leadTypes", "0"),
    ("leadTypes", "99"),
    ("agentIds", "0"),
    ("agentIds", "-2"),
    ("agentIds", "007"),
    ("agentIds", str(2**63)),
    ("officeIds", "0"),
    ("leadPondIds", "-5"),
    ("leadSources", "0"),
    ("leadSources", "-2"),
    ("leadPipelines", "0"),
    ("leadPipelines", "1e3"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "crafted"), CRAFTED)
def test_form__an_id_that_lofty_cannot_have__is_refused(
    acme: Tenant, name: str, crafted: str
) -> None:
    choice = ListChoice(Scope.ONLY, ("1", crafted))
    form = SettingsForm(acme, snapshot({**EXAMPLE, name: [1]}), posted(EXAMPLE, **{name: choice}))
    assert not form.is_valid()
    assert crafted in str(form.errors[name])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "odd"),
    [("activeDays", 7), ("leadTypes", 3), ("agentIds", 0), ("leadPondIds", -5), ("leadSources", 0)],
)
def test_form__an_id_that_lofty_already_has__may_stay_next_to_new_ones(
    acme: Tenant, name: str, odd: int
) -> None:
    stored: dict[str, JSON] = {**EXAMPLE, name: [1, odd]}
    body = sent(acme, stored, **{name: ListChoice(Scope.ONLY, ("1", "2", str(odd)))})
    assert body[name] == [1, 2, odd]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "crafted"),
    [
        ("startActiveHour", "24"),
        ("startActiveHour", "-1"),
        ("endActiveHour", "as-it-is:25"),
        ("callTransferType", "Everyone"),
        ("callTransferType", 'as-it-is:"Everyone"'),
        ("followUpRole", "ai"),
        ("virtualNumberCountry", "XX"),
        ("virtualNumberCountry", "us"),
    ],
)
def test_form__unknown_choice__is_refused(acme: Tenant, name: str, crafted: str) -> None:
    form = SettingsForm(acme, snapshot(EXAMPLE), posted(EXAMPLE, **{name: crafted}))
    assert not form.is_valid()
    assert name in form.errors


# --- Digits in groups, typed without JavaScript ---------------------------------------------------
def typed_agents(text: str, **more: str) -> QueryDict:
    data = posted({**EXAMPLE, "agentIds": [101]})
    data["agentIds-scope"], data["agentIds-ids"] = "only", text
    for name, value in more.items():
        data[name] = value
    return data


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["1,234,567", "101,1,234,567", "101, 1,234,567", "1.234.567"])
def test_form__an_id_typed_with_separators__is_not_split_into_pieces(
    acme: Tenant, text: str
) -> None:
    form = SettingsForm(acme, snapshot({**EXAMPLE, "agentIds": [101]}), typed_agents(text))
    assert not form.is_valid()
    assert "1" in str(form.errors["agentIds"])


@pytest.mark.django_db
def test_form__short_ids_between_commas__are_separate_ids_if_known_or_spaced(
    acme: Tenant,
) -> None:
    Entry.objects.keep([Entry.build(acme, EntryKind.AGENT, 102, "Ben")])
    for data in (
        typed_agents("101,102"),
        typed_agents("101, 103, 104"),
        typed_agents("103,104", **{"agentIds-separate": "1"}),
    ):
        form = SettingsForm(acme, snapshot({**EXAMPLE, "agentIds": [101]}), data)
        assert form.is_valid(), form.errors
