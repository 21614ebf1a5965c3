"""Read a list of tenants to add: CSV in all the variants that spreadsheets write.

A list holds tokens, and a cell may be in the wrong column. So no error here repeats the contents of
a cell, and a name that looks like a token is refused and not shown.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from lofty_admin.core.text import fold, is_invisible
from lofty_admin.lofty.client import Scheme, clean_token
from lofty_admin.lofty.errors import BadToken
from lofty_admin.tenants.models import RESERVED_SLUGS, SLUG
from lofty_admin.tenants.services import suggest_slug

MOST_ROWS = 200  # a larger batch would keep other writers of the audit log waiting for long
MOST_BYTES = 1_000_000
COLUMNS = ("name", "slug", "scheme", "token", "groups")
_HEADS: Mapping[str, str] = {
    **{column: column for column in COLUMNS},
    "tenant": "name",
    "short name": "slug",
    "kind": "scheme",
    "kind of token": "scheme",
    "group": "groups",
}
_SCHEMES: Mapping[str, Scheme] = {
    "api key": Scheme.API_KEY,
    "oauth": Scheme.OAUTH,
    "oauth token": Scheme.OAUTH,
}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_SEPARATORS = ",;\t|"
# Excel writes the separator into a first line of its own, and hides it when it opens the file.
_SEP_LINE = re.compile(
    rf"\A\s*\"?sep=([{_SEPARATORS}])\"?[{_SEPARATORS}]*[^\S\r\n\t]*(?=[\r\n]|\Z)", re.I
)
# No program writes these into a list, and PostgreSQL refuses some of them.
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")
_RUN = re.compile(r"[^\s_-]{20,}")
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)


class BadTable(Exception):
    """The list cannot be read at all. The text may be shown: it repeats nothing of the list."""


@dataclass(frozen=True)
class Line:
    """One tenant to add. `number`: its line in the list, from 1.

    problems: why it cannot be added. notes: what is unexpected about it.
    """

    number: int
    name: str = ""
    slug: str = ""
    scheme: Scheme | None = None
    token: str = field(default="", repr=False)
    groups: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def decode(data: bytes) -> str:
    """Return the text of an uploaded file. Raises BadTable unless it is UTF-8 or UTF-16.

    An older encoding is refused rather than guessed: a wrong guess changes names.
    """
    try:
        return data.decode(_encoding(data))
    except UnicodeDecodeError:
        pass
    raise BadTable(
        _(
            "This is not a CSV file in UTF-8. In Excel, save the file as “CSV UTF-8”, or "
            "copy the rows and paste them here. Workbooks (.xlsx) can't be read."
        )
    )


def _encoding(data: bytes) -> str:
    """Return the encoding. UTF-16 has a byte order mark, or a zero byte per leading character."""
    if data.startswith(_UTF16):
        return "utf-16"
    if data[1:4:2] == b"\0\0":
        return "utf-16-le"
    return "utf-16-be" if data[0:4:2] == b"\0\0" else "utf-8-sig"


def read_table(text: str) -> list[Line]:
    """Return the lines of a list. Raises BadTable for none, too many, or ambiguous columns."""
    text = text.removeprefix("\ufeff")
    if said := _SEP_LINE.match(text):
        rows = _cells(text[said.end() :], said[1])
    else:
        rows = _cells(text, _separator(text))
    head = next(rows, None)
    if head is None:
        raise BadTable(_("The list is empty."))
    columns = _columns(head[1])
    lines: list[Line] = []
    for number, cells in rows:
        if len(lines) == MOST_ROWS:
            words = _("The list has more than %(most)s tenants. Split it into smaller lists.")
            raise BadTable(words % {"most": MOST_ROWS})
        _require_headings(number, columns, cells)
        lines.append(_line(number, columns, cells))
    if not lines:
        raise BadTable(_("The list has a header but no rows."))
    return lines


def _separator(text: str) -> str:
    """Return the separator that yields the most column names in the first row."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max(_SEPARATORS, key=lambda sign: sum(bool(_named(cell)) for cell in first.split(sign)))


def _cells(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (number of its first line, stripped cells) of each row that is not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        number = reader.line_num + 1
        try:
            cells = [_trimmed(cell) for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error:
            problem = _(
                "The list can't be read from line %(number)s on: a quoted cell isn't "
                "closed, or is too long."
            ) % {"number": number}
        else:
            if not any(cells):
                continue
            if not any(map(_CONTROL.search, cells)):
                yield number, cells
                continue
            words = _("Line %(number)s has control characters. Save the file again.")
            problem = words % {"number": number}
        raise BadTable(problem)


def _trimmed(cell: str) -> str:
    """Strip blanks, no-break spaces, and invisible characters from both ends."""
    visible = [at for at, sign in enumerate(cell) if not sign.isspace() and not is_invisible(sign)]
    return cell[visible[0] : visible[-1] + 1] if visible else ""


def _named(cell: str) -> str | None:
    """Return the column with this heading, in any spelling; "" for a blank heading."""
    words = fold(cell.replace('"', " ").replace("_", " "))
    return _HEADS.get(words) if words else ""


def _columns(head: Sequence[str]) -> list[str]:
    """Return the column of each heading, "" where it is blank."""
    columns = [_named(cell) for cell in head]
    known = [column for column in columns if column]
    if "name" not in known:
        raise BadTable(
            _("The header must name the columns: name, and optionally slug, scheme, token, groups.")
        )
    if None in columns:
        place = columns.index(None) + 1
        words = _("The header has an unrecognized column: number %(place)s.")
        raise BadTable(words % {"place": place})
    if len(set(known)) < len(known):
        raise BadTable(_("The header names a column twice."))
    return [column or "" for column in columns]


def _require_headings(number: int, columns: Sequence[str], cells: Sequence[str]) -> None:
    """Raise BadTable for a cell below a blank heading: its meaning is unknown."""
    for place, (column, cell) in enumerate(zip(columns, cells, strict=False), start=1):
        if cell and not column:
            words = _(
                "Column %(place)s has no name in the header, but line %(number)s has a "
                "value in it. Name the column, or empty its cells."
            )
            raise BadTable(words % {"place": place, "number": number})


def _line(number: int, columns: Sequence[str], cells: Sequence[str]) -> Line:
    if any(cells[len(columns) :]):
        problem = gettext_noop(
            "Has more cells than the header. Put cells that contain a separator in quotes."
        )
        return Line(number, problems=(problem,))
    given = {name: cell for name, cell in zip(columns, cells, strict=False) if name}
    name, name_problem = _name(given.get("name", ""))
    slug, slug_problem = _slug(given.get("slug", ""), name)
    token, token_problem = _token(given.get("token", ""))
    scheme, scheme_problem = _scheme(given.get("scheme", ""), needed=bool(given.get("token")))
    groups, group_problem = _groups(given.get("groups", ""))
    problems = (name_problem, slug_problem, scheme_problem, token_problem, group_problem)
    return Line(number, name, slug, scheme, token, groups, tuple(filter(None, problems)))


def _name(cell: str) -> tuple[str, str]:
    """Return (name, problem). A name that must not be shown is returned as ""."""
    if not cell:
        return "", gettext_noop("Name is missing.")
    if looks_like_token(cell):
        return "", gettext_noop(
            "The name looks like a token, so it isn't shown. Check the columns."
        )
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in cell):
        return "", gettext_noop("The name has a line break or another invalid character.")
    if len(cell) > 120:
        return cell[:40] + " …", gettext_noop("The name is longer than 120 characters.")
    return cell, ""


def _slug(cell: str, name: str) -> tuple[str, str]:
    if looks_like_token(cell):
        return "", gettext_noop(
            "The short name looks like a token, so it isn't shown. Check the columns."
        )
    slug = cell.lower() or suggest_slug(name)
    if slug in RESERVED_SLUGS:
        return "", gettext_noop("The short name is reserved.")
    if re.fullmatch(SLUG, slug) and len(slug) <= 50:
        return slug, ""
    if cell:
        return (
            "",
            gettext_noop(
                "The short name must have only lowercase letters a-z, digits, and single "
                "hyphens, 50 at most."
            ),
        )
    problem = gettext_noop("The short name can't be derived from the name. Enter one.")
    return "", problem if name else ""


def _scheme(cell: str, *, needed: bool) -> tuple[Scheme | None, str]:
    scheme = _SCHEMES.get(fold(cell).replace("_", " ").replace("-", " "))
    if scheme or not needed:
        return scheme, ""
    if cell:
        return None, gettext_noop("The scheme must be “API key” or “OAuth token”.")
    return None, gettext_noop("The token needs a scheme: “API key” or “OAuth token”.")


def _token(cell: str) -> tuple[str, str]:
    if not cell:
        return "", ""
    try:
        return clean_token(cell), ""
    except BadToken as error:
        problem = f"{error.message} {error.advice}"
    return "", problem


def _groups(cell: str) -> tuple[tuple[str, ...], str]:
    names = tuple(dict.fromkeys(part for part in map(str.strip, re.split(r"[|;,]", cell)) if part))
    if any(looks_like_token(name) for name in names):
        return (), gettext_noop("A group looks like a token. Check the columns.")
    return names, ""


def looks_like_token(text: str) -> bool:
    """Return whether it is long, without a blank, and mixes letters and digits: hardly a name."""
    if _UUID.search(text) or any(_is_mixed(run) for run in _RUN.findall(text)):
        return True
    capitals = text != text.lower() and text != text.upper()
    return len(text) >= 24 and capitals and _is_mixed(text) and " " not in text


def _is_mixed(text: str) -> bool:
    return any(sign.isdigit() for sign in text) and any(sign.isalpha() for sign in text)
