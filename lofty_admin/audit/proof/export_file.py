"""Export the log to a file, one JSON line for each record; every run appends to it.

The file itself shows how far the export is: after a killed run, the next one continues after the
last whole line. A program that reads the file while it grows may see a line again after that, but
never misses one.
"""

import datetime as dt
import fcntl
import json
import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from django.utils import timezone

from lofty_admin.audit.models import HEAD_ID, AuditEvent, AuditHead
from lofty_admin.audit.proof.jsonl import line

CHUNK = 200  # records between two flushes to the disk


class LogMismatch(Exception):
    """The export cannot continue this file, which is unchanged. The message gives the reason."""


@dataclass(frozen=True)
class Lag:
    """How far the file is behind the log: records, and seconds since the oldest of them."""

    events: int
    seconds: int

    def __str__(self) -> str:
        return f"{self.events:,} records and {self.seconds:,} seconds behind"


class ExportFile:
    """The export file, locked by this process until the end of a `with`.

    last: its last record, or 0.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.last = path, 0
        self._file = -1
        self._log_id = AuditHead.objects.get(pk=HEAD_ID).log_id

    def __enter__(self) -> Self:
        """Open and lock the file. Raises LogMismatch, and OSError if the file cannot be opened."""
        self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._hold()
            whole, last_line = self._whole_lines()
            self.last = self._number(last_line) if whole else 0
            os.ftruncate(self._file, whole)
        except BaseException:
            os.close(self._file)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._file)

    def _hold(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LogMismatch("Another run is writing to it.") from None

    def _whole_lines(self) -> tuple[int, bytes]:
        """Return the number of bytes that are whole lines, and the last line.

        Only a partial line that this program wrote may be cut off.
        """
        size = os.fstat(self._file).st_size
        if not size:
            return 0, b""
        with mmap.mmap(self._file, size, access=mmap.ACCESS_READ) as text:
            whole = text.rfind(b"\n") + 1
            begins = f'{{"log_id": "{self._log_id}"'.encode()
            cut = text[whole : whole + len(begins)]
            if not begins.startswith(cut):
                raise LogMismatch("Its end was not written by an export of this log.")
            return whole, text[text.rfind(b"\n", 0, max(whole - 1, 0)) + 1 : whole]

    def _number(self, last_line: bytes) -> int:
        try:
            found = json.loads(last_line)
            same_log = found["log_id"] == str(self._log_id)
            seq, own_hash = int(found["seq"]), str(found["hash"])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise LogMismatch("Its last line is not a record of an audit log.") from None
        if not same_log:
            raise LogMismatch("It contains another audit log.")
        if not AuditEvent.objects.filter(seq=seq, hash=own_hash).exists():
            raise LogMismatch(
                f"Its last record, {seq}, differs from the log. Was the database restored, "
                "or the log changed? Run `manage.py audit_verify`."
            )
        return seq

    def append(self) -> Iterator[int]:
        """Append every record up to now.

        Yield the number of records in each chunk once it is on the disk.
        """
        up_to = AuditHead.objects.get(pk=HEAD_ID).seq
        rows = AuditEvent.objects.filter(seq__lte=up_to).order_by("seq")
        while piece := list(rows.filter(seq__gt=self.last)[:CHUNK]):
            self._write("".join(line(event, self._log_id) for event in piece).encode())
            self.last = piece[-1].seq
            yield len(piece)

    def _write(self, text: bytes) -> None:
        rest = memoryview(text)
        while rest:
            rest = rest[os.write(self._file, rest) :]
        os.fsync(self._file)

    def lag(self) -> Lag:
        waiting = AuditEvent.objects.filter(seq__gt=self.last).order_by("seq")
        oldest: Any = waiting.values_list("at", flat=True).first()
        age = timezone.now() - oldest if oldest else dt.timedelta()
        head = AuditHead.objects.get(pk=HEAD_ID).seq
        return Lag(max(head - self.last, 0), max(round(age.total_seconds()), 0))
