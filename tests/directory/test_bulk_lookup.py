"""Pasted lists of ids and e-mail addresses: any format, nothing dropped or guessed."""

import re
import time
from contextlib import suppress

import pytest
from django.utils import timezone
from hypothesis import assume, given
from hypothesis import strategies as st

from lofty_admin.core.text import is_invisible
from lofty_admin.directory.bulk_lookup import (
    LONGEST_PASTE,
    MOST_PASTED,
    TooManyItems,
    grouped_digits,
    parse,
    resolve,
    ungrouped,
)
from lofty_admin.directory.models import Entry, EntryKind
from lofty_admin.tenants.models import Tenant

BIG = 844510972070138
BETWEEN_ITEMS = re.compile(r"[\s,;，；、\u200b\u200e\u200f\u2060\ufeff\x00]+")
AGENT = EntryKind.AGENT


def add(tenant: Tenant, *rows: tuple[int, str, str], kind: EntryKind = AGENT) -> None:
    Entry.objects.keep([Entry.build(tenant, kind, *row) for row in rows])


@pytest.fixture
def staff(acme: Tenant) -> Tenant:
    add(
        acme,
        (BIG, "José Álvarez", "Jose@acme.example.com · Downtown"),
        (102, "Anna Smith", "team@acme.example.com · Uptown"),
        (103, "Anna Jones", "team@acme.example.com · Downtown"),
        (104, "mail-only@acme.example.com", "Uptown"),
        (105, "Bob Stone", "Uptown"),
    )
    return acme


def read(text: str) -> list[int | str]:
    return [item.id or item.email or f"? {item.text}" for item in parse(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1001,1002;1003\n1004\t1005 1006", [1001, 1002, 1003, 1004, 1005, 1006]),
        ("1001，1002；1003、1004", [1001, 1002, 1003, 1004]),
        ("１００１", [1001]),
        ("\ufeff1001\u200b", [1001]),
        ("(1001)", [1001]),
        (f"[{BIG}]", [BIG]),
        ("Anna <Anna@X.example>", ["anna@x.example"]),
        ("Anna<anna@x.example>,Bob <bob@x.example>", ["anna@x.example", "bob@x.example"]),
        ('"Smith, Anna" <anna@x.example>', ["anna@x.example"]),
        ('"anna@x.example"', ["anna@x.example"]),
        ("<mailto:anna@x.example>", ["anna@x.example"]),
        ("Anna Smith\tanna@x.example\t555-1234", ["? Anna Smith", "anna@x.example", "? 555-1234"]),
        ("Anna Smith anna@x.example", ["? Anna Smith", "anna@x.example"]),
        ("Bob Jones", ["? Bob Jones"]),
        ("-1,0,1.5E+14,@,a@,@a", ["? -1", "? 0", "? 1.5E+14", "? @", "? a@", "? @a"]),
        (str(2**63), [f"? {2**63}"]),
        (str(2**63 - 1), [2**63 - 1]),
        ("", []),
        (" ,;\n\t", []),
    ],
)
def test_parse__shapes_people_paste__ids_emails_and_the_rest(
    text: str, expected: list[int | str]
) -> None:
    assert read(text) == expected


@given(st.text(st.sampled_from("01a@.,; \t\n\"<>'٣，\u200b\x00é人-"), max_size=60) | st.text())
def test_parse__any_text__every_sign_is_in_one_of_the_items(text: str) -> None:
    items = parse(text)
    assert all(item.text.strip() == item.text != "" for item in items)
    told = "".join(BETWEEN_ITEMS.sub("", item.text) for item in items)
    seen = "".join(sign for sign in text if not is_invisible(sign))
    assert told == BETWEEN_ITEMS.sub("", seen)


# Shorter ids between commas may be one id in groups of three digits: "1,495".
IDS = st.integers(1000, 2**63 - 1)


@given(st.lists(IDS | st.emails(), max_size=30), st.data())
def test_parse__ids_and_emails_between_any_separators__all_read(
    wanted: list[int | str], data: st.DataObject
) -> None:
    separator = st.sampled_from([",", ";", "\n", "\t", ", ", "\r\n", " ; "])
    plain = [one for one in wanted if isinstance(one, int) or re.fullmatch(r"[\w.@-]+", one)]
    text = "".join(f"{one}{data.draw(separator)}" for one in plain)
    assume(not grouped_digits(text))  # 1,100 may be one number
    assert read(text) == [one if isinstance(one, int) else one.casefold() for one in plain]


def test_parse__more_than_is_looked_up_at_once__says_how_much() -> None:
    assert len(parse("7," * MOST_PASTED)) == MOST_PASTED
    with pytest.raises(TooManyItems, match=r"10,001 entries\. At most 10,000"):
        parse("7," * (MOST_PASTED + 1))
    with pytest.raises(TooManyItems, match="1,000,001 characters"):
        parse("x" * (LONGEST_PASTE + 1))


@pytest.mark.parametrize("sign", ['"', "<", ">", " ", '" ', '"<', "a<", "\t", "@"])
def test_parse__hostile_repetition__is_quick(sign: str) -> None:
    text = (sign * LONGEST_PASTE)[:LONGEST_PASTE]
    start = time.process_time()
    with suppress(TooManyItems):
        parse(text)
    assert time.process_time() - start < 5


def test_resolve__ids_and_emails__found_unknown_ambiguous_and_not_found(staff: Tenant) -> None:
    text = f"JOSE@acme.example.com, {BIG}, 1002, team@acme.example.com, Bob Stone, 105 x@y.example"
    told = resolve(staff, AGENT, f"{text}, mail-only@acme.example.com, 1002, Bob Stone")
    assert [name.id for name in told.found] == [BIG, 105, 104]
    assert told.repeated == 3
    assert told.unknown == [1002]
    ambiguous = {text: [name.id for name in names] for text, names in told.ambiguous.items()}
    assert ambiguous == {"team@acme.example.com": [102, 103]}
    assert told.not_found == ["Bob Stone", "x@y.example"]


def test_resolve__email_of_one_in_lofty_and_one_gone__means_the_one_in_lofty(staff: Tenant) -> None:
    Entry.objects.filter(lofty_id=102).update(gone_since=timezone.now())
    told = resolve(staff, AGENT, "team@acme.example.com")
    assert [name.id for name in told.found] == [103]
    Entry.objects.update(gone_since=timezone.now())
    assert list(resolve(staff, AGENT, "team@acme.example.com").ambiguous) == [
        "team@acme.example.com"
    ]


def test_resolve__other_tenants_and_other_kinds__not_known_here(
    staff: Tenant, globex: Tenant
) -> None:
    add(staff, (7, "Downtown", "jose@acme.example.com"), kind=EntryKind.OFFICE)
    assert resolve(globex, AGENT, f"{BIG}").unknown == [BIG]
    assert resolve(globex, AGENT, "jose@acme.example.com").not_found == ["jose@acme.example.com"]
    told = resolve(staff, EntryKind.OFFICE, f"7 {BIG} jose@acme.example.com")
    assert [name.id for name in told.found] == [7]
    assert (told.unknown, told.not_found) == ([BIG], ["jose@acme.example.com"])


GROUPED = 1_234_567


@pytest.fixture
def grouped(acme: Tenant) -> Tenant:
    add(acme, (GROUPED, "Grace Grouped", ""), (BIG, "Bea Big", ""), (101, "A", ""), (102, "B", ""))
    return acme


@pytest.mark.parametrize("separator", [",", ".", " ", "'", "’", "_", "\u00a0", "\u202f", "\u2009"])
def test_resolve__an_id_with_thousands_separators__is_one_id(
    grouped: Tenant, separator: str
) -> None:
    one, big = f"{GROUPED:,}".replace(",", separator), f"{BIG:,}".replace(",", separator)
    for text in (one, f" {one}\n{big}\r\n", f'"{one}";"{big}"', f"{one};{big}", f"{one}\t{big}"):
        told = resolve(grouped, AGENT, text)
        assert [name.id for name in told.found] == [GROUPED, BIG][: len(told.found)]
        assert len(told.found) == (1 if big not in text else 2)
        assert (told.unknown, told.not_found) == ([], [])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("101,102", [101, 102]),
        ("101 102 1,234,567", [101, 102, GROUPED]),
        ("101,102, 1,234,567", [101, 102, GROUPED]),
        ("12,34,567", [GROUPED]),
        ("Grace 1,234,567 <x@y.example>", [GROUPED]),
    ],
)
def test_resolve__short_ids_between_commas__the_directory_tells_them_apart(
    grouped: Tenant, text: str, found: list[int]
) -> None:
    assert [name.id for name in resolve(grouped, AGENT, text).found] == found


@pytest.mark.parametrize("text", ["9,876,543", "9 876 543", "9,876,543,2,345,678", "111,222,333"])
def test_resolve__unknown_grouped_digits__stay_whole_and_are_not_added(
    grouped: Tenant, text: str
) -> None:
    told = resolve(grouped, AGENT, text)
    assert told.not_found == [text]
    assert (told.found, told.unknown) == ([], [])


@given(st.integers(1000, 2**63 - 1), st.sampled_from(list(",.'’ _\u00a0\u202f")))
def test_ungrouped__any_number_with_separators__gives_its_digits(
    number: int, separator: str
) -> None:
    assert ungrouped(f"{number:,}".replace(",", separator)) == str(number)


@pytest.mark.parametrize("text", ["", "abc", "1,23", "1234,567", "101, 102", "0,123", "a1,234"])
def test_ungrouped__other_text__stays_as_it_is(text: str) -> None:
    assert ungrouped(text) == text
