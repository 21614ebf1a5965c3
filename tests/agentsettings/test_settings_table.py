"""Every setting is known everywhere it has to be. A failure names what is missing, and where."""

import pytest

from lofty_admin.agentsettings.display.widening_words import ADDED, OPENED, SWITCHED_ON
from lofty_admin.agentsettings.fields import SETTINGS, Kind
from lofty_admin.agentsettings.widening import RESTRICTED, SWITCHES
from lofty_admin.lofty.schema import LISTS, READ_ONLY, TYPES
from tests.support.documented_settings import EXAMPLE
from tests.support.recipes import ADD_SETTING, advice, assert_registered
from tools.practice_lofty.rules import PROPERTIES
from tools.practice_lofty.seed import Spec, build

# Whatever their value, they reach no more leads and no more people.
REACH_NO_ONE = {"rentalBusiness"}


def seeded() -> set[str]:
    settings = build(Spec("acme", "Acme")).settings
    assert settings is not None
    return set(settings)


PLACES = {
    "TYPES of lofty_admin/lofty/schema.py": set(TYPES),
    "SETTINGS of lofty_admin/agentsettings/fields.py": {setting.name for setting in SETTINGS},
    "CHECKS of tools/practice_lofty/rules.py": set(PROPERTIES) - {"id"},
    "_make_settings of tools/practice_lofty/seed.py": seeded() - {"id", *READ_ONLY},
    "EXAMPLE of tests/support/documented_settings.py": set(EXAMPLE) - {"id", *READ_ONLY},
}


@pytest.mark.parametrize("place", PLACES)
def test_settings__in_each_place__are_the_same(place: str) -> None:
    every = set().union(*PLACES.values())
    assert_registered(every, PLACES[place], where=place, recipe=ADD_SETTING)


def test_settings__in_the_table__are_there_once() -> None:
    names = [setting.name for setting in SETTINGS]
    assert len(names) == len(set(names))


def test_lists__in_the_schema__say_what_an_empty_one_means() -> None:
    lists = {name for name, kind in TYPES.items() if kind.startswith("list")}
    where = "FILTER_LISTS or ACCESS_LISTS of lofty_admin/lofty/schema.py"
    assert_registered(lists, LISTS, where=where, recipe=ADD_SETTING)
    where = "ADDED of lofty_admin/agentsettings/display/widening_words.py"
    # More active days are described as hours of the week.
    assert_registered(lists - {"activeDays"}, ADDED, where=where, recipe=ADD_SETTING)


def test_switches__in_the_table__say_whether_they_reach_more_people() -> None:
    switches = {setting.name for setting in SETTINGS if setting.kind is Kind.SWITCH}
    where = "SWITCHES of lofty_admin/agentsettings/widening.py, or REACH_NO_ONE of this test"
    assert_registered(switches, SWITCHES | REACH_NO_ONE, where=where, recipe=ADD_SETTING)
    where = "SWITCHED_ON of lofty_admin/agentsettings/display/widening_words.py"
    assert_registered(SWITCHES, SWITCHED_ON, where=where, recipe=ADD_SETTING)


def test_choices__in_the_table__say_which_value_restricts() -> None:
    choices = {setting.name for setting in SETTINGS if setting.kind is Kind.CHOICE}
    where = "RESTRICTED of lofty_admin/agentsettings/widening.py"
    assert_registered(choices, RESTRICTED, where=where, recipe=ADD_SETTING)
    where = "OPENED of lofty_admin/agentsettings/display/widening_words.py"
    assert_registered(RESTRICTED, {name for name, _ in OPENED}, where=where, recipe=ADD_SETTING)


def test_choices__each_restricting_value__exists() -> None:
    values = {setting.name: set(setting.choices or ()) for setting in SETTINGS}
    wrong = [name for name, value in RESTRICTED.items() if value not in values[name]]
    assert not wrong, advice(ADD_SETTING)
