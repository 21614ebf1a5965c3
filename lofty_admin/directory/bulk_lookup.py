"""Resolve pasted lists of ids and emails: which entries they mean, and which are unknown.

Everything pasted is returned in one of the answers of `resolve`; nothing is dropped or guessed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _

from lofty_admin.core.text import is_invisible
from lofty_admin.directory.models import BETWEEN, Entry, EntryKind
from lofty_admin.directory.names import LARGEST_ID, Name, names
from lofty_admin.tenants.models import Tenant

MOST_PASTED = 10_000
LONGEST_PASTE = 1_000_000  # characters
# Parts between commas and the like; a quoted name before an <email> may contain commas.
_PART = re.compile(r'(?:"[^"\r\n]*"(?=\s*<)|[^,;\t\r\n\v\f\x85\u2028\u2029，；、])+')
# Digits in groups, with one separator throughout: 1,234,567 or 1 234 567 or 1.234.567.
_RUN = re.compile(
    r"(?<![^\s,;(\[<\"'])[\"']?+"
    r"(\d++([ ,.'’_\u00a0\u2007\u2009\u202f])\d++(?:\2\d++)*+)"
    r"[\"']?+(?=$|[\s,;)\]>])"
)
_COULD_SEPARATE_IDS = frozenset(" ,")
_UNREADABLE = "\ufffd"  # what NUL arrives as; nothing is made up from what is around it
_AROUND = "\"'()[]<>"


class TooManyItems(Exception):
    """More items were pasted than a single lookup allows. The text is for users."""


@dataclass(frozen=True)
class Pasted:
    """One item of a list: `text` as it was pasted, and the id or the email it is read as.

    wholes and pieces: two ways to read digits in groups. 1,234,567 is one id with separators, or
    three ids; only the directory can decide.
    """

    text: str
    id: int | None = None
    email: str = ""
    wholes: tuple[int, ...] = ()
    pieces: tuple[int, ...] = ()


@dataclass
class Resolved:
    """The result of a lookup.

    found: entries, each once. repeated: how many were in the list before. unknown: ids that the
    directory does not have. ambiguous: email -> the agents who have it. not_found: all else.
    """

    found: list[Name] = field(default_factory=list)
    repeated: int = 0
    unknown: list[int] = field(default_factory=list)
    ambiguous: dict[str, list[Name]] = field(default_factory=dict)
    not_found: list[str] = field(default_factory=list)


def parse(text: str) -> list[Pasted]:
    """Return the ids and emails in a text, and what is between them, in their order.

    Items are separated by commas, semicolons, tabs, and line breaks, and by blanks between two ids
    or emails. "Name <email>" is one item, and so is a number with separators for thousands. Raises
    TooManyItems.
    """
    if len(text) > LONGEST_PASTE:
        raise TooManyItems(
            _(
                "The list has %(number)s characters. At most %(most)s can be looked up at "
                "once. Nothing was added. Paste it in parts."
            )
            % {"number": intcomma(len(text)), "most": intcomma(LONGEST_PASTE)}
        )
    items = list(_items_of(_without_invisible(text)))
    if sum(max(1, len(item.pieces)) for item in items) > MOST_PASTED:
        raise TooManyItems(
            _(
                "The list has %(number)s entries. At most %(most)s can be looked up at "
                "once. Nothing was added. Paste it in parts."
            )
            % {"number": intcomma(len(items)), "most": intcomma(MOST_PASTED)}
        )
    return items


def _without_invisible(text: str) -> str:
    return "".join(sign for sign in text if sign != "\x00" and not is_invisible(sign))


def is_list(text: str) -> bool:
    """Return whether a pasted text is a list; otherwise it is a text to search for.

    Several lines, several ids or emails, or one next to a comma or in "Name <email>" make a list.
    So does one number with separators for thousands: only the directory knows how to read it.
    """
    bare = _without_invisible(text).strip()
    if re.search(r"[\r\n]", bare) or grouped_digits(bare) == bare != "":
        return True
    known = [item for item in _items_of(bare) if item.email or _ids(item)]
    if len(known) != 1:
        return bool(known)
    is_in_words = "<" in known[0].text and " " in known[0].text
    return is_in_words or len([part for part in _PART.findall(bare) if part.strip()]) > 1


def id_in(text: str) -> str:
    """Return the id that a search text is, "" if it is none."""
    number = _id(text.strip())
    return "" if number is None else str(number)


def resolve(tenant: Tenant, kind: EntryKind, text: str) -> Resolved:
    """Look up a pasted list in the tenant's directory. Only agents have emails.

    Among several agents with one email, those no longer in Lofty do not count. Raises TooManyItems.
    """
    items = parse(text)
    by_id = names(tenant, kind, [i for item in items for i in _ids(item)])
    items = [one for item in items for one in _settled(item, by_id)]
    emails = {item.email for item in items if item.email}
    by_email = _by_email(tenant, emails) if kind == EntryKind.AGENT and emails else {}
    resolved, seen = Resolved(), set[int | str]()
    for item in items:
        known = [by_id[item.id]] if item.id is not None else by_email.get(item.email, [])
        key = known[0].id if len(known) == 1 else item.text
        if key in seen:
            resolved.repeated += 1
        else:
            seen.add(key)
            _sort_in(item, known, resolved)
    return resolved


def _ids(item: Pasted) -> list[int]:
    return [*([] if item.id is None else [item.id]), *item.wholes, *item.pieces]


def _settled(item: Pasted, by_id: Mapping[int, Name]) -> list[Pasted]:
    """Read digits in groups as the directory knows them: as one id, or as several.

    If it knows neither or both, they stay together as text: no id is invented from a piece.
    """
    if not item.wholes:
        return [item]
    known_wholes, known_pieces = (
        any(by_id[i].known for i in ids) for ids in (item.wholes, item.pieces)
    )
    if known_wholes == known_pieces:
        return [Pasted(item.text)]
    ids = item.wholes if known_wholes else item.pieces
    return [Pasted(item.text if len(ids) == 1 else str(i), id=i) for i in ids]


def _sort_in(item: Pasted, known: list[Name], resolved: Resolved) -> None:
    if not known:
        resolved.not_found.append(item.text)
    elif len(known) > 1:
        resolved.ambiguous[item.text] = known
    elif known[0].known:
        resolved.found.append(known[0])
    else:
        resolved.unknown.append(known[0].id)


def _items_of(text: str) -> Iterator[Pasted]:
    at = 0
    for start, grouped in _groupings(text):
        yield from _plain_items(text[at:start])
        yield grouped
        at = start + len(grouped.text)
    yield from _plain_items(text[at:])


def _groupings(text: str) -> Iterator[tuple[int, Pasted]]:
    """Yield each number with separators for thousands, and where it begins."""
    run = _RUN.search(text)
    while run is not None:
        grouped = _grouped(run)
        if grouped is not None:
            yield run.start(), grouped
        # In "101 102 1,234,567" the last of the ids between blanks begins the number.
        last = run.start(1) + run.group(1).rindex(run.group(2)) + 1
        run = _RUN.search(text, last if grouped is None else run.end())


def _plain_items(text: str) -> Iterator[Pasted]:
    for part in _PART.findall(text):
        words = part.replace("<", " <").split()
        yield from _items([word for word in words if word.strip(_UNREADABLE)])


def _grouped(run: re.Match[str]) -> Pasted | None:
    """Return the numbers that these digits are with separators for thousands, None if they aren't.

    A group of fewer than three digits begins a number: 1,234,2,345 can be 1234 and 2345.
    """
    separator = run.group(2)
    groups, numbers = run.group(1).split(separator), list[list[str]]()
    for group in groups:
        if not numbers or len(group) < 3:
            numbers.append([])
        numbers[-1].append(group)
    if _is_indian(groups):
        numbers = [groups]
    elif not all(map(_is_grouping, numbers)):
        return None
    wholes = [_id("".join(number)) for number in numbers]
    if separator not in _COULD_SEPARATE_IDS:
        return Pasted(run.group(), id=wholes[0] if len(wholes) == 1 else None)
    pieces = [_id(group) for group in groups]
    return Pasted(
        run.group(), wholes=tuple(filter(None, wholes)), pieces=tuple(filter(None, pieces))
    )


def _is_grouping(groups: Sequence[str]) -> bool:
    first, *others = groups
    thousands = all(len(group) == 3 for group in others)
    return bool(others) and thousands and len(first) <= 3 and not first.startswith("0")


def _is_indian(groups: Sequence[str]) -> bool:
    """Return whether they are grouped as in India: 12,34,567."""
    first, *middle, last = groups
    is_grouped = bool(middle) and len(last) == 3 and all(len(group) == 2 for group in middle)
    return is_grouped and len(first) <= 2 and not first.startswith("0")


def ungrouped(text: str) -> str:
    """Return the digits of one number without its separators for thousands; other text as it is."""
    run = _RUN.fullmatch(text.strip())
    grouped = _grouped(run) if run else None
    numbers = [] if grouped is None else [i for i in (grouped.id, *grouped.wholes) if i]
    return str(numbers[0]) if len(numbers) == 1 else text


def grouped_digits(text: str) -> str:
    """Return the first digits in a list that may be one number with separators, "" if none."""
    return next((grouped.text for _start, grouped in _groupings(text)), "")


def _id(digits: str) -> int | None:
    is_id = digits.isdecimal() and len(digits) < 20 and 0 < int(digits) <= LARGEST_ID
    return int(digits) if is_id else None


def _items(words: list[str]) -> Iterator[Pasted]:
    """Yield the items of one part; words that are neither an id nor an email stay together."""
    others: list[str] = []
    for word in words:
        item = _read(word)
        if item is None:
            others.append(word)
            continue
        if word.startswith("<"):
            item = replace(item, text=" ".join([*others, word]))
        elif others:
            yield Pasted(" ".join(others))
        others = []
        yield item
    if others:
        yield Pasted(" ".join(others))


def _read(word: str) -> Pasted | None:
    bare = word.strip(_AROUND).removeprefix("mailto:")
    if (number := _id(bare)) is not None:
        return Pasted(word, id=number)
    before, at, after = bare.partition("@")
    return Pasted(word, email=bare.casefold()) if before and at and after else None


def _by_email(tenant: Tenant, emails: set[str]) -> dict[str, list[Name]]:
    """Return email -> the agents who have it: those in Lofty, or if there are none, former ones."""
    agents = Entry.objects.filter(tenant=tenant, kind=EntryKind.AGENT)
    ids: dict[str, list[int]] = {}
    for lofty_id, name, detail in agents.values_list("lofty_id", "name", "detail"):
        email = _email(name, detail)
        if email in emails:
            ids.setdefault(email, []).append(lofty_id)
    known = names(tenant, EntryKind.AGENT, [one for several in ids.values() for one in several])
    found = {email: [known[one] for one in several] for email, several in ids.items()}
    return {
        email: [name for name in several if name.gone_since is None] or several
        for email, several in found.items()
    }


def _email(name: str, detail: str) -> str:
    """Return an agent's email as the sync stores it: first in the detail, or in place of a name."""
    first = detail.split(BETWEEN, 1)[0]
    return (first if "@" in first else name).casefold()
