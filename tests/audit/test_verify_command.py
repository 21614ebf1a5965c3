"""The verification command: exit codes, refusals, and the progress bar."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.models import AuditEvent
from lofty_admin.audit.proof.verify import CHUNK
from tests.support.audit_log import PUBLIC_KEY, checkpoint, keep, run, sign_here, tamper, use, write

ANCHORED = ("--public-key", PUBLIC_KEY, "--anchor")


@pytest.fixture
def anchors(db: None, settings: Settings, tmp_path: Path) -> str:
    sign_here(settings)
    write(5)
    checkpoint()
    path = keep(tmp_path / "anchors.jsonl")
    use(settings, audit_signing_key=None)
    return str(path)


def noted() -> dict[str, Any]:
    detail: dict[str, Any] = AuditEvent.objects.get(kind=Kind.LOG_VERIFIED).content["detail"]
    return detail


def test_command__no_anchor__exit_2_and_says_what_was_not_checked(anchors: str) -> None:
    code, text = run("audit_verify")
    assert code == 2
    assert "Records 1 to 5 checked: consistent.\n" in text
    assert "Truncation NOT checked without an anchor" in text


def test_command__from_a_record__exit_2_even_with_an_anchor(anchors: str) -> None:
    code, text = run("audit_verify", *ANCHORED, anchors, "--from", "3")
    assert code == 2
    assert "Records 3 to 5 checked: consistent" in text
    assert "Records 1 to 2 were NOT checked." in text


def test_command__run__is_noted_in_the_log_itself(anchors: str) -> None:
    run("audit_verify", *ANCHORED, anchors)
    noted_event = noted()
    assert noted_event["anchor"].pop("at")
    assert noted_event == {
        "first": 1,
        "last": 5,
        "faults": 0,
        "findings": [],
        "exit": 0,
        "anchor": {"size": 5},
    }
    event = AuditEvent.objects.get(kind=Kind.LOG_VERIFIED)
    assert (event.actor_kind, event.actor_id) == ("command", "audit_verify")
    assert event.actor_name.startswith("manage.py audit_verify, run by ")


def test_command__many_faults__all_counted_and_the_first_fifty_noted(db: None) -> None:
    write(60)
    tamper("UPDATE audit_auditevent SET reason = 'x'")
    code, text = run("audit_verify")
    assert code == 1
    assert text.count("copy changed") == 60
    assert "60 faults" in text
    assert (noted()["faults"], len(noted()["findings"])) == (60, 50)


def test_command__log_takes_no_more_records__still_prints_and_exits(anchors: str) -> None:
    tamper("DELETE FROM audit_audithead")
    code, text = run("audit_verify", *ANCHORED, anchors)
    assert code == 1
    assert "log: head mismatch: The head row is missing" in text
    assert not AuditEvent.objects.filter(kind=Kind.LOG_VERIFIED).exists()


def test_command__database_is_read_only__result_is_unchanged(anchors: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL transaction_read_only = on")
    assert run("audit_verify", *ANCHORED, anchors)[0] == 0


def test_command__empty_log__consistent(db: None) -> None:
    code, text = run("audit_verify")
    assert (code, text.splitlines()[0]) == (2, "Records 1 to 0 checked: consistent.")


REFUSED = [
    (["--anchor", "/nowhere"], "--anchor needs --public-key"),
    (["--from", "6"], "the log has 5 records only"),
    (["--from", "0"], "whole number, at least 1"),
    (["--from", "-1"], "whole number, at least 1"),
    (["--from", "many"], "whole number, at least 1"),
    (["--public-key", "hunter2"], "32 bytes in base64"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_command__invalid_options__refused(
    anchors: str, arguments: list[str], message: str
) -> None:
    with pytest.raises(CommandError, match=message) as error:
        call_command("audit_verify", *arguments)
    assert "hunter2" not in str(error.value)


def test_command__public_key_in_the_environment__is_believed(
    anchors: str, settings: Settings
) -> None:
    sign_here(settings)
    assert run("audit_verify", "--anchor", anchors)[0] == 0


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def shown_on(err: StringIO) -> str:
    with pytest.raises(SystemExit):
        call_command("audit_verify", stdout=StringIO(), stderr=err)
    return err.getvalue()


def test_command__on_a_terminal__shows_a_bar_and_clears_it(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lofty_admin.audit.proof.verify.CHUNK", 2)
    write(4)
    shown = shown_on(Terminal())
    assert "[###############...............]  50%  2 of 4" in shown
    assert "100%  4 of 4" in shown
    assert shown.endswith("\r\x1b[K")


def test_command__piped__shows_no_bar(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lofty_admin.audit.proof.verify.CHUNK", 2)
    write(4)
    assert CHUNK > 2
    assert shown_on(StringIO()) == ""
