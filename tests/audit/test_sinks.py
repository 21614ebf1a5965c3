"""Checkpoints leave the database at least once, in order, and a failure is reported."""

import os
import socketserver
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import override_settings
from pytest_django import Settings

from lofty_admin.audit import tasks
from lofty_admin.audit.models import AuditCheckpoint, AuditDelivery
from lofty_admin.audit.proof import sinks
from lofty_admin.audit.proof.signed_checkpoint import Checkpoint, believed_keys
from lofty_admin.audit.proof.sinks import DeliveryError, deliver
from lofty_admin.audit.proof.trusted_checkpoints import TrustedCheckpoints
from lofty_admin.core.environment import Sink
from tests.support.audit_log import checkpoint, sign_here, sink_to, use, write


@pytest.fixture
def made(db: None, settings: Settings) -> list[Checkpoint]:
    """Three checkpoints that no sink has yet."""
    sign_here(settings)
    write(1)
    return [checkpoint() for _ in range(3)]


def lines(made: list[Checkpoint]) -> str:
    return "".join(f"{checkpoint.line}\n" for checkpoint in made)


def test_no_sink__nothing_handed_over_and_all_wait(made: list[Checkpoint]) -> None:
    assert deliver() == 0
    assert AuditDelivery.waiting().count() == 3


def test_file__all_in_order_once_and_appended(
    made: list[Checkpoint], settings: Settings, tmp_path: Path
) -> None:
    path = sink_to(settings, tmp_path / "anchors")
    assert (deliver(), deliver()) == (3, 0)
    assert path.read_text() == lines(made)
    assert stat.S_IMODE(path.stat().st_mode) & stat.S_IRWXO == 0
    more = checkpoint()
    assert deliver() == 1
    assert path.read_text() == lines([*made, more])


def test_file__written__is_on_the_disk_before_it_counts(
    made: list[Checkpoint],
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sink_to(settings, tmp_path / "anchors")
    waiting_at_sync: list[int] = []
    monkeypatch.setattr(
        os, "fsync", lambda file: waiting_at_sync.append(AuditDelivery.waiting().count())
    )
    deliver()
    assert waiting_at_sync == [3]


def test_file__refused__kept_noted_and_sent_later(
    made: list[Checkpoint], settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "not yet"
    path = sink_to(settings, folder / "anchors")
    with pytest.raises(DeliveryError, match=r"file did not accept 3: FileNotFoundError"):
        tasks.checkpoint(timestamp=0)
    delivery = AuditDelivery.objects.get()
    assert delivery.failure.startswith("FileNotFoundError")
    assert delivery.failed_at is not None
    folder.mkdir()
    assert deliver() == 3
    assert AuditDelivery.objects.filter(failure="", failed_at=None).count() == 1
    assert path.read_text() == lines(made)


def test_file__killed_before_it_was_noted__repeats_and_verifies(
    made: list[Checkpoint], settings: Settings, tmp_path: Path
) -> None:
    path = sink_to(settings, tmp_path / "anchors")
    deliver()
    AuditDelivery.objects.update(up_to=AuditCheckpoint.objects.earliest("pk").pk)
    assert deliver() == 2
    assert len(path.read_text().splitlines()) == 5
    anchors = TrustedCheckpoints(path, believed_keys())
    assert (anchors.findings, anchors.believed) == ([], made)


def test_file__very_many_wait__some_at_once(
    made: list[Checkpoint], settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = sink_to(settings, tmp_path / "anchors")
    monkeypatch.setattr(sinks, "MOST_AT_ONCE", 2)
    assert [deliver(), deliver(), deliver()] == [2, 1, 0]
    assert path.read_text() == lines(made)


def test_anchors__file_rotated_in_between__begins_anywhere(
    made: list[Checkpoint], tmp_path: Path
) -> None:
    path = tmp_path / "anchors"
    path.write_text(f"\n{lines(made[1:])}\n")
    assert TrustedCheckpoints(path, believed_keys()).findings == []


# --- syslog ---------------------------------------------------------------------------------------
class SyslogServer(socketserver.TCPServer):
    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.ended = threading.Event()
        super().__init__(("127.0.0.1", 0), SyslogConnection)


class SyslogConnection(socketserver.StreamRequestHandler):
    server: SyslogServer

    def handle(self) -> None:
        self.server.got.extend(self.rfile)
        self.server.ended.set()


@pytest.fixture
def syslog(settings: Settings) -> Iterator[SyslogServer]:
    with SyslogServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        use(settings, checkpoint_sink=Sink("syslog", f"127.0.0.1:{server.server_address[1]}"))
        yield server
        server.shutdown()
        thread.join()


def test_syslog__one_message_a_line_that_can_be_read_back(
    made: list[Checkpoint], syslog: SyslogServer, tmp_path: Path
) -> None:
    assert deliver() == 3
    assert syslog.ended.wait(5)
    assert all(line.startswith(b"<86>{") for line in syslog.got)
    path = tmp_path / "syslog"
    path.write_bytes(b"".join(syslog.got))
    assert TrustedCheckpoints(path, believed_keys()).believed == made


def test_syslog__no_listener__noted_and_kept(made: list[Checkpoint], syslog: SyslogServer) -> None:
    syslog.shutdown()
    syslog.server_close()
    with pytest.raises(DeliveryError, match="syslog did not accept 3: ConnectionRefusedError"):
        deliver()
    assert AuditDelivery.waiting().count() == 3


# --- mail -----------------------------------------------------------------------------------------
def test_mail__one_message_with_all_lines(made: list[Checkpoint], settings: Settings) -> None:
    use(settings, checkpoint_sink=Sink("mail", "auditor@example.com"))
    assert deliver() == 3
    (letter,) = mail.outbox
    assert letter.to == ["auditor@example.com"]
    assert str(letter.body).endswith("\n\n" + lines(made))


def test_mail__server_away__command_says_so(made: list[Checkpoint], settings: Settings) -> None:
    use(settings, checkpoint_sink=Sink("mail", "auditor@example.com"))
    backend = "django.core.mail.backends.smtp.EmailBackend"
    with (
        override_settings(EMAIL_BACKEND=backend, EMAIL_HOST="127.0.0.1", EMAIL_PORT=9),
        pytest.raises(CommandError, match="mail did not accept 4: ConnectionRefusedError"),
    ):
        call_command("audit_checkpoint")
