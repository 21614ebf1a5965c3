"""Lists of ids and e-mails as people paste them: what is meant by each, and what is not known.

Everything pasted comes back in one of the answers of `resolve`; nothing is dropped or guessed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _

from lofty_admin.directory.models import BETWEEN, Entry, EntryKind
from lofty_admin.directory.names import LARGEST_ID, Name, names
from lofty_admin.tenants.models import Tenant

MOST_PASTED = 10_000
LONGEST_PASTE = 1_000_000  # characters
# Between commas and the like; a name in quotation marks before an <e-mail> may hold commas.
_PART = re.compile(r'(?:"[^"\r\n]*"(?=\s*<)|[^,;\t\r\n\v\f\x85\u2028\u2029，；、])+')
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200e\u200f\u2060\ufeff\x00"))
_AROUND = "\"'()[]<>"


class TooMuch(Exception):
    """More was pasted than is looked up at once. Its text is for people."""


@dataclass(frozen=True)
class Pasted:
    """One thing of a list: `text` as it stood there, and the id or the e-mail it is read as."""

    text: str
    id: int | None = None
    email: str = ""


@dataclass
class Resolved:
    """found: entries, each once. repeated: so many were in the list before. unknown: ids that the
    directory does not have. ambiguous: e-mail -> the agents who have it. not_found: all else."""

    found: list[Name] = field(default_factory=list)
    repeated: int = 0
    unknown: list[int] = field(default_factory=list)
    ambiguous: dict[str, list[Name]] = field(default_factory=dict)
    not_found: list[str] = field(default_factory=list)


def parse(text: str) -> list[Pasted]:
    """The ids and e-mails in a text, and what stands between them, in its order.

    Separated by commas, semicolons, tabs and line breaks; by blanks where ids and e-mails stand on
    both sides of them. "Name <e-mail>" is one. Raises TooMuch.
    """
    if len(text) > LONGEST_PASTE:
        raise TooMuch(
            _(
                "The list has %(number)s characters; %(most)s at most can be looked up at once."
                " Nothing was added: paste it in parts."
            )
            % {"number": intcomma(len(text)), "most": intcomma(LONGEST_PASTE)}
        )
    items = [
        item
        for part in _PART.findall(text.translate(_INVISIBLE))
        for item in _items(part.replace("<", " <").split())
    ]
    if len(items) > MOST_PASTED:
        raise TooMuch(
            _(
                "The list has %(number)s entries; %(most)s at most can be looked up at once."
                " Nothing was added: paste it in parts."
            )
            % {"number": intcomma(len(items)), "most": intcomma(MOST_PASTED)}
        )
    return items


def resolve(tenant: Tenant, kind: EntryKind, text: str) -> Resolved:
    """What the tenant's directory knows of a pasted list. Only agents have e-mails.

    Of several agents with one e-mail those no longer in Lofty do not count. Raises TooMuch.
    """
    items = parse(text)
    by_id = names(tenant, kind, [item.id for item in items if item.id is not None])
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


def _sort_in(item: Pasted, known: list[Name], resolved: Resolved) -> None:
    if not known:
        resolved.not_found.append(item.text)
    elif len(known) > 1:
        resolved.ambiguous[item.text] = known
    elif known[0].known:
        resolved.found.append(known[0])
    else:
        resolved.unknown.append(known[0].id)


def _items(words: list[str]) -> Iterator[Pasted]:
    """What one part means; words that are neither an id nor an e-mail stay together."""
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
    if bare.isdecimal() and len(bare) < 20 and 0 < int(bare) <= LARGEST_ID:
        return Pasted(word, id=int(bare))
    before, at, after = bare.partition("@")
    return Pasted(word, email=bare.casefold()) if before and at and after else None


def _by_email(tenant: Tenant, emails: set[str]) -> dict[str, list[Name]]:
    """E-mail -> who has it: those in Lofty, or if there are none, those who were."""
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
    """The e-mail of an agent as the sync puts it: first in the detail, or for want of a name."""
    first = detail.split(BETWEEN, 1)[0]
    return (first if "@" in first else name).casefold()
