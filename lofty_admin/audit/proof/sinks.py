"""Deliver checkpoints, at least once, to a place the database's owner cannot change."""

import os
from collections.abc import Callable, Sequence
from logging import INFO, LogRecord
from logging.handlers import SysLogHandler
from socket import SOCK_STREAM
from socket import socket as Socket  # noqa: N812 - next to the handler's own `socket`

from django.conf import settings
from django.core.mail import send_mail
from django.utils import timezone

from lofty_admin.audit.models import AuditDelivery

MOST_AT_ONCE = 1000
SECONDS = 10


class DeliveryError(Exception):
    """The sink did not take the checkpoints. They stay in the database and are tried again."""


def deliver() -> int:
    """Deliver the waiting checkpoints to AUDIT_CHECKPOINT_SINK, oldest first; return how many.

    Without a sink nothing waits. If the process is killed, the checkpoints it delivered are
    delivered again: verification skips repeated lines. Raises DeliveryError; the reason is also
    stored.
    """
    sink = settings.ENVIRONMENT.checkpoint_sink
    waiting = list(AuditDelivery.waiting()[:MOST_AT_ONCE]) if sink else []
    if not sink or not waiting:
        return 0
    try:
        _SENDERS[sink.kind](sink.target, [row.line for row in waiting])
    except OSError as error:
        # Its name and the system's words only: a server's reply is not ours to show.
        reason = f"{type(error).__name__} {error.strerror or ''}".strip()
        _note(failure=reason, failed_at=timezone.now())
        raise DeliveryError(f"{sink.kind} did not accept {len(waiting)}: {reason}.") from None
    _note(up_to=waiting[-1].pk, failure="", failed_at=None)
    return len(waiting)


def _note(**values: object) -> None:
    AuditDelivery.objects.update_or_create(pk=AuditDelivery.ONLY, defaults=values)


def to_file(path: str, lines: Sequence[str]) -> None:
    """Append the lines and wait until they are on the disk."""
    text = "".join(f"{line}\n" for line in lines).encode()
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    try:
        while text:
            text = text[os.write(file, text) :]
        os.fsync(file)
    finally:
        os.close(file)


class _LoudSyslog(SysLogHandler):
    """Send each message as a line over TCP (RFC 6587); raise errors instead of printing."""

    append_nul = False
    socket: Socket

    def createSocket(self) -> None:  # noqa: N802 - logging's name
        super().createSocket()
        self.socket.settimeout(SECONDS)

    def handleError(self, record: LogRecord) -> None:  # noqa: N802 - logging's name
        raise  # the error that logging calls this about


def to_syslog(target: str, lines: Sequence[str]) -> None:
    host, _, port = target.rpartition(":")
    handler = _LoudSyslog((host, int(port)), SysLogHandler.LOG_AUTHPRIV, SOCK_STREAM)
    try:
        for line in lines:
            handler.emit(LogRecord("audit", INFO, "", 0, f"{line}\n", None, None))
    finally:
        handler.close()


def to_mail(address: str, lines: Sequence[str]) -> None:
    text = (
        "Keep this e-mail: its lines prove the audit log of the Sales Agent console up to "
        "this point. Save them to a file and pass it to `manage.py audit_verify --anchor "
        "FILE`.\n\n"
    )
    send_mail("Audit log checkpoint", text + "\n".join(lines) + "\n", address, [address])


_SENDERS: dict[str, Callable[[str, Sequence[str]], None]] = {
    "file": to_file,
    "syslog": to_syslog,
    "mail": to_mail,
}
