"""Format events as rows of a CSV file for spreadsheets."""

import csv
import re
from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import Any

from django.utils.translation import override

from lofty_admin.agentsettings.display.rows import Row
from lofty_admin.agentsettings.fields import BY_NAME
from lofty_admin.audit.models import AuditEvent, mapping
from lofty_admin.history.describe import event_rows

COLUMNS = (
    "Number",
    "Time (UTC)",
    "Tenant",
    "Short name",
    "Person",
    "Kind of actor",
    "Address",
    "What happened",
    "About",
    "Outcome",
    "Reason",
    "Settings changed",
    "Changes",
    "Lofty's status",
    "Lofty's message",
    "Request",
    "Operation",
    "Hash",
)
BOM = "\ufeff"  # without it, Excel does not read the file as UTF-8
LONGEST = 32_000  # characters: Excel accepts 32,767 in one cell
_FORMULA = "=+@\t\r\n\0＝＋－＠﹦﹢﹣﹫−-"  # the hyphen last: it goes into a character class
# Some programs skip blanks and what they do not draw before they look. So everything counts that is
# no letter, digit, or ASCII sign, and the letters that are blank.
_SKIPPED = r"""(?:[^\w!-~]|["\u115f\u1160\u3164\uffa0])*"""
# Where a cell begins in a program that splits at semicolons or tabs, or ignores quotes.
_FORMULA_IN_SOME_CELL = re.compile(rf"""(\A|\r\n|[,;\t\n]|\r(?!\n))(?={_SKIPPED}[{_FORMULA}])""")


def cell(text: str) -> str:
    """Return `text` with an apostrophe before everything a spreadsheet could take for a formula.

    Programs split a file at commas, semicolons, or tabs, depending on the country, so a formula may
    begin in the middle of a text.
    """
    return _FORMULA_IN_SOME_CELL.sub(r"\1'", text)


def csv_line(texts: Sequence[str]) -> str:
    """Return one row, with every text safe and short enough for a cell."""
    line: str = _writer.writerow([cell(_short(text)) for text in texts])
    return line


class _Returning:
    """A file for csv.writer that returns what it is given, so that `writerow` returns the line."""

    def write(self, text: str) -> str:
        return text


_writer: Any = csv.writer(_Returning())


def _short(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}… (cut: {len(text):,} characters; JSON Lines has the full text)"


@override("en")
def columns(event: AuditEvent) -> list[str]:
    """Return an event in the order of COLUMNS; "?" for what a damaged record no longer contains.

    Always in English, because files are compared and read by programs.
    """
    return [
        str(event.seq),
        f"{event.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
        event.tenant_name,
        event.tenant_slug,
        event.who,
        event.actor_kind,
        event.ip,
        event.what,
        event.subject,
        event.outcome_label,
        event.reason,
        *(body_columns(event) if event.content else ["?"] * 4),
        event.request_id,
        str(event.operation_id or ""),
        event.hash,
    ]


def body_columns(event: AuditEvent) -> Iterator[str]:
    """Yield the columns that only the body has: settings, changes, Lofty's status and message."""
    yield ", ".join(str(BY_NAME[n].label) if n in BY_NAME else n for n in event.changed)
    yield "; ".join(_change(row) for row in event_rows(event))
    answer = mapping(event.detail.get("answer"))
    yield from (str(answer.get(name) or "") for name in ("status", "message"))


def _change(row: Row) -> str:
    """Return the change in words, such as "Active days: Monday, Tuesday -> Every day"."""
    now = f" (in Lofty afterwards: {row.now})" if row.now else ""
    return f"{row.label}: {row.before} -> {row.after}{now}"
